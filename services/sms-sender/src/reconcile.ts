import { graceAfterAttemptMs } from "@outrider/contracts/contact";
import type { AccountId, ContactId } from "@outrider/contracts/ids";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { subjects } from "@outrider/contracts/streams";
import { done, waitFor } from "@outrider/eventing";
import { erased, Personal } from "@outrider/platform";
import { sentLogLook } from "./config.ts";
import type { Contact } from "./contact.ts";
import { type Because, causeOf, type Sms } from "./context.ts";
import type { LoggedMessage } from "./providers/sms-provider.ts";
import type { DueWork } from "./reactions.ts";
import { armStatusOf } from "./status.ts";
import { catchUpTail, recordRef, scheduleReconciliation } from "./tail.ts";

/** The attempt's holder said nothing in all its time: it is unknown now, whoever held it. */
export const lookAfter =
  (sms: Sms): DueWork =>
  async (account, contact, why) => {
    const subject = subjects.smsContact(account, contact);
    const { state } = await sms.contacts.fold(subject);
    if (state.status !== "attempting") {
      await catchUpTail(sms, account, contact, state, why); // also of whoever was killed right after its own look
      return done;
    }
    // The server's clock is ahead of ours, or this is another attempt by now. A schedule would be due at once again.
    const early = Date.parse(state.until) + graceAfterAttemptMs - sms.service.clock.realNowMs();
    if (early > 0) return waitFor(Math.max(early, sentLogLook.earlyWaitMs));
    const looked = await sms.contacts.execute(
      subject,
      {
        type: "NoAnswer",
        attempt: state.attempt,
        cause: "the sender ended during the attempt",
        by: "anybody",
        now: sms.service.clock.realNow(),
      },
      causeOf(sms, why, `look-after:${contact}:${state.attempt}`),
    );
    await catchUpTail(sms, account, contact, looked.state, why);
    return done;
  };

type Unknown = Extract<Contact, { until: string }>;

/** Asks the provider's sent log whether an unknown attempt was taken. Found: accepted. Not found: asked again later, then a person decides. */
export const reconcile =
  (sms: Sms): DueWork =>
  async (account, contact, why, { round, unanswered = 0 }) => {
    const { state } = await sms.contacts.fold(subjects.smsContact(account, contact));
    if (state.status !== "unknown") {
      await catchUpTail(sms, account, contact, state, why);
      // Whoever adopted it may have been killed right after.
      if (state.status === "accepted" && !state.sent) await armStatusOf(sms, account, state.request.line, contact, why);
      return done;
    }
    const found = await sentLike(sms, account, state, why);
    if (found === "nobody") return done;
    // One account's provider that cannot be asked stops no other's: it waits by its own schedule.
    const next = found === undefined ? { round, unanswered: unanswered + 1 } : { round: round + 1 };
    const message = found === undefined ? undefined : await claimed(sms, account, contact, state.attempt, found, why);
    if (message === undefined) await scheduleReconciliation(sms, account, contact, state.until, next, why);
    else await adopt(sms, account, contact, state.attempt, message, why);
    return done;
  };

/** What the provider's log has of this attempt; undefined: it could not be asked; `nobody`: the person has been erased. */
const sentLike = async (sms: Sms, account: AccountId, { request, until }: Unknown, why: Because) => {
  const { config, keyring } = sms.service;
  const { number } = await sms.service.ask(registryCommands.number, { account, person: request.person }, { traceparent: why.traceparent });
  if (number === null) return "nobody";
  const [to, text] = await keyring.openMany([number, request.text]);
  if (to === undefined || text === undefined || to === erased || text === erased) return "nobody";
  const connected = sms.connected(account, request.line);
  if (connected === undefined) return undefined;
  const since = new Date(Date.parse(until) - config.ATTEMPT_TIMEOUT_MS - sentLogLook.clocksDifferMs).toISOString();
  return connected.provider.findSent(connected.access, { to: new Personal(to), text: new Personal(text), since });
};

/**
 * The same text may have gone to the same number for another contact: what is another's is not ours. The message is this contact's before it is
 * taken for sent: of two that look at the same moment one alone gets it.
 */
const claimed = async (
  sms: Sms,
  account: AccountId,
  contact: ContactId,
  attempt: number,
  found: readonly LoggedMessage[],
  why: Because,
): Promise<LoggedMessage | undefined> => {
  for (const message of found.toSorted((one, other) => (one.at < other.at ? -1 : 1))) {
    if ((await recordRef(sms, account, contact, attempt, message.providerId, why)) === contact) return message;
  }
  return undefined;
};

const adopt = async (sms: Sms, account: AccountId, contact: ContactId, attempt: number, { providerId }: LoggedMessage, why: Because) => {
  const accepted = await sms.contacts.execute(
    subjects.smsContact(account, contact),
    { type: "Accept", attempt, providerId, by: "reconciliation" },
    causeOf(sms, why, `reconcile:${contact}:${attempt}`),
  );
  if (accepted.kind === "refused") return;
  if (accepted.state.status === "accepted") await armStatusOf(sms, account, accepted.state.request.line, contact, why);
};
