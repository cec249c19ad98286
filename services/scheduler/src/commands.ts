import { schedulerCommands } from "@outrider/contracts/scheduler";
import { subjects } from "@outrider/contracts/streams";
import { type CommandHandler, handle, Refusal } from "@outrider/platform";
import type { Alarms, DailyRuns } from "./alarms.ts";
import { nextRun } from "./times.ts";

/** What others ask of the scheduler. */
export const commands = (alarms: Alarms, dailyRuns: DailyRuns, clock: { readonly now: () => string }): readonly CommandHandler[] => [
  handle(schedulerCommands.dailyRun, async ({ account }) => {
    const { state } = await dailyRuns.fold(subjects.account(account));
    if (state === undefined) throw new Refusal("not-found", "there is no such account", "unknown-account");
    const { cron, timeZone, enabled } = state;
    const armed = (await alarms.armed(account)) !== undefined;
    const next = enabled ? nextRun(state, clock.now()) : undefined;
    return { armed, cron, timeZone, ...(next === undefined ? {} : { next }) };
  }),
];
