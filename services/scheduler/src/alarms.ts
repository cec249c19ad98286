import { type AccountId, partitionOf } from "@outrider/contracts/ids";
import { streams, subjects } from "@outrider/contracts/streams";
import { type Aggregate, type Cause, type Kernel, orUndefined, schedules, wire } from "@outrider/eventing";
import { z } from "zod";
import { names } from "./config.ts";
import type { DailyRun } from "./daily-run.ts";
import { type Alarm, alarmOf, sixFields, stillGood } from "./times.ts";

/** What travels with an alarm, and comes back when it is due. */
export const due = z.object({
  account: z.string(),
  alarm: z.discriminatedUnion("kind", [
    z.object({ kind: z.literal("cron"), cron: z.string(), timeZone: z.string() }),
    z.object({ kind: z.literal("at"), cron: z.string(), timeZone: z.string(), next: z.string(), offsetMs: z.number() }),
  ]),
});

/** The accounts' daily runs, as far as their own events tell. */
export type DailyRuns = Pick<Aggregate<DailyRun | undefined, never, never, string>, "fold">;

export interface Alarms {
  /** Whether anything waits for the account's next day, or has come due and is not done with. */
  readonly isOpen: (account: AccountId) => Promise<boolean>;
  /** Whether an alarm has come due and is not done with. */
  readonly isDue: (account: AccountId) => Promise<boolean>;
  /** What JetStream keeps for the account now. */
  readonly armed: (account: AccountId) => Promise<Alarm | undefined>;
  /**
   * Brings what is armed to what the account wants. `after`: the moment from which the next one is sought; `anew`: although something that looks
   * the same may be armed, because it has just come due.
   */
  readonly bring: (account: AccountId, cause: Cause, options?: { readonly after?: string; readonly anew?: boolean }) => Promise<void>;
}

interface Clock {
  readonly now: () => string;
  readonly toReal: (iso: string) => Date;
  readonly offsetMs: number;
}

/** One alarm per account: what is armed is read from JetStream, what is wanted from the account. */
export const alarmsOf = (kernel: Kernel, dailyRuns: DailyRuns, clock: Clock): Alarms => {
  const { jsm, service } = kernel;
  const kept = schedules(kernel);
  const keyOf = (account: AccountId): string => `${partitionOf(account)}.${account}.${account}`;

  const lastOf = (kind: "schedule" | "due", account: AccountId) => {
    const last_by_subj = `${kind}.${service}.${names.dailyRun}.${keyOf(account)}`;
    return orUndefined(() => jsm.streams.getMessage(streams.schedule.name, { last_by_subj }));
  };

  const stored = async (account: AccountId): Promise<{ readonly alarm: Alarm; readonly traced: boolean } | undefined> => {
    const message = await lastOf("schedule", account);
    if (message == null) return undefined;
    const found = z.object({ data: due }).safeParse(message.json());
    return found.success ? { alarm: found.data.data.alarm, traced: message.header.has(wire.traceparent) } : undefined;
  };

  // Without the trace of whatever armed it: JetStream would hand it on at every fire, and all days of an account would be one trace.
  const set = async (account: AccountId, alarm: Alarm | undefined, { traceparent: _, ...cause }: Cause): Promise<void> => {
    const key = keyOf(account);
    if (alarm === undefined) await kept.cancel(names.dailyRun, key);
    else if (alarm.kind === "at") await kept.at(names.dailyRun, key, clock.toReal(alarm.next), { account, alarm }, cause);
    else await kept.cron(names.dailyRun, key, sixFields(alarm.cron) ?? alarm.cron, alarm.timeZone, { account, alarm }, cause);
  };

  return {
    armed: async (account) => (await stored(account))?.alarm,
    isOpen: (account) => kept.isOpen(names.dailyRun, keyOf(account)),
    isDue: async (account) => (await lastOf("due", account)) != null,
    bring: async (account, cause, { after, anew = false } = {}) => {
      const subject = subjects.account(account);
      for (let seen = await dailyRuns.fold(subject); ; ) {
        const now = clock.now();
        const { revision } = seen;
        const wanted = alarmOf(seen.state, clock.offsetMs, after !== undefined && after > now ? after : now);
        const there = await stored(account);
        // Earlier releases armed with a trace. An `at` loses it when it comes due, and must not be pushed away before.
        const isTraced = there?.traced === true && there.alarm.kind === "cron";
        if ((anew && wanted?.kind === "at") || isTraced || !stillGood(there?.alarm, wanted)) await set(account, wanted, cause);
        // Another replica may have armed for a later change before us: whoever comes last must have seen the latest.
        seen = await dailyRuns.fold(subject);
        if (seen.revision === revision) return;
      }
    },
  };
};
