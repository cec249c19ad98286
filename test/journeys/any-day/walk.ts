import { blowLog, pause } from "../../chaos/blows.ts";
import { openChronicle } from "../../chaos/chronicle.ts";
import { reportOf } from "../../chaos/report.ts";
import { type Dice, diceOf } from "../../chaos/seed.ts";
import type { Problem } from "../../chaos/verdict.ts";
import { type Answer, type Client, openShop } from "../../http.ts";
import { eventually, lawfulMoment, openWorld, type World } from "../../world.ts";
import { type Check, checks } from "./checks.ts";
import { type Day, type House, shortly } from "./day.ts";
import { type Operation, operations } from "./operations.ts";
import { remembering, type Said } from "./said.ts";
import { makeHunt, startPass } from "./with-ads.ts";
import { goOn } from "./with-means.ts";
import { writeToThoseLeft } from "./with-people.ts";

export interface WalkOptions {
  readonly seed: number;
  /** How often all the cards of the deck are played. */
  readonly decks: number;
  /** Senders are killed, too, and keys of erased people must have been destroyed at the end: a minute or two more. */
  readonly patient: boolean;
  /** Processes of each service. Default 2: what one of them has not heard of is half of what can go wrong. */
  readonly replicas?: number;
  readonly tell?: (line: string) => void;
}

export interface WalkResult {
  /** Undefined when everything holds. */
  readonly failure: string | undefined;
  readonly figures: Readonly<Record<string, number>>;
}

/** What takes minutes in the world takes seconds here: provider's answers, reconciling, polling, holds, and the end of keys. */
const brisk = {
  ...{ ATTEMPT_TIMEOUT_MS: "2000", RECONCILE_AFTER_MS: "0,2000,4000", STATUS_AFTER_MS: "3000", POLL_PROVIDER_MS: "2000" },
  ...{ LEDGER_CLAIM_MS: "2000", LEDGER_CLAIM_GRACE_MS: "2000", PASS_TAKEOVER_MS: "2000", INGEST_ACK_WAIT_MS: "2000" },
  ...{ ERASURE_KEY_GRACE_MS: "67000", LOG_LEVEL: "debug" },
};
const accounts = { ventose: "Ventose", brumaire: "Brumaire" } as const;

/** A day of two accounts, drawn from the seed; then calm, rest, and the checks. */
export const walk = async (options: WalkOptions): Promise<WalkResult> => {
  const { seed, replicas = 2, tell } = options;
  const log = blowLog(tell);
  const offsetMs = Date.parse(lawfulMoment) - Date.now();
  await using world = await openWorld({
    keep: process.env["CHAOS_KEEP"] !== undefined,
    replicas,
    readyMs: 150_000,
    env: { ...brisk, OUTRIDER_CLOCK_OFFSET_MS: String(offsetMs), SIM_SEED: String(seed) },
  });
  const chronicle = await openChronicle(world, offsetMs);
  await using stack = new AsyncDisposableStack();
  stack.defer(() => chronicle.stop());
  const dice = diceOf(seed, 0);
  const houses = await Promise.all(Object.entries(accounts).map(([account, word]) => houseOf(world, account, word)));
  let counted = 0;
  const day: Day = {
    ...{ world, dice, houses, chronicle, log, patient: options.patient, seen: [] },
    count: () => ++counted,
    at: (ms) => new Date(Date.now() + offsetMs + ms).toISOString(),
  };
  log.note(`the day begins in ${world.dir}`);
  for (const house of houses) await makeHunt(day, house);
  for (const { name, act } of played(dice, options.decks)) {
    const house = dice.pick(houses);
    log.note(`${house.account} ${name}: ${await act(day, house)}`);
    await pause(dice.between(0, 150));
  }
  const problems = await calm(day).then(
    () => untilAtRest(day, options.patient ? 180_000 : 60_000),
    (error: unknown): readonly Problem[] => [{ what: `it does not get calm: ${messageOf(error)}` }],
  );
  log.note("all is checked");
  const figures = figuresOf(day);
  return { failure: problems.length === 0 ? undefined : await reportOf(world, seed, log, problems), figures };
};

const houseOf = async (world: World, account: string, word: string): Promise<House> => {
  const shop = await openShop(world, account, { credits: 40, limits: { minGapMs: 100 } });
  const said: Said[] = [];
  let keys = 0;
  const kept = (client: Client): Client => remembering(client, () => `${account}-${++keys}`, said);
  return {
    ...{ account, admin: kept(shop.admin), client: kept(shop.client), word, vendorKey: `vendor-key-of-${account}` },
    ...{ files: [], hunts: [], asked: [], erased: new Set(), left: new Set(), wrote: 0, said },
  };
};

/** All cards of the deck, shuffled anew each time. */
export const played = (dice: Dice, decks: number): readonly Operation[] =>
  Array.from({ length: decks }).flatMap(() =>
    operations
      .flatMap((operation) => Array.from({ length: operation.times }, () => ({ operation, place: dice.next() })))
      .sort((one, other) => one.place - other.place)
      .map(({ operation }) => operation),
  );

/** Nothing is broken, paused or short any more, and a last pass asks again for whom the day has left out. */
const calm = async (day: Day): Promise<void> => {
  const { world, log, houses } = day;
  await world.sim.setFaults({}, "none");
  await world.outrider.ready(60_000);
  /** Carried out, or refused for a reason of its own. */
  const done = (what: string, act: () => Promise<Answer>) =>
    eventually(what, async () => {
      const answer = await act();
      if (answer.status >= 300 && answer.status !== 409) throw new Error(`${answer.status} ${answer.text}`);
      return answer;
    });
  await eventually("everything is resumed", async () => ((await goOn(day)).status === 200 ? true : undefined));
  for (const { client, admin, account, hunts } of houses) {
    await done("the line is resumed", () => client.post("/v1/lines/main/resume"));
    await done("the account is resumed", () => client.post("/v1/resume"));
    const free = { minGapMs: 0, jitterMs: 0, recipientsPerDay: null, recipientsPerMonth: null };
    await done("the account's limits are lifted", () => client.patch("/v1/account/policy", { dailyLimit: null }));
    await done("the line's limits are lifted", () => client.patch("/v1/lines/main/limits", free));
    await done("credits are granted", () => admin.post("/v1/credits/grants", { credits: 500 }, { "idempotency-key": `calm-${account}` }));
    for (const hunt of hunts) {
      const answer = await done("a hunt goes on, or is over", () => client.post(`/v1/hunts/${hunt}/resume`));
      log.note(`${account} resumes a hunt for the last time: ${shortly(answer)}`);
    }
  }
  for (const house of houses) log.note(`${house.account} writes to those who are to be left alone: ${await writeToThoseLeft(day, house)}`);
  for (const house of houses) log.note(`${house.account} begins a last ${await startPass(day, house)}`);
};

/** Looks again and again until everything holds; what can never hold again is told at the deadline like everything else, by all checks. */
const untilAtRest = async (day: Day, ms: number): Promise<readonly Problem[]> => {
  const look = async () => ((await firstProblems(day)).length === 0 ? true : undefined);
  return eventually("everything holds", look, ms).then(
    () => [],
    async () => {
      const problems = [...day.seen];
      for (const check of checks) problems.push(...(await looked(day, check)));
      return problems.length > 0 ? problems : [{ what: "everything held, but only when it was too late" }];
    },
  );
};

/** The first ones cost little, and the others need not be asked before. */
const firstProblems = async (day: Day): Promise<readonly Problem[]> => {
  let problems: readonly Problem[] = day.seen;
  for (const check of checks) if (problems.length === 0) problems = await looked(day, check);
  return problems;
};

const looked = async (day: Day, { name, look }: Check): Promise<readonly Problem[]> => {
  try {
    return (await look(day)).map((problem) => ({ ...problem, what: `${name}: ${problem.what}` }));
  } catch (error) {
    return [{ what: `${name}: it could not be asked: ${messageOf(error)}` }];
  }
};

const messageOf = (error: unknown): string =>
  error instanceof Error ? `${error.message}${error.cause === undefined ? "" : ` (${messageOf(error.cause)})`}` : String(error);

const figuresOf = ({ chronicle }: Day): Readonly<Record<string, number>> => {
  const figures: Record<string, number> = { allocated: chronicle.allocated.size, contacts: chronicle.contacts.size };
  const add = (name: string): void => {
    figures[name] = (figures[name] ?? 0) + 1;
  };
  for (const { status, rule, requests } of chronicle.contacts.values()) {
    add(status === "gated" ? `gated ${rule}` : status);
    if (requests > 1) add("asked anew");
  }
  return figures;
};
