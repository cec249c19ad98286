import type { Allocation, HuntTally, RunEvent } from "@outrider/contracts/hunts";
import type { AccountId, HuntId, RunId } from "@outrider/contracts/ids";
import { ledgerCommands } from "@outrider/contracts/ledger";
import { subjects } from "@outrider/contracts/streams";
import { type Aggregate, type Cause, type Instruments, Unavailable } from "@outrider/eventing";
import { type AccountsWatch, type Ask, type Clock, type Keyring, type KnownAccount, Refusal } from "@outrider/platform";
import { beginAllocation } from "./allocate.ts";
import type { Candidates } from "./candidates.ts";
import type { Looking } from "./looking.ts";
import { askBalance, askLines, capacityOf, type Play, type Prices, playOf, requestedOn } from "./play.ts";
import { packed, pagesOf, write } from "./rendering.ts";
import { mostPageBytes, mostPageRows, type Run, type RunCommand, type RunRefusal, reservationIdOf } from "./run.ts";
import { type Capacity, type Shared, share } from "./share.ts";
import type { CandidateAd, HuntSurvey } from "./survey.ts";
import { type GateCandidate, preview } from "./verdicts.ts";
import type { HuntDocument } from "./views.ts";

export type Runs = Aggregate<Run, RunCommand, RunEvent, RunRefusal>;

export interface PassTools {
  readonly runs: Runs;
  readonly candidates: Candidates;
  readonly looking: Looking;
  readonly accounts: Pick<AccountsWatch, "account" | "pausedBy" | "isCurrent">;
  readonly ask: Ask;
  readonly keyring: Pick<Keyring, "openMany" | "sealMany">;
  readonly clock: Pick<Clock, "now" | "nowMs">;
  readonly instruments: Pick<Instruments, "count" | "time" | "log">;
  readonly prices: Prices;
  readonly sandbox: boolean;
  readonly mostContacts: number;
  readonly waitMs: number;
  /** Aborted when the process is to end: the pass stays open and goes on from its own events. */
  readonly stopping: AbortSignal;
}

/** Throws `Unavailable` while this replica may have missed a pause or a change of an account's limits, as when only a newer release can read it. */
export const assertCurrent = ({ accounts }: Pick<PassTools, "accounts">): void => {
  if (!accounts.isCurrent()) throw new Unavailable("the allocator does not know now what is paused and what the accounts' limits are");
};

export interface PassAt {
  readonly account: AccountId;
  readonly run: RunId;
  readonly pass: number;
  /** Whether somebody may have begun it before, and perhaps reserved: then the ledger is asked in any case. */
  readonly again: boolean;
  /** Names the steps' commands and where they came from. */
  readonly cause: (step: string) => Cause;
}

/** Somebody else has moved the run meanwhile, holds more than we knew, or the process is to end: whatever was planned is void. */
class Overtaken extends Error {
  override readonly name = "Overtaken";
}

/** What a plan is made from: copied, because the fold goes on. */
interface Plan {
  readonly account: KnownAccount;
  readonly documents: ReadonlyMap<string, HuntDocument>;
  readonly play: Play;
  readonly capacity: Capacity;
  readonly reservation: string | undefined;
  readonly reservationNumber: number;
  pages: number;
  denialPages: number;
}

/**
 * Drives a pass to its end, however far it had come. Every step is guarded by the run's own state, and every plan is made after the look-ups
 * have folded the run's own last message: so whoever goes on, here or in another replica, contacts nobody twice.
 */
export const drivePass = async (tools: PassTools, at: PassAt): Promise<"closed" | "unknown-account" | "stopping"> => {
  for (let again = at.again; ; again = true) {
    if (tools.stopping.aborted) return "stopping";
    try {
      const plan = await planOf(tools, at);
      if (plan === "closed" || plan === "unknown-account") return plan;
      await carryOut(tools, { ...at, again: again || plan.pages + plan.denialPages > 0 }, plan);
      return "closed";
    } catch (error) {
      if (!(error instanceof Overtaken)) throw error;
    }
  }
};

const planOf = async (
  tools: PassTools,
  { account: id, run, pass: number, cause }: PassAt,
): Promise<Plan | "closed" | "unknown-account"> => {
  const { runs, candidates, looking, accounts, ask, clock, prices } = tools;
  const folded = await runs.fold(subjects.run(id, run));
  const state = structuredClone(folded.state); // plain data; the cached fold goes on while we wait
  const pass = state.passes.find((each) => each.pass === number);
  if (pass === undefined || !pass.open) return "closed";
  assertCurrent(tools);
  const account = accounts.account(id);
  if (account === undefined) return "unknown-account";
  await looking.ownUpTo(folded.revision, tools.waitMs);
  await looking.others(tools.waitMs);
  const began = performance.now();
  const found = await candidates.hunts(id, pass.hunts);
  tools.instruments.time("outrider_hunts_fetch_seconds", {}, (performance.now() - began) / 1000);
  tools.instruments.count("outrider_hunts_fetched_total", {}, found.length);
  const asking = cause("ask");
  const lines = await askLines(ask, account, found, asking);
  const requested = await requestedOn(candidates, account, run);
  const credits = pass.reservation === undefined ? await askBalance(ask, account, asking) : pass.held - pass.used;
  const { reservation, reservationNumber, pages, denialPages } = pass;
  return {
    account,
    documents: new Map(found.map((each) => [each.hunt, each])),
    play: playOf(found, { account, accounts, lines, prices, nowMs: clock.nowMs(), run: state, pass, requested }),
    capacity: capacityOf({ account, lines, run: state, requested }, credits, tools.mostContacts - pass.allocated),
    ...{ reservation, reservationNumber, pages, denialPages },
  };
};

const carryOut = async (tools: PassTools, at: PassAt, plan: Plan): Promise<void> => {
  const began = performance.now();
  const surveys = await look(tools, at, plan);
  const first = share(surveys, plan.capacity);
  const { held, refused } =
    plan.reservation === undefined ? await reserve(tools, at, plan, first.credits) : { held: plan.capacity.credits, refused: undefined };
  // Whoever began this pass had reserved already, so the balance that we planned with lacked our own hold: plan with the hold instead.
  if (held > plan.capacity.credits) throw new Overtaken();
  const shared = held >= first.credits ? first : share(surveys, { ...plan.capacity, credits: held });
  const tallies = (await give(tools, at, plan, shared)).map((tally) => (refused === undefined ? tally : becauseOf(tally, refused)));
  const command = { type: "ClosePass", pass: at.pass, pages: plan.pages, hunts: tallies } as const;
  await execute(tools, at, "close", command);
  for (const { skipped, allocated } of tallies) {
    tools.instruments.count("outrider_allocated_total", {}, allocated);
    for (const [rule, pairs] of Object.entries(skipped)) tools.instruments.count("outrider_skipped_total", { rule }, pairs);
  }
  tools.instruments.time("outrider_pass_seconds", {}, (performance.now() - began) / 1000);
};

/** Looks at all candidates, page by page; what the gate denies is recorded on the way. */
const look = async (tools: PassTools, at: PassAt, plan: Plan): Promise<readonly HuntSurvey[]> => {
  const { account, documents, play, capacity } = plan;
  const { clock, sandbox, candidates } = tools;
  const gate = preview({ account, hunts: documents, now: clock.now(), sandbox, pass: { run: at.run, pass: at.pass } });
  const keep = keeping();
  const survey = beginAllocation(play.hunts, capacity, gate.judge, keep);
  let denials: { person: Allocation["person"]; hunt: HuntId; rule: string }[] = [];
  const record = async (least: number): Promise<void> => {
    while (denials.length > least) {
      const page = plan.denialPages + 1;
      const part = denials.slice(0, mostPageRows);
      denials = denials.slice(mostPageRows);
      await execute(tools, at, `denials-${page}`, { type: "RecordDenials", pass: at.pass, page, denials: part });
      plan.denialPages = page;
    }
  };
  for await (const page of candidates.scan(at.account, oldestWanted(plan, clock.nowMs()))) {
    if (tools.stopping.aborted) throw new Overtaken();
    for (const found of page) survey.take(gate.candidate(found));
    denials.push(...survey.denials().map(({ person, hunt, rule }) => ({ person, hunt, rule })));
    await record(mostPageRows - 1);
  }
  await record(0);
  return survey.hunts();
};

/** Hunts that want the same ad share what is kept of it. */
const keeping = (): ((candidate: GateCandidate, ad: CandidateAd) => string) => {
  let last: CandidateAd | undefined;
  let kept = "";
  return ({ found }, ad) => {
    if (ad !== last) kept = packed(found.ads.find((each) => each.ad === ad.ad));
    last = ad;
    return kept;
  };
};

const dayMs = 86_400_000;
export const oldestWanted = ({ documents }: Pick<Plan, "documents">, nowMs: number): number =>
  nowMs - dayMs * Math.max(0, ...[...documents.values()].map(({ definition }) => definition.criteria.maxAgeDays));

interface Reserved {
  readonly held: number;
  /** The rule by which the ledger refused to hold anything. */
  readonly refused: string | undefined;
}

/** Holds credits for what could be used; known by its number, so that asking again finds the same hold. */
const reserve = async (tools: PassTools, at: PassAt, { reservationNumber }: Plan, wanted: number): Promise<Reserved> => {
  const reservation = reservationIdOf(reservationNumber);
  let held = 0;
  let refused: string | undefined;
  if (wanted > 0 || at.again) {
    try {
      const request = {
        account: at.account,
        reservation,
        number: reservationNumber,
        most: Math.max(wanted, 1),
        atLeast: 1,
        purpose: "pass",
      } as const;
      held = (await tools.ask(ledgerCommands.reserve, request, at.cause("reserve"))).credits;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refused = error.rule;
      tools.instruments.log("warn", "no credits were held for a pass", { account: at.account, pass: at.pass, rule: refused });
    }
  }
  await execute(tools, at, "reservation", { type: "RecordReservation", pass: at.pass, reservation, wanted, held });
  return { held, refused };
};

/** What was skipped for want of credits was so because the ledger refused to hold any, perhaps for another reason than that none are left. */
const becauseOf = (tally: HuntTally, rule: string): HuntTally => {
  const { "no-credits": unpaid, ...skipped } = tally.skipped;
  return unpaid === undefined ? tally : { ...tally, skipped: { ...skipped, [rule]: (skipped[rule] ?? 0) + unpaid } };
};

/** Writes and appends the rows page by page; answers the tallies as they turned out. */
const give = async (tools: PassTools, at: PassAt, plan: Plan, shared: Shared): Promise<readonly HuntTally[]> => {
  const { account, documents: hunts, play } = plan;
  const tallies = new Map(shared.tallies.map((tally) => [tally.hunt, tally]));
  const options = { account: at.account, accountName: account.name, hunts, templates: play.templates, keyring: tools.keyring };
  let waiting: Allocation[] = [];
  const append = async (last: boolean): Promise<void> => {
    const pages = pagesOf(waiting, { mostRows: mostPageRows, mostBytes: mostPageBytes });
    waiting = [];
    for (const [index, rows] of pages.entries()) {
      // The last page may have room for more.
      if (!last && index === pages.length - 1) waiting = [...rows];
      else {
        const page = plan.pages + 1;
        await execute(tools, at, `page-${page}`, { type: "AllocatePage", pass: at.pass, page, rows });
        plan.pages = page;
      }
    }
  };
  for (let from = 0; from < shared.rows.length; from += mostPageRows) {
    if (tools.stopping.aborted) throw new Overtaken();
    const rows = shared.rows.slice(from, from + mostPageRows);
    const written = await write(rows, options);
    for (const drop of written.dropped) tallies.set(drop.hunt, without(tallies.get(drop.hunt), drop));
    waiting.push(...written.rows);
    await append(false);
  }
  await append(true);
  return [...tallies.values()];
};

/** A row that was shared out and could not be written after all: its pair is skipped. */
const without = (
  tally: HuntTally | undefined,
  { rule, error }: { readonly rule: string; readonly error?: string | undefined },
): HuntTally => {
  if (tally === undefined) throw new TypeError("a row belongs to a hunt that is not in play");
  const skipped = { ...tally.skipped, [rule]: (tally.skipped[rule] ?? 0) + 1 };
  return { ...tally, allocated: tally.allocated - 1, skipped, ...(error === undefined ? {} : { error }) };
};

/** Only what this very execution appended counts as done: everything else means that somebody is further than we thought. */
const execute = async ({ runs }: PassTools, { account, run, cause }: PassAt, step: string, command: RunCommand): Promise<void> => {
  const outcome = await runs.execute(subjects.run(account, run), command, cause(step));
  if (outcome.kind === "appended") return;
  if (outcome.kind === "refused" && (outcome.refusal === "does-not-add-up" || outcome.refusal === "beyond-reservation")) {
    throw new Error(`a pass was planned wrongly: ${outcome.refusal}`);
  }
  throw new Overtaken();
};
