import { graceAfterAttemptMs } from "@outrider/contracts/contact";
import { type AccountId, accountId, type ContactId, contactId, type LineId, lineId } from "@outrider/contracts/ids";
import { parseSubject, streams, subjects } from "@outrider/contracts/streams";
import { unreachable } from "@outrider/eventing";
import { lookForOverdue, lookRegularly } from "@outrider/platform";
import { abandonedWaitMs } from "./attempt.ts";
import { overdueLooks } from "./config.ts";
import type { Contact } from "./contact.ts";
import type { Because, Sms } from "./context.ts";
import { armKnownLines } from "./poll.ts";
import { turnIsDue } from "./reactions.ts";
import { lookAfter, reconcile } from "./reconcile.ts";
import { endTurns } from "./turns.ts";

/** Whatever became of their schedules: contacts that are past their moment, turns that nobody uses, and lines that nobody polls. */
export const lookForLostMoments = async (sms: Sms): Promise<void> => {
  const { service, kernel } = sms;
  const stream = streams.sms.name;
  await lookForOverdue(service, kernel, {
    ...{ ...overdueLooks.contacts, stream },
    nextMoment: async ({ subject, storedMs }) => {
      const { account, contact } = contactOf(subject);
      const { state } = await sms.contacts.fold(subject);
      return momentOf(sms, account, contact, state, storedMs);
    },
    react: async ({ subject }, why) => {
      const { account, contact } = contactOf(subject);
      await goOn(sms, account, contact, why);
    },
  });
  await lookForOverdue(service, kernel, {
    ...{ ...overdueLooks.lines, stream },
    nextMoment: async ({ subject }) => {
      const turns = [...(await sms.lines.fold(subject)).state.open.values()].map((at) => service.clock.toReal(at).getTime());
      return turns.length === 0 ? undefined : turns.reduce((one, other) => Math.min(one, other));
    },
    react: async ({ subject }, why) => {
      const at = parts(subject);
      await clear(sms, at.account, lineId.parse(at.id), why);
    },
  });
  lookRegularly(service, kernel, overdueLooks.polls.name, async () => {
    await sms.accounts.caughtUp;
    await armKnownLines(sms);
  });
};

const parts = (subject: string): { readonly account: AccountId; readonly id: string } => {
  const parsed = parseSubject(subject);
  if (parsed === undefined) throw new TypeError("the subject is none of an aggregate");
  return { account: accountId.parse(parsed.account), id: parsed.id };
};
const contactOf = (subject: string): { readonly account: AccountId; readonly contact: ContactId } => {
  const { account, id } = parts(subject);
  return { account, contact: contactId.parse(id) };
};

const dayMs = 86_400_000;

/** The real moment at which a schedule should wake the contact; undefined: none should. */
const momentOf = async (sms: Sms, account: AccountId, id: ContactId, state: Contact, storedMs: number): Promise<number | undefined> => {
  const { clock, config } = sms.service;
  switch (state.status) {
    case "requested": {
      const turn = (await sms.lines.fold(subjects.smsLine(account, state.request.line))).state.open.get(id);
      const waits = [turn, state.notBefore].flatMap((at) => (at === undefined ? [] : [clock.toReal(at).getTime()]));
      return Math.max(storedMs + (state.abandoned > 0 ? abandonedWaitMs(state.abandoned) : 0), ...waits);
    }
    case "attempting":
      return Date.parse(state.until) + graceAfterAttemptMs;
    case "unknown": {
      const rounds = config.RECONCILE_AFTER_MS;
      const [first, last] = [rounds[0], rounds.at(-1)];
      const asked = Date.parse(state.until) + graceAfterAttemptMs;
      // A day after the last question a person decides, as with those whose schedules were not lost.
      return first === undefined || last === undefined || clock.realNowMs() > asked + last + dayMs ? undefined : asked + first;
    }
    case "none":
    case "accepted":
    case "failed":
    case "rejected":
    case "gated":
      return undefined;
    default:
      return unreachable(state);
  }
};

/** What its schedule would have done. */
const goOn = async (sms: Sms, account: AccountId, contact: ContactId, why: Because): Promise<void> => {
  const { state } = await sms.contacts.fold(subjects.smsContact(account, contact));
  const first = { round: 0 };
  if (state.status === "requested") await turnIsDue(sms)(account, contact, why, first);
  if (state.status === "attempting") await lookAfter(sms)(account, contact, why, first);
  if (state.status !== "unknown") return;
  const since = sms.service.clock.realNowMs() - Date.parse(state.until) - graceAfterAttemptMs;
  const round = sms.service.config.RECONCILE_AFTER_MS.findLastIndex((after) => after <= since);
  if (round >= 0) await reconcile(sms)(account, contact, why, { round });
};

/** Turns of contacts that wait no more; those that still do are gone on with by the look at contacts. */
const clear = async (sms: Sms, account: AccountId, line: LineId, why: Because): Promise<void> => {
  const { clock, config } = sms.service;
  const { state } = await sms.lines.fold(subjects.smsLine(account, line));
  const late = [...state.open].filter(([, at]) => clock.toReal(at).getTime() + config.OVERDUE_AFTER_MS <= clock.realNowMs());
  const unused: ContactId[] = [];
  for (const [contact] of late) {
    const folded = await sms.contacts.fold(subjects.smsContact(account, contact));
    if (folded.state.status !== "requested") unused.push(contact);
  }
  await endTurns(sms, account, line, unused, why);
};
