import { type ViewName, viewNames } from "@outrider/contracts/documents";
import type { AccountId } from "@outrider/contracts/ids";
import { ledgerCommands } from "@outrider/contracts/ledger";
import { projectorCommands } from "@outrider/contracts/projector";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { streams, subjects } from "@outrider/contracts/streams";
import { keyIds } from "@outrider/platform";
import { eventually, type Tenant, type World } from "../world.ts";
import { type Chronicle, hasEnded, type Story } from "./chronicle.ts";
import { type Row, rowsByAccount } from "./provider.ts";

/** Something that does not hold, and whose history tells more. */
export interface Problem {
  readonly what: string;
  readonly subject?: string | undefined;
}

export interface Asked {
  readonly world: World;
  readonly chronicle: Chronicle;
  readonly tenants: readonly Pick<Tenant, "account" | "apiKey">[];
  /** Whether unknown attempts have been reconciled with the provider's log: then only what never arrived is unknown. */
  readonly reconciled: boolean;
}

/** What the machine may add to the second after an opt-out in which a request may still leave, ms. */
const slackMs = 1000;
const peopleAtOnce = 500;

/** The person behind each number, as the registry knows it. */
export const peopleBehind = async (
  { ask, keyring }: World,
  account: AccountId,
  numbers: readonly string[],
): Promise<ReadonlyMap<string, string>> => {
  const behind = new Map<string, string>();
  for (let from = 0; from < numbers.length; from += peopleAtOnce) {
    const part = numbers.slice(from, from + peopleAtOnce);
    const sealed = await Promise.all(part.map((number) => keyring.seal(keyIds.account(account), number)));
    const { people } = await ask(registryCommands.people, { account, numbers: sealed, register: false }, { timeoutMs: 15_000 });
    for (const [index, who] of people.entries()) if (who.kind !== "invalid") behind.set(part[index] ?? "", who.person);
  }
  return behind;
};

/** Nobody is lost, nobody is asked twice, and what the provider took is what the contacts say. */
const messages = async (asked: Asked): Promise<readonly Problem[]> => {
  const { world, chronicle, tenants, reconciled } = asked;
  const problems: Problem[] = chronicle.violations.map(({ what, subject }) => ({ what, subject }));
  for (const pass of chronicle.open) problems.push({ what: `the pass ${pass} is still open` });
  const rows = await rowsByAccount(world, tenants);
  for (const { account, contact } of chronicle.allocated.values()) {
    if (!chronicle.contacts.has(contact)) problems.push({ what: `the allocated contact ${contact} of ${account} was never requested` });
  }
  for (const { account } of tenants) {
    const taken = (rows.get(account) ?? []).filter(({ accepted }) => accepted);
    const stories = chronicle.storiesOf(account);
    for (const story of stories)
      if (!hasEnded(story)) problems.push({ what: `a contact is still ${story.status}`, subject: story.subject });
    const behind = await peopleBehind(world, account, [...new Set(taken.map(({ to }) => to))]);
    const told = Map.groupBy(stories, ({ person }) => person);
    const byPerson = new Map<string, Row>();
    for (const row of taken) {
      const person = behind.get(row.to) ?? "";
      const story = whoseRow(row, told.get(person) ?? []);
      const before = byPerson.get(person);
      if (before !== undefined)
        problems.push({ what: `one person was messaged twice: rows ${before.row} and ${row.row}`, subject: story?.subject });
      byPerson.set(person, row);
      problems.push(...disagreements(row, story, reconciled));
      const stopped = chronicle.optedOut.get(`${account} ${person}`);
      if (stopped !== undefined && Date.parse(row.at) > stopped + 1000 + slackMs) {
        problems.push({ what: `row ${row.row} left ${Date.parse(row.at) - stopped} ms after STOP`, subject: story?.subject });
      }
    }
    for (const story of stories) {
      if (story.status === "accepted" && byPerson.get(story.person)?.id !== story.providerId) {
        problems.push({ what: "a contact is accepted and the provider took no such message", subject: story.subject });
      }
    }
  }
  return problems;
};

/** Of a person's contacts (one hunt may have gated them, and another one asked) the one that this message is of. */
const whoseRow = (row: Row, stories: readonly Story[]): Story | undefined =>
  stories.find(({ providerId }) => providerId === row.id) ?? stories.find(({ status }) => status === "unknown") ?? stories[0];

/** What the provider knows of a message that it took, against what its contact says. */
const disagreements = (row: Row, story: Story | undefined, reconciled: boolean): readonly Problem[] => {
  if (story === undefined) return [{ what: `row ${row.row} belongs to nobody's contact` }];
  const { status, subject } = story;
  if (status === "accepted") {
    return reconciled && row.phone === "failed" && !story.failed ? [{ what: "a failed message was not told", subject }] : [];
  }
  if (status === "unknown" && !reconciled) return [];
  return [{ what: `the provider took row ${row.row} and the contact is ${status}`, subject }];
};

const priceOf = (stories: readonly Story[]): number => stories.reduce((sum, { credits }) => sum + credits, 0);

/** Granted = captured + held + available, and each is what the contacts say. */
export const credits = async ({ world, chronicle, tenants }: Asked): Promise<readonly Problem[]> => {
  const problems: Problem[] = [];
  for (const { account } of tenants) {
    const balance = await world.ask(ledgerCommands.balance, { account }, { timeoutMs: 15_000 });
    const { granted, expired, captured, refunded, held, available } = balance;
    const stories = chronicle.storiesOf(account);
    const accepted = stories.filter(({ status }) => status === "accepted");
    const expected = {
      captured: priceOf(accepted),
      refunded: priceOf(accepted.filter(({ failed }) => failed)),
      held: priceOf(stories.filter(({ status }) => status === "unknown")),
    };
    const subject = subjects.balance(account);
    const said = JSON.stringify(balance);
    if (granted - expired !== captured - refunded + held + available)
      problems.push({ what: `the balance does not add up: ${said}`, subject });
    for (const [name, value] of Object.entries(expected)) {
      const actual = { captured, refunded, held }[name];
      if (actual !== value) problems.push({ what: `${name} of ${account} is ${actual} and should be ${value}`, subject });
    }
  }
  return problems;
};

export const deadLetters = async ({ kernel }: World): Promise<readonly Problem[]> => {
  const { state } = await kernel.jsm.streams.info(streams.dead.name, { subjects_filter: ">" });
  const found = Object.entries(state.subjects ?? {}).map(async ([subject, count]) => {
    const last = await kernel.jsm.streams.getMessage(streams.dead.name, { last_by_subj: subject });
    return { what: `${count} dead letters at ${subject}, the last one: ${last?.string()}` };
  });
  return Promise.all(found);
};

/** Every view is where its stream is, and equals a fresh fold. */
export const readModels = async ({ kernel, ask }: World): Promise<readonly Problem[]> => {
  const problems: Problem[] = [];
  const { views } = await ask(projectorCommands.views, {}, { timeoutMs: 15_000 });
  for (const { view, stream, seq, degraded } of views) {
    const { last_seq: last } = (await kernel.jsm.streams.info(stream)).state;
    if (degraded !== undefined) problems.push({ what: `the view ${view} is degraded: ${degraded.reason}` });
    if (seq < last) problems.push({ what: `the view ${view} is at ${seq} and ${stream} at ${last}` });
  }
  if (problems.length > 0) return problems;
  for (const view of viewNames) problems.push(...(await verified(ask, view)));
  return problems;
};

const verified = async (ask: World["ask"], view: ViewName): Promise<readonly Problem[]> => {
  const { equal, moved, different, missing, unexpected, first } = await ask(projectorCommands.verify, { view }, { timeoutMs: 120_000 });
  if (moved + different + missing + unexpected === 0) return [];
  return [
    { what: `the view ${view} differs from a fresh fold: ${JSON.stringify({ equal, moved, different, missing, unexpected, first })}` },
  ];
};

/**
 * Resolves when everything holds. What takes its time (a capture, a webhook, a view) is looked at again until the deadline; a person who
 * was messaged twice stays so, and is told at the end like everything else.
 */
export const untilAllHolds = async (asked: Asked, ms: number): Promise<readonly Problem[]> => {
  let problems: readonly Problem[] = [{ what: "nothing could be asked" }];
  const look = async (): Promise<true | undefined> => {
    await asked.chronicle.upToNow();
    problems = [...(await messages(asked)), ...(await credits(asked)), ...(await deadLetters(asked.world))];
    if (problems.length === 0) problems = await readModels(asked.world);
    return problems.length === 0 ? true : undefined;
  };
  try {
    await eventually("everything holds", look, ms);
    return [];
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? ` (${error.cause.message})` : "";
    return problems.length > 0 ? problems : [{ what: `it could not be asked whether everything holds${cause}` }];
  }
};
