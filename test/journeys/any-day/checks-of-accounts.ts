import { ledgerCommands } from "@outrider/contracts/ledger";
import { streamOf } from "@outrider/contracts/projector";
import { accountOfSubject, parseSubject, streams } from "@outrider/contracts/streams";
import type { Problem } from "../../chaos/verdict.ts";
import { type Answer, clientOf, ok } from "../../http.ts";
import type { World } from "../../world.ts";
import { asked, isFine, type Question } from "./checks-of-answers.ts";
import { allOf } from "./checks-of-sums.ts";
import { accountOf, type Day, type House } from "./day.ts";

/** What is one account's is in no list of another's, cannot be asked for by its id, and cannot be changed. The streams say whose it is. */
export const nothingIsForeign = async (day: Day): Promise<readonly Problem[]> => {
  const owned = await everything(day.world);
  const problems: Problem[] = [];
  for (const house of day.houses) {
    const others = day.houses.filter(({ account }) => account !== house.account);
    const theirs = owned.filter(({ account }) => others.some((other) => other.account === account));
    const ours = new Set(owned.flatMap(({ account, id }) => (account === house.account ? [id] : [])));
    const isForeign = foreignIn(others, new Set(theirs.flatMap(({ id }) => (ours.has(id) ? [] : [id]))));
    problems.push(...(await listsOf(day, house, isForeign)), ...(await balanceOf(day, house)));
    for (const other of others) {
      const its = theirs.filter(({ account }) => account === other.account);
      const people = day.chronicle
        .storiesOf(accountOf(other))
        .slice(-ofEach)
        .map(({ person }) => person);
      const questions = questionsAbout(its, people);
      // A question that nobody is answered shows nothing.
      const ownAnswers = await asked(
        other,
        questions.map(({ path }) => ({ path, holds: isFine })),
      );
      problems.push(
        ...ownAnswers,
        ...(await asked(house, questions)),
        ...(await changesBy(house, its)),
        ...(await keyOf(day, house, other)),
      );
    }
  }
  return problems;
};

/** An aggregate, by its subject. */
interface Owned {
  readonly subject: string;
  readonly kind: string;
  readonly account: string;
  readonly id: string;
}

const everything = async ({ kernel: { jsm } }: World): Promise<readonly Owned[]> => {
  const all: Owned[] = [];
  for (const { name } of [streams.registry, streams.ads, streams.hunts, streams.sms, streams.ledger]) {
    const { state } = await jsm.streams.info(name, { subjects_filter: ">" });
    for (const subject of Object.keys(state.subjects ?? {})) {
      const about = parseSubject(subject);
      if (about !== undefined) all.push({ subject, ...about });
    }
  }
  return all;
};

/** The other's word, or an id that is another's alone: what both have (a date, a line's name) tells nothing. */
const foreignIn =
  (others: readonly House[], ids: ReadonlySet<string>) =>
  (text: string): string | undefined => {
    const lower = text.toLowerCase();
    const word = others.find((other) => lower.includes(other.word.toLowerCase()))?.word;
    return word ?? (text.match(/[\w-]{8,64}/g) ?? []).find((token) => ids.has(token));
  };

const lists = {
  ...{ lines: streamOf.lines, hunts: streamOf.hunts, imports: streamOf.imports, ads: streamOf.ads, runs: streamOf.runs },
  ...{ contacts: streamOf.contacts, replies: streamOf.replies, "credits/statement": streamOf.statement },
} as const;

/** Each item of a list names the message that changed it last, whose subject tells whose it is: also where no id does. */
const listsOf = async (
  { world }: Day,
  { account, client }: House,
  isForeign: ReturnType<typeof foreignIn>,
): Promise<readonly Problem[]> => {
  const problems: Problem[] = [];
  const tell = (where: string, what: string | undefined): void => {
    if (what !== undefined && what !== account) problems.push({ what: `${account} sees "${what}" in ${where}` });
  };
  tell("/v1/account", isForeign(ok(await client.get("/v1/account")).text));
  for (const [list, stream] of Object.entries(lists)) {
    for (const item of await allOf(client, `/v1/${list}`)) {
      tell(`an item of /v1/${list}`, isForeign(JSON.stringify(item)));
      const message = await world.kernel.jsm.streams.getMessage(stream, { seq: item.seq });
      tell(`/v1/${list}: ${stream}:${item.seq}`, accountOfSubject(message?.subject ?? "") ?? "nobody's");
    }
  }
  for (const { run } of await allOf(client, "/v1/runs")) tell(`/v1/runs/${run}`, isForeign(ok(await client.get(`/v1/runs/${run}`)).text));
  return problems;
};

const balanceOf = async ({ world }: Day, house: House): Promise<readonly Problem[]> => {
  const { granted, captured, available } = await world.ask(ledgerCommands.balance, { account: accountOf(house) }, { timeoutMs: 15_000 });
  const shown = ok(await house.client.get("/v1/credits")).body;
  const own = JSON.stringify([granted, captured, available]);
  const told = JSON.stringify([shown.granted, shown.captured, shown.available]);
  return own === told ? [] : [{ what: `${house.account} is told the credits ${told} and has ${own}` }];
};

const isNone = ({ status }: Answer): boolean => status === 404 || status === 403;
const isEmpty = ({ status, body }: Answer): boolean => status === 200 && body.items.length === 0;
const ofEach = 3;

const pathsOf: Readonly<Record<string, (id: string) => readonly string[]>> = {
  "ads.import": (id) => [`/v1/imports/${id}`],
  "hunts.hunt": (id) => [`/v1/hunts/${id}`],
  "sms.contact": (id) => [`/v1/contacts/${id}`],
  "sms.inbound": (id) => [`/v1/replies/${id}`],
  "registry.person": (id) => [`/v1/people/${id}`, `/v1/people/${id}/export`],
};

const someOf = (theirs: readonly Owned[]): readonly Owned[] =>
  [...Map.groupBy(theirs, ({ kind }) => kind).values()].flatMap((same) => same.slice(-ofEach));

/** Some of each kind: its owner is answered, and nobody else. */
const questionsAbout = (theirs: readonly Owned[], people: readonly string[]): readonly Question[] => [
  ...someOf(theirs).flatMap(({ subject, kind, id }) =>
    [...(pathsOf[kind]?.(id) ?? []), `/v1/history?subject=${subject}`, `/v1/state?subject=${subject}`].map((path) => ({
      path,
      holds: isNone,
    })),
  ),
  ...people.map((person) => ({ path: `/v1/contacts?person=${person}`, holds: isEmpty })),
];

const changesOf: Readonly<Record<string, (id: string) => readonly [path: string, body?: unknown]>> = {
  "hunts.hunt": (id) => [`/v1/hunts/${id}/pause`],
  "sms.contact": (id) => [`/v1/contacts/${id}/resolve`, { as: "not-sent" }],
  "sms.inbound": (id) => [`/v1/replies/${id}/mark`, { as: "done" }],
  "registry.person": (id) => [`/v1/people/${id}/opt-out`],
};

const changesBy = async ({ account, client }: House, theirs: readonly Owned[]): Promise<readonly Problem[]> => {
  const problems: Problem[] = [];
  for (const { kind, id } of someOf(theirs)) {
    const change = changesOf[kind]?.(id);
    if (change === undefined) continue;
    const answer = await client.post(...change);
    if (!isNone(answer)) problems.push({ what: `${account} was answered ${answer.status} to POST ${change[0]}, which is another's` });
  }
  return problems;
};

/** A key opens its own account, whichever is named. */
const keyOf = async ({ world }: Day, { account, client }: House, other: House): Promise<readonly Problem[]> => {
  const { status } = await clientOf(world.outrider.urls.gateway ?? "", client.key, other.account).get("/v1/account");
  return status === 403 ? [] : [{ what: `the key of ${account} was answered ${status} for ${other.account}` }];
};
