import { huntCommands } from "@outrider/contracts/hunts";
import { type AccountId, hashId, runId } from "@outrider/contracts/ids";
import { subjects } from "@outrider/contracts/streams";
import { type Cause, type Kernel, Unavailable } from "@outrider/eventing";
import { type Ask, Refusal } from "@outrider/platform";
import type { Alarms, DailyRuns } from "./alarms.ts";
import { names, type SchedulerConfig } from "./config.ts";
import type { DailyRun } from "./daily-run.ts";
import { lastRun } from "./times.ts";

/** What beginning an account's day needs of the running service. */
export interface SchedulerParts {
  readonly kernel: Kernel;
  readonly alarms: Alarms;
  readonly dailyRuns: DailyRuns;
  readonly clock: { readonly now: () => string };
  readonly ask: Ask;
  readonly config: Pick<SchedulerConfig, "SCHEDULER_ASK_TIMEOUT_MS">;
}

/**
 * Brings what is armed to what the account wants, after beginning the day that nothing is there to begin any more. What was lost shows only
 * until it is armed again: so it is armed last, and a day that could not begin now begins when this is done again. A moment that passes
 * meanwhile has nothing else to begin it. Throws `Unavailable`.
 */
export const catchUp = async (parts: SchedulerParts, account: AccountId, cause: Cause): Promise<void> => {
  const { alarms, dailyRuns, clock } = parts;
  const daily = (await dailyRuns.fold(subjects.account(account))).state;
  const unarmed = daily?.enabled === true ? await withoutAlarm(alarms, account, daily) : undefined;
  if (unarmed !== undefined) {
    let begun: string | undefined;
    for (let missed = lastRun(unarmed, clock.now()); missed !== begun; missed = lastRun(unarmed, clock.now())) {
      if (missed !== undefined) await beginMissed(parts, account, unarmed.timeZone, missed);
      begun = missed;
    }
  }
  await alarms.bring(account, cause);
};

/** What of a daily run nothing was armed for: all of it, or what has been wanted since the alarm that is there still; undefined: nothing. */
const withoutAlarm = async (alarms: Alarms, account: AccountId, daily: DailyRun): Promise<DailyRun | undefined> => {
  if (!(await alarms.isOpen(account))) return daily;
  const armed = await alarms.armed(account);
  if (armed === undefined || (armed.cron === daily.cron && armed.timeZone === daily.timeZone)) return undefined;
  // What has come due is about to begin the day itself.
  return (await alarms.isDue(account)) ? undefined : { ...daily, before: [] };
};

const beginMissed = async (parts: SchedulerParts, account: AccountId, timeZone: string, missed: string): Promise<void> => {
  const date = new Intl.DateTimeFormat("en-CA", { timeZone, dateStyle: "short" }).format(new Date(missed));
  // Begun by hand, or by the schedule before it was lost: then that day has had its run.
  const timeoutMs = parts.config.SCHEDULER_ASK_TIMEOUT_MS;
  const { passes } = await parts.ask(huntCommands.run, { account, run: runId.parse(date) }, { timeoutMs });
  if (passes.length === 0) await startPass(parts, account, { commandId: `missed:${hashId(account, missed)}`, date });
};

interface Fire {
  /** Known by this very fire, so that a redelivery starts one pass only. */
  readonly commandId: string;
  readonly causation?: string;
  readonly traceparent?: string | undefined;
  /** The day that it is for, when that may be over. */
  readonly date?: string;
}

/** A refusal is an answer: today there is nothing to start. */
export const startPass = async (
  { kernel: { instruments }, ask, config }: SchedulerParts,
  account: AccountId,
  { date, ...fire }: Fire,
): Promise<void> => {
  const asked = { ...fire, actor: names.actor, timeoutMs: config.SCHEDULER_ASK_TIMEOUT_MS };
  try {
    const { run, pass } = await ask(huntCommands.startPass, { account, by: "cron", ...(date === undefined ? {} : { date }) }, asked);
    instruments.log("info", "a daily run was started", { account, run, pass });
  } catch (error) {
    if (!(error instanceof Refusal) || error.slug === "internal") throw error;
    if (error.slug === "unavailable") throw new Unavailable(error.message, { cause: error });
    instruments.log("info", "a daily run was not started", { account, rule: error.rule ?? error.slug });
  }
};
