import type { AccountEvent } from "@outrider/contracts/registry";
import { type Decider, refuse } from "@outrider/eventing/decider";

/** When an account's day begins: five cron fields in its time zone. */
export interface DailyRun {
  readonly cron: string;
  readonly timeZone: string;
  readonly enabled: boolean;
  /** Since when it is so, by the service's clock. */
  readonly since: string;
}

const evolve = (daily: DailyRun | undefined, event: AccountEvent, at: string): DailyRun | undefined => {
  if (event.type === "AccountCreated") {
    const { timeZone, policy } = event.data;
    return { cron: policy.dailyRunCron, timeZone, enabled: policy.dailyRunEnabled, since: at };
  }
  if (event.type === "AccountPolicyChanged" && daily !== undefined) {
    const { dailyRunCron: cron, dailyRunEnabled: enabled } = event.data.policy;
    return cron === daily.cron && enabled === daily.enabled ? daily : { ...daily, cron, enabled, since: at };
  }
  return daily; // nothing else about an account says when its day begins
};

/** What an account's own events say of its daily run. Only read here: the account belongs to the registry. */
export const dailyRun: Decider<DailyRun | undefined, never, AccountEvent, "not-ours"> = {
  initial: () => undefined,
  evolve,
  decide: () => refuse("not-ours"),
};
