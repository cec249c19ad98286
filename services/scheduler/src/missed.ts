import { huntCommands } from "@outrider/contracts/hunts";
import { type AccountId, hashId, runId } from "@outrider/contracts/ids";
import { subjects } from "@outrider/contracts/streams";
import { abreast, Unavailable } from "@outrider/eventing";
import { type AccountsWatch, isCaughtUp, lookRegularly, Refusal, type Service } from "@outrider/platform";
import { names, type SchedulerConfig } from "./config.ts";
import { type SchedulerParts, startPass } from "./reactions.ts";
import { lastRun } from "./times.ts";

/** Accounts that are looked at at the same time. */
const together = 4;

/**
 * Schedules may have been lost, or armed by another clock: what every account wants is compared with what is armed, and a day that should
 * have begun meanwhile begins now.
 */
export const lookForMissed = (service: Service<SchedulerConfig>, parts: SchedulerParts, accounts: AccountsWatch): void =>
  lookRegularly(service, parts.kernel, names.lookForMissed, async (lease, stop) => {
    if (!(await isCaughtUp(accounts, stop))) return;
    let unavailable: unknown;
    await abreast(accounts.all(), together, async ({ account }) => {
      if (lease.lost.aborted || stop.aborted) return;
      try {
        await catchUp(parts, account);
      } catch (error) {
        if (error instanceof Unavailable || (error instanceof Refusal && error.slug === "unavailable")) unavailable = error;
        else service.log.warn({ account, error }, "a daily run could not be armed");
      }
    });
    // The others have had their turn: one day that cannot begin now keeps no other account from being armed.
    if (unavailable !== undefined) throw unavailable;
  });

/**
 * What was lost shows only until it is armed again: it is armed last, so that a day that could not begin now begins at a later look. A moment
 * that passes meanwhile has nothing else to begin it.
 */
const catchUp = async (parts: SchedulerParts, account: AccountId): Promise<void> => {
  const { alarms, dailyRuns, clock } = parts;
  const daily = (await dailyRuns.fold(subjects.account(account))).state;
  if (daily?.enabled === true && !(await alarms.isOpen(account))) {
    let begun: string | undefined;
    for (let missed = lastRun(daily, clock.now()); missed !== begun; missed = lastRun(daily, clock.now())) {
      if (missed !== undefined) await beginMissed(parts, account, daily.timeZone, missed);
      begun = missed;
    }
  }
  await alarms.bring(account, { commandId: `look:${crypto.randomUUID()}`, at: clock.now(), actor: names.actor });
};

const beginMissed = async (parts: SchedulerParts, account: AccountId, timeZone: string, missed: string): Promise<void> => {
  const date = new Intl.DateTimeFormat("en-CA", { timeZone, dateStyle: "short" }).format(new Date(missed));
  // Begun by hand, or by the schedule before it was lost: then that day has had its run.
  const timeoutMs = parts.config.SCHEDULER_ASK_TIMEOUT_MS;
  const { passes } = await parts.ask(huntCommands.run, { account, run: runId.parse(date) }, { timeoutMs });
  if (passes.length === 0) await startPass(parts, account, { commandId: `missed:${hashId(account, missed)}`, date });
};
