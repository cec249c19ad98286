import type { AccountEvent } from "@outrider/contracts/registry";
import { type Decider, refuse } from "@outrider/eventing/decider";

/** When an account's day begins: five cron fields in its time zone. */
export interface DailyRun {
  readonly cron: string;
  readonly timeZone: string;
  readonly enabled: boolean;
  /** Since when it is so, by the service's clock. */
  readonly since: string;
  /** What was wanted before, newest first, without a break in between: one of its moments may still have nothing that has begun it. */
  readonly before: readonly { readonly cron: string; readonly since: string; readonly until: string }[];
}

/** A moment that was missed is begun as long as it is not older than this. */
export const missedMs = 86_400_000;

/** So many earlier wishes are kept: whoever changes the hour more often within a day loses the moments of the oldest ones. */
const wishesKept = 32;

const evolve = (daily: DailyRun | undefined, event: AccountEvent, at: string): DailyRun | undefined => {
  if (event.type === "AccountCreated") {
    const { timeZone, policy } = event.data;
    return { cron: policy.dailyRunCron, timeZone, enabled: policy.dailyRunEnabled, since: at, before: [] };
  }
  if (event.type === "AccountPolicyChanged" && daily !== undefined) {
    const { dailyRunCron: cron, dailyRunEnabled: enabled } = event.data.policy;
    return cron === daily.cron && enabled === daily.enabled ? daily : { ...daily, cron, enabled, since: at, before: before(daily, at) };
  }
  return daily; // nothing else about an account says when its day begins
};

/** Whoever switches the daily run off wants nothing of before any more. */
const before = ({ cron, enabled, since, before: earlier }: DailyRun, at: string): DailyRun["before"] => {
  if (!enabled) return [];
  const oldest = new Date(Date.parse(at) - missedMs).toISOString();
  return [{ cron, since, until: at }, ...earlier.filter(({ until }) => until > oldest)].slice(0, wishesKept);
};

/** What an account's own events say of its daily run. Only read here: the account belongs to the registry. */
export const dailyRun: Decider<DailyRun | undefined, never, AccountEvent, "not-ours"> = {
  initial: () => undefined,
  evolve,
  decide: () => refuse("not-ours"),
};
