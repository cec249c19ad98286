import { huntCommands } from "@outrider/contracts/hunts";
import { type AccountId, hashId, runId } from "@outrider/contracts/ids";
import { subjects } from "@outrider/contracts/streams";
import { abreast, Unavailable } from "@outrider/eventing";
import { type AccountsWatch, isCaughtUp, lookRegularly, type Service } from "@outrider/platform";
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
    await abreast(accounts.all(), together, async ({ account }) => {
      if (lease.lost.aborted || stop.aborted) return;
      try {
        await catchUp(parts, account, service.config.OVERDUE_AFTER_MS);
      } catch (error) {
        if (error instanceof Unavailable) throw error;
        service.log.warn({ account, error }, "a daily run could not be armed");
      }
    });
  });

const catchUp = async (parts: SchedulerParts, account: AccountId, lateMs: number): Promise<void> => {
  const { alarms, dailyRuns, clock, ask } = parts;
  const daily = (await dailyRuns.fold(subjects.account(account))).state;
  const lost = daily?.enabled === true && !(await alarms.isOpen(account));
  await alarms.bring(account, { commandId: `look:${crypto.randomUUID()}`, at: clock.now(), actor: names.actor });
  if (!lost) return;
  const missed = lastRun(daily, new Date(Date.parse(clock.now()) - lateMs).toISOString());
  if (missed === undefined) return;
  const date = new Intl.DateTimeFormat("en-CA", { timeZone: daily.timeZone, dateStyle: "short" }).format(new Date(missed));
  // Begun by hand, or by the schedule before it was lost: then that day has had its run.
  const { passes } = await ask(huntCommands.run, { account, run: runId.parse(date) }, { timeoutMs: parts.config.SCHEDULER_ASK_TIMEOUT_MS });
  if (passes.length === 0) await startPass(parts, account, { commandId: `missed:${hashId(account, missed)}`, date });
};
