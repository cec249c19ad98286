import { accountId, hashId } from "@outrider/contracts/ids";
import { accountCodec } from "@outrider/contracts/registry";
import { parseSubject, streams, subjects } from "@outrider/contracts/streams";
import { type Delivery, done, dueCodec, dueOptions, impossible, type Reaction, react } from "@outrider/eventing";
import { due } from "./alarms.ts";
import { catchUp, type SchedulerParts, startPass } from "./beginning.ts";
import { filters, names } from "./config.ts";

const causeOf = (message: Delivery<unknown>, what: string, now: string) => ({
  commandId: `${message.stream}:${message.revision}:${what}`,
  at: now,
  causation: `${message.stream}:${message.revision}`,
  actor: names.actor,
  traceparent: message.traceparent,
});

/** Keeps each account's alarm as its policy says. What was lost may have a day to begin, and would no longer show once it is armed. */
export const armDailyRuns = (parts: SchedulerParts): Reaction =>
  react(
    parts.kernel,
    { stream: streams.registry.name, durable: names.accounts, filters: filters.accounts, codec: accountCodec },
    async (message) => {
      const concerns = message.events.some(({ type }) => type === "AccountCreated" || type === "AccountPolicyChanged");
      const account = accountId.safeParse(parseSubject(message.subject)?.account);
      if (concerns && account.success) await catchUp(parts, account.data, causeOf(message, "arm", parts.clock.now()));
      return done;
    },
  );

/** Starts a pass when an account's day begins. What comes next is armed before this one is done with, so that no kill can end the row. */
export const startDailyRuns = (parts: SchedulerParts): Reaction => {
  const { kernel, alarms, dailyRuns, clock } = parts;
  return react(kernel, { ...dueOptions(kernel.service, names.dailyRun), codec: dueCodec }, async (message) => {
    const read = due.safeParse(message.events[0]?.data);
    const account = accountId.safeParse(read.data?.account);
    if (!read.success || !account.success) return impossible("the alarm does not name an account");
    const { alarm } = read.data;
    // A timer may ring a little early: the next moment is after the one that has just come.
    const after = alarm.kind === "at" ? { after: alarm.next, anew: true } : {};
    await alarms.bring(account.data, causeOf(message, "arm", clock.now()), after);
    const { state } = await dailyRuns.fold(subjects.account(account.data));
    if (state?.enabled !== true) return done;
    const fire = { commandId: `cron:${hashId(message.subject, message.revision)}`, causation: `${message.stream}:${message.revision}` };
    await startPass(parts, account.data, { ...fire, traceparent: message.traceparent });
    return done;
  });
};
