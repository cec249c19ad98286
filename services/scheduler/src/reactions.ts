import { huntCommands } from "@outrider/contracts/hunts";
import { type AccountId, accountId, hashId } from "@outrider/contracts/ids";
import { accountCodec } from "@outrider/contracts/registry";
import { parseSubject, streams, subjects } from "@outrider/contracts/streams";
import { type Delivery, done, dueCodec, dueOptions, impossible, type Kernel, type Reaction, react, Unavailable } from "@outrider/eventing";
import { type Ask, Refusal } from "@outrider/platform";
import { type Alarms, type DailyRuns, due } from "./alarms.ts";
import { filters, names, type SchedulerConfig } from "./config.ts";

/** What the scheduler's reactions need of the running service. */
export interface SchedulerParts {
  readonly kernel: Kernel;
  readonly alarms: Alarms;
  readonly dailyRuns: DailyRuns;
  readonly clock: { readonly now: () => string };
  readonly ask: Ask;
  readonly config: Pick<SchedulerConfig, "SCHEDULER_ASK_TIMEOUT_MS">;
}

const causeOf = (message: Delivery<unknown>, what: string, now: string) => ({
  commandId: `${message.stream}:${message.revision}:${what}`,
  at: now,
  causation: `${message.stream}:${message.revision}`,
  actor: names.actor,
  traceparent: message.traceparent,
});

/** Keeps each account's alarm as its policy says. */
export const armDailyRuns = ({ kernel, alarms, clock }: SchedulerParts): Reaction =>
  react(
    kernel,
    { stream: streams.registry.name, durable: names.accounts, filters: filters.accounts, codec: accountCodec },
    async (message) => {
      const concerns = message.events.some(({ type }) => type === "AccountCreated" || type === "AccountPolicyChanged");
      const account = accountId.safeParse(parseSubject(message.subject)?.account);
      if (concerns && account.success) await alarms.bring(account.data, causeOf(message, "arm", clock.now()));
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
