import { personCodec } from "@outrider/contracts/registry";
import { parseSubject, streams } from "@outrider/contracts/streams";
import { hasEnded, type Story } from "../../chaos/chronicle.ts";
import { type Row, rowsOfTenant } from "../../chaos/provider.ts";
import { type Problem, peopleBehind } from "../../chaos/verdict.ts";
import { accountOf, type Day, type House, markIn } from "./day.ts";

/** What the provider took against what the contacts say, contact by contact and person by person. */
export const messages = async (day: Day): Promise<readonly Problem[]> => {
  const { chronicle } = day;
  await chronicle.upToNow();
  const problems: Problem[] = chronicle.violations.map(({ what, subject }) => ({ what, subject }));
  for (const pass of chronicle.open) problems.push({ what: `the pass ${pass} is still open` });
  for (const { account, contact } of chronicle.allocated.values()) {
    if (!chronicle.contacts.has(contact)) problems.push({ what: `the allocated contact ${contact} of ${account} was never requested` });
  }
  for (const { status, subject } of [...chronicle.contacts.values()].filter((story) => !hasEnded(story))) {
    problems.push({ what: `a contact is still ${status}`, subject });
  }
  const silent = await silences(day);
  for (const house of day.houses) problems.push(...(await ofHouse(day, house, silent)));
  return problems;
};

const ofHouse = async ({ world, chronicle }: Day, house: House, silent: Silences): Promise<readonly Problem[]> => {
  const account = accountOf(house);
  const rows = (await rowsOfTenant(world, { account, apiKey: house.vendorKey })).filter(({ accepted }) => accepted);
  const behind = await peopleBehind(world, account, [...new Set(rows.map(({ to }) => to))]);
  const told = Map.groupBy(chronicle.storiesOf(account), ({ person }) => person);
  const problems: Problem[] = [];
  for (const [to, theirs] of Map.groupBy(rows, (row) => row.to)) {
    const person = behind.get(to) ?? "";
    const stories = told.get(person) ?? [];
    problems.push(...twice(theirs, stories), ...theirs.flatMap((row) => untold(row, stories)));
    for (const row of theirs) {
      const since = silent.at(`${account} ${person}`, Date.parse(row.at));
      if (since !== undefined)
        problems.push({ what: `row ${row.row} left ${since} ms after ${person} of ${account} was to be left alone` });
    }
  }
  const taken = new Set(rows.map(({ id }) => id));
  for (const { status, providerId, subject } of chronicle.storiesOf(account)) {
    // What a person said to have been sent has no id of the provider's.
    if (status === "accepted" && providerId?.startsWith("person:") === false && !taken.has(providerId)) {
      problems.push({ what: "a contact is accepted and the provider took no such message", subject });
    }
  }
  return problems;
};

/** One contact's messages have one mark. Only a person's decision sends one again. */
const twice = (rows: readonly Row[], stories: readonly Story[]): readonly Problem[] => {
  const resends = stories.reduce((sum, story) => sum + story.resends, 0);
  return [...Map.groupBy(rows, ({ text }) => markIn(text ?? ""))].flatMap(([mark, same]) =>
    same.length > 1 + resends
      ? [{ what: `rows ${same.map(({ row }) => row).join(", ")} are all ${mark} to one person`, subject: stories[0]?.subject }]
      : [],
  );
};

/** A message that the provider took is known to its contact, or was unknown when a person decided. */
const untold = (row: Row, stories: readonly Story[]): readonly Problem[] =>
  stories.some(({ providerId, wasUnknown }) => providerId === row.id || wasUnknown)
    ? []
    : [{ what: `the provider took row ${row.row} and no contact knows of it`, subject: stories[0]?.subject }];

interface Silences {
  /** How long ago somebody was to be left alone, ms, at a moment at which they still were; undefined: they were not, or only just. */
  readonly at: (who: string, moment: number) => number | undefined;
}

/** The promise is a second; the machine may add another one. */
const withinMs = 2000;

/** Who was to be left alone from when to when (real time), as REGISTRY has it: from an opt-out to the next opt-in, from an erasure for ever. */
const silences = async ({ world, chronicle }: Day): Promise<Silences> => {
  const spans = new Map<string, { from: number; to: number }[]>();
  const { jsm } = world.kernel;
  const { state } = await jsm.streams.info(streams.registry.name);
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await jsm.streams.getMessage(streams.registry.name, { seq });
    const about = parseSubject(message?.subject ?? "");
    const decoded = message === null || about?.kind !== "registry.person" ? undefined : personCodec.decode(message.data);
    if (decoded?.kind !== "events" || about === undefined) continue;
    const known = spans.get(`${about.account} ${about.id}`) ?? [];
    spans.set(`${about.account} ${about.id}`, known);
    const at = Date.parse(decoded.at) - chronicle.offsetMs;
    const open = known.find(({ to }) => to === Number.POSITIVE_INFINITY);
    for (const { type } of decoded.events) {
      if ((type === "OptedOut" || type === "PersonErased") && open === undefined) known.push({ from: at, to: Number.POSITIVE_INFINITY });
      if (type === "OptedIn" && open !== undefined) open.to = at;
    }
  }
  return {
    at: (who, moment) => {
      const span = spans.get(who)?.find(({ from, to }) => moment > from + withinMs && moment < to);
      return span === undefined ? undefined : moment - span.from;
    },
  };
};
