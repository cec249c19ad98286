import { hasEnded, type Story } from "../../chaos/chronicle.ts";
import { type Row, rowsOfTenant } from "../../chaos/provider.ts";
import { type Problem, peopleBehind } from "../../chaos/verdict.ts";
import { accountOf, type Day, type House, markIn } from "./day.ts";
import { silencesIn } from "./silences.ts";

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
  const silent = await silencesOf(day);
  for (const house of day.houses) problems.push(...(await ofHouse(day, house, silent)));
  return problems;
};

const ofHouse = async ({ world, chronicle }: Day, house: House, silent: Silent): Promise<readonly Problem[]> => {
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
      const since = silent(`${account} ${person}`, Date.parse(row.at));
      if (since !== undefined) problems.push({ what: `row ${row.row} to ${person} of ${account} left ${since}` });
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

/** The promise is a second; the machine may add another one. */
const withinMs = 2000;

type Silent = (who: string, moment: number) => string | undefined;

/** Tells since when and why somebody was to be left alone at a moment; undefined: they were not, or only just. */
const silencesOf = async ({ world, chronicle }: Day): Promise<Silent> => {
  const all = Map.groupBy(await silencesIn(world, chronicle.offsetMs), ({ account, person }) => `${account} ${person}`);
  return (who, moment) => {
    const silence = all.get(who)?.find(({ from, to }) => moment > from + withinMs && moment < to);
    return silence === undefined ? undefined : `${moment - silence.from} ms after they had ${silence.why}`;
  };
};
