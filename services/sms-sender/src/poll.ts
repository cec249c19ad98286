import { type AccountId, accountId, type LineId, lineId } from "@outrider/contracts/ids";
import { subjects } from "@outrider/contracts/streams";
import { type DueMessage, done, dueCodec, dueOptions, impossible, type Reaction, react, Unavailable } from "@outrider/eventing";
import { z } from "zod";
import { dueAtOnce, names, pollReach } from "./config.ts";
import { type Because, causeOf, type Sms, scheduleKey } from "./context.ts";
import { pauseLine } from "./line-now.ts";
import type { Connected, InboundMessage } from "./providers/sms-provider.ts";
import { because } from "./reactions.ts";
import { takeInbound } from "./replies.ts";

const due = z.object({ account: accountId, line: lineId, since: z.string() });

/**
 * Arms the next look at a line. One schedule per line: arming twice is arming once. Each look begins a trace of its own, since a line's looks
 * never end.
 */
const armPoll = async (sms: Sms, account: AccountId, line: LineId, since: string, { traceparent: _, ...why }: Because): Promise<void> => {
  const { POLL_PROVIDER_MS: every } = sms.service.config;
  if (every === 0) return;
  const when = new Date(sms.service.clock.realNowMs() + every);
  await sms.schedules.at(names.poll, scheduleKey(account, line), when, { account, line, since }, causeOf(sms, why, `poll:${line}`));
};

/** Begins the chain of looks at a line, unless it is there: arming it anew would forget since when replies have not been read. */
export const ensurePoll = async (sms: Sms, account: AccountId, line: LineId, since: string, why: Because): Promise<void> => {
  if (!(await sms.schedules.isOpen(names.poll, scheduleKey(account, line)))) await armPoll(sms, account, line, since, why);
};

/** Webhooks may never come: from time to time the provider is asked for replies, and whether the line's phone is there. */
export const reactToPolls = (sms: Sms): Reaction =>
  react<DueMessage>(
    sms.kernel,
    { ...dueOptions(sms.kernel.service, names.poll), codec: dueCodec, concurrency: dueAtOnce.polls },
    async (delivery) => {
      const parsed = due.safeParse(delivery.events[0]?.data);
      if (!parsed.success) return impossible("the schedule names no line");
      const { account, line, since } = parsed.data;
      const connected = sms.stillConnected(account, line);
      if (connected === undefined) return done; // disconnected since
      const why = because(delivery);
      const began = sms.service.clock.realNow();
      await lookAtPhone(sms, account, line, connected, why);
      const from = new Date(Date.parse(since) - pollReach.overlapMs).toISOString();
      const messages = await connected.provider.inboundSince(connected.access, from);
      const read = messages !== undefined && (await takeAll(sms, account, messages, why));
      await armPoll(sms, account, line, read ? began : notBefore(since, began), why);
      return done;
    },
  );

/** In the order in which they were written, so that the last word counts. False when one could not be taken: it is read again. */
const takeAll = async (sms: Sms, account: AccountId, messages: readonly InboundMessage[], why: Because): Promise<boolean> => {
  let taken = true;
  for (const message of messages.toSorted((one, other) => Date.parse(one.at) - Date.parse(other.at))) {
    try {
      await takeInbound(sms, account, message, why);
    } catch (error) {
      if (error instanceof Unavailable) throw error;
      sms.service.log.error({ account, error }, "a reply that the provider lists could not be taken");
      taken = false;
    }
  }
  return taken;
};

const notBefore = (since: string, now: string): string =>
  new Date(Math.max(Date.parse(since), Date.parse(now) - pollReach.lookBackMs)).toISOString();

const lookAtPhone = async (sms: Sms, account: AccountId, line: LineId, { provider, access }: Connected, why: Because): Promise<void> => {
  const online = await provider.phoneOnline(access);
  if (online === undefined) return;
  if (online !== true) {
    await pauseLine(sms, account, line, online === false ? "phone-offline" : "key-refused", why);
    return;
  }
  const subject = subjects.smsLine(account, line);
  const { state } = await sms.lines.fold(subject);
  if (state.paused?.by !== names.actor) return; // a person's pause is a person's to end
  const resume = { type: "Resume", by: names.actor, pausedBy: names.actor } as const; // somebody may have paused it since we looked
  await sms.lines.execute(subject, resume, causeOf(sms, why, `resume:${crypto.randomUUID()}`));
};

/** At start: every connected line, in case its chain of looks was broken. */
export const armKnownLines = async (sms: Sms): Promise<void> => {
  const since = new Date(sms.service.clock.realNowMs() - pollReach.lookBackMs).toISOString();
  for (const { account, providers } of sms.accounts.all()) {
    for (const { line } of providers.values()) await ensurePoll(sms, account, line, since, { actor: names.actor });
  }
};
