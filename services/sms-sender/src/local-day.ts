const formats = new Map<string, Intl.DateTimeFormat>();

const formatOf = (zone: string): Intl.DateTimeFormat => {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
  if (formats.size > 500) formats.clear();
  formats.set(zone, made);
  return made;
};

const msOfLocal = (text: string): number => Date.parse(`${text.replace(" ", "T")}Z`);

/** The local calendar day of an instant, and that day's last millisecond as an instant. */
export const dayOf = (now: string, zone: string): { readonly date: string; readonly endsAt: string } => {
  const format = formatOf(zone);
  const at = Date.parse(now);
  const date = format.format(at).slice(0, 10);
  const nextMidnight = msOfLocal(`${date} 00:00:00`) + 86_400_000;
  // The offset in force at that midnight; asked twice, because the first guess may lie on the other side of a change.
  let guess = nextMidnight;
  for (let round = 0; round < 2; round++) guess = nextMidnight - (msOfLocal(format.format(guess)) - guess);
  return { date, endsAt: new Date(guess - 1).toISOString() };
};
