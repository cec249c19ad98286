import { type AccountId, accountId, type ContactId, contactId, type LineId, lineId } from "@outrider/contracts/ids";
import { subjects } from "@outrider/contracts/streams";
import { type DueMessage, done, dueCodec, dueOptions, impossible, type Reaction, react } from "@outrider/eventing";
import { z } from "zod";
import { tellContact, traceOfRef } from "./coming-back.ts";
import { dueAtOnce, names, statusLook } from "./config.ts";
import { type Contact, isFoundByPerson } from "./contact.ts";
import { type Because, causeOf, type Sms, scheduleKey } from "./context.ts";
import type { Connected } from "./providers/sms-provider.ts";
import { because } from "./reactions.ts";

/**
 * Which contacts are looked at: those whose turns on a line ended after one message of its stream and up to a moment (the service's clock), or
 * one contact alone. `key` tells looks of one line apart.
 */
const look = z.object({
  account: accountId,
  line: lineId,
  key: z.string(),
  turns: z.object({ after: z.int(), upTo: z.string() }).optional(),
  contact: contactId.optional(),
  round: z.int(),
  unanswered: z.int(),
});
type Look = z.output<typeof look>;

/** Undefined: never. */
const firstAfter = ({ service }: Sms): number | undefined => service.config.STATUS_AFTER_MS[0] || undefined;

const armLook = async (sms: Sms, asked: Look, atMs: number, why: Because): Promise<void> => {
  const { account, line, key } = asked;
  const when = sms.service.clock.toReal(new Date(atMs).toISOString());
  await sms.schedules.at(names.status, scheduleKey(account, `${line}-${key}`), when, asked, causeOf(sms, why, `status:${line}:${key}`));
};

/**
 * Turns that end are looked at some minutes later, all of a line together: one schedule for many contacts. Two replicas each have their own,
 * and so does a process that was started again, so that none takes another's place.
 */
export const statusAlarms = (sms: Sms): ((account: AccountId, line: LineId, seq: number, why: Because) => Promise<void>) => {
  const mine = crypto.randomUUID();
  const armed = new Map<string, { readonly moment: number; readonly first: number }>();
  return async (account, line, seq, why) => {
    const after = firstAfter(sms);
    if (after === undefined) return;
    const gather = Math.min(statusLook.gatherMs, after);
    const moment = (Math.floor(sms.service.clock.nowMs() / gather) + 1) * gather;
    const subject = subjects.smsLine(account, line);
    const known = armed.get(subject);
    if (known !== undefined && known.moment === moment && known.first <= seq) return;
    const turns = { after: seq - 1, upTo: new Date(moment).toISOString() };
    const asked: Look = { account, line, key: `${moment}-${mine}`, turns, round: 0, unanswered: 0 };
    await armLook(sms, asked, moment + after, why);
    armed.delete(subject);
    armed.set(subject, { moment, first: seq });
    const oldest = armed.keys().next();
    if (armed.size > statusLook.linesRemembered && !oldest.done) armed.delete(oldest.value);
  };
};

/** A contact that was found accepted long after its turn: its line's look has passed it by. */
export const armStatusOf = async (sms: Sms, account: AccountId, line: LineId, contact: ContactId, why: Because): Promise<void> => {
  const after = firstAfter(sms);
  if (after === undefined) return;
  const asked: Look = { account, line, key: contact, contact, round: 0, unanswered: 0 };
  await armLook(sms, asked, sms.service.clock.nowMs() + after, why);
};

/** Webhooks may never come: what was accepted and of which nothing more is known is asked for in the provider's sent log. */
export const reactToStatusLooks = (sms: Sms): Reaction =>
  react<DueMessage>(
    sms.kernel,
    { ...dueOptions(sms.kernel.service, names.status), codec: dueCodec, concurrency: dueAtOnce.statuses },
    async (delivery) => {
      const parsed = look.safeParse(delivery.events[0]?.data);
      if (!parsed.success) return impossible("the schedule names no look");
      await lookAt(sms, parsed.data, because(delivery));
      return done;
    },
  );

/** One look: at the messages of a line's moment, or of one contact. */
export const lookAt = async (sms: Sms, asked: Look, why: Because): Promise<void> => {
  const connected = sms.stillConnected(asked.account, asked.line);
  if (connected === undefined) return; // disconnected since
  const heard: Heard = { missing: false, unanswered: false, inARow: 0 };
  for await (const contacts of contactsOf(sms, asked)) {
    await statusesOf(sms, asked.account, contacts, connected, heard, why);
    if (heard.inARow >= statusLook.silenceAfter) break;
  }
  if (heard.unanswered && asked.unanswered < statusLook.mostUnanswered) return lookAgain(sms, asked, why);
  const [first = 0] = sms.service.config.STATUS_AFTER_MS;
  const next = sms.service.config.STATUS_AFTER_MS[asked.round + 1];
  if (!heard.missing || next === undefined) return;
  await armLook(sms, { ...asked, round: asked.round + 1, unanswered: 0 }, sms.service.clock.nowMs() + Math.max(next - first, 0), why);
};

/** One account's provider that cannot be asked waits by its own schedule, twice as long each time, and not for ever. */
const lookAgain = async (sms: Sms, asked: Look, why: Because): Promise<void> => {
  const unanswered = asked.unanswered + 1;
  const wait = Math.min(statusLook.unansweredWaitMs * 2 ** asked.unanswered, statusLook.longestUnansweredMs);
  await armLook(sms, { ...asked, unanswered }, sms.service.clock.nowMs() + wait, why);
};

/** In pages: memory does not grow with what a line has sent. */
async function* contactsOf(sms: Sms, { account, line, turns, contact }: Look): AsyncGenerator<readonly ContactId[]> {
  if (contact !== undefined) yield [contact];
  if (turns === undefined) return;
  for (let after = turns.after; ; ) {
    const page = await sms.lineLog.read(subjects.smsLine(account, line), after, statusLook.page);
    for (const { at, events, revision } of page) {
      if (at > turns.upTo) return;
      for (const event of events) if (event.type === "TurnsEnded") yield event.data.contacts;
      after = revision;
    }
    if (page.length < statusLook.page) return;
  }
}

type Accepted = Extract<Contact, { status: "accepted" | "failed" }>;

/** What a look has heard so far. */
interface Heard {
  /** The provider knows no more of some than we do. */
  missing: boolean;
  /** Some question was not answered; and how many of the last ones. */
  unanswered: boolean;
  inARow: number;
}

/** One question without an answer holds up no other: only several in a row mean that the provider cannot be asked. */
const statusesOf = async (
  sms: Sms,
  account: AccountId,
  contacts: readonly ContactId[],
  connected: Connected,
  heard: Heard,
  why: Because,
): Promise<void> => {
  for (let from = 0; from < contacts.length; from += statusLook.together) {
    const part = contacts.slice(from, from + statusLook.together);
    const silent = (await Promise.all(part.map((contact) => silentSince(sms, account, contact)))).flatMap((each) => each ?? []);
    // One after another: how many questions the provider takes is not published.
    for (const { contact, state } of silent) {
      const status = await connected.provider.statusOf(connected.access, state.providerId);
      heard.inARow = status === undefined ? heard.inARow + 1 : 0;
      heard.unanswered ||= status === undefined;
      if (heard.inARow >= statusLook.silenceAfter) return;
      if (status?.kind === "pending") heard.missing = true;
      else if (status !== undefined) await tell(sms, { account, contact, providerId: state.providerId }, status, why);
    }
  }
};

/** Accepted by the provider, and neither sent nor failed as far as anybody has told us. */
const silentSince = async (
  sms: Sms,
  account: AccountId,
  contact: ContactId,
): Promise<{ readonly contact: ContactId; readonly state: Accepted } | undefined> => {
  const subject = subjects.smsContact(account, contact);
  // Whole minutes of contacts are looked at: they take no place from those that are under way.
  const cached = await sms.contacts.fold(subject, { fresh: false, keep: false });
  const isTold = (state: Contact): boolean => state.status === "failed" || (state.status === "accepted" && state.sent);
  if (isTold(cached.state)) return undefined;
  const { state } = await sms.contacts.fold(subject, { keep: false });
  return state.status === "accepted" && !state.sent && !isFoundByPerson(state.providerId) ? { contact, state } : undefined;
};

const tell = async (
  sms: Sms,
  { account, contact, providerId }: { readonly account: AccountId; readonly contact: ContactId; readonly providerId: string },
  status: { readonly kind: "sent" | "failed"; readonly at: string },
  why: Because,
): Promise<void> => {
  const { kind, at } = status;
  const command = kind === "sent" ? ({ type: "Sent", at } as const) : ({ type: "Fail", at, reason: "the provider's log says so" } as const);
  const trace = await traceOfRef(sms, account, providerId);
  const told = await tellContact(sms, { account, contact, trace }, command, `status:${contact}:${kind}`, why);
  if (told.kind === "appended") sms.service.instruments.count("outrider_statuses_polled_total", { channel: "sms", kind });
};
