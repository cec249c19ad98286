import { graceAfterAttemptMs } from "@outrider/contracts/contact";
import type { AccountId, ContactId } from "@outrider/contracts/ids";
import { refSubject } from "./coming-back.ts";
import { names, sentLogLook } from "./config.ts";
import type { Contact } from "./contact.ts";
import { type Because, causeOf, type Sms, scheduleKey } from "./context.ts";

/** What follows an attempt that was started or ended earlier: whoever did it may have been killed right after. */
export const catchUpTail = async (sms: Sms, account: AccountId, id: ContactId, state: Contact, because: Because): Promise<void> => {
  if (state.status === "attempting") await scheduleLookAfter(sms, account, id, state.until, because);
  if (state.status === "unknown") await scheduleReconciliation(sms, account, id, state.until, { round: 0 }, because);
  if (state.status === "accepted") await recordRef(sms, account, id, state.attempt, state.providerId, because);
};

/** Answers whose the message is: perhaps another contact's, that was first. */
export const recordRef = async (
  sms: Sms,
  account: AccountId,
  id: ContactId,
  attempt: number,
  providerId: string,
  because: Because,
): Promise<ContactId | undefined> => {
  const { state } = await sms.refs.execute(
    refSubject(account, providerId),
    { type: "Record", contact: id, attempt, providerId },
    causeOf(sms, because, `ref:${id}:${attempt}`),
  );
  return state.contact;
};

/** The turn that the line has given, for its moment. */
export const scheduleTurn = (sms: Sms, account: AccountId, id: ContactId, at: string, because: Because) =>
  sms.schedules.at(
    names.turn,
    scheduleKey(account, id),
    sms.service.clock.toReal(at),
    { account, contact: id },
    causeOf(sms, because, `turn:${id}`),
  );

/** The moment from which a contact that waits asks its line for a turn of its own again. */
export const scheduleWanted = (sms: Sms, account: AccountId, id: ContactId, at: string, because: Because) =>
  sms.schedules.at(
    names.wanted,
    scheduleKey(account, id),
    sms.service.clock.toReal(at),
    { account, contact: id },
    causeOf(sms, because, `wanted:${id}`),
  );

/** When the attempt of whoever holds it has certainly ended, somebody looks. */
export const scheduleLookAfter = (sms: Sms, account: AccountId, id: ContactId, until: string, because: Because) =>
  sms.schedules.at(
    names.lookAfter,
    scheduleKey(account, id),
    new Date(Date.parse(until) + graceAfterAttemptMs),
    { account, contact: id },
    causeOf(sms, because, `look-after:${id}`),
  );

/** Which question to the sent log it is, and how often it could not be asked. */
export interface Round {
  readonly round: number;
  readonly unanswered?: number | undefined;
}

/** The next question to the provider's sent log; none when all have been asked. */
export const scheduleReconciliation = async (
  sms: Sms,
  account: AccountId,
  id: ContactId,
  until: string,
  { round, unanswered = 0 }: Round,
  because: Because,
): Promise<void> => {
  const after = sms.service.config.RECONCILE_AFTER_MS[round];
  if (after === undefined || unanswered > sentLogLook.mostUnanswered) return;
  const usual = Date.parse(until) + graceAfterAttemptMs + after;
  const at =
    unanswered === 0
      ? usual
      : sms.service.clock.realNowMs() + Math.min(sentLogLook.unansweredWaitMs * 2 ** unanswered, sentLogLook.longestUnansweredMs);
  await sms.schedules.at(
    names.reconcile,
    scheduleKey(account, id),
    new Date(at),
    { account, contact: id, round, unanswered },
    causeOf(sms, because, `reconcile:${id}`),
  );
};
