import type { AccountId, ContactId } from "@outrider/contracts/ids";
import { registryCommands } from "@outrider/contracts/registry";
import { subjects } from "@outrider/contracts/streams";
import { Unavailable } from "@outrider/eventing";
import { erased, Personal } from "@outrider/platform";
import { recordRef, scheduleReconciliation } from "./attempt.ts";
import { type Because, causeOf, type Sms } from "./context.ts";

/** The attempt's holder said nothing in all its time: it is unknown now, whoever held it. */
export const lookAfter =
  (sms: Sms) =>
  async (account: AccountId, contact: ContactId, why: Because): Promise<void> => {
    const subject = subjects.smsContact(account, contact);
    const { state } = await sms.contacts.fold(subject);
    if (state.status !== "attempting") return;
    await sms.contacts.execute(
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
    await scheduleReconciliation(sms, account, contact, state.until, 0, why);
  };

/** Asks the provider's sent log whether an unknown attempt was taken. Found once: accepted. Not found: asked again later, then a person decides. */
export const reconcile =
  (sms: Sms) =>
  async (account: AccountId, contact: ContactId, why: Because, round: number): Promise<void> => {
    const subject = subjects.smsContact(account, contact);
    const { state } = await sms.contacts.fold(subject);
    if (state.status !== "unknown") return;
    const access = sms.accessTo(account, state.request.line);
    const { number } = await sms.service.ask(
      registryCommands.number,
      { account, person: state.request.person },
      { traceparent: why.traceparent },
    );
    if (access === undefined || number === null) return;
    const [to, text] = await sms.service.keyring.openMany([number, state.request.text]);
    if (to === undefined || text === undefined || to === erased || text === erased) return;
    const began = new Date(Date.parse(state.until) - sms.service.config.ATTEMPT_TIMEOUT_MS - 60_000).toISOString();
    const found = await sms.provider.findSent(access, { to: new Personal(to), text: new Personal(text), since: began });
    if (found === undefined) throw new Unavailable("the provider's sent log cannot be asked");
    const [message] = found;
    if (message === undefined) return scheduleReconciliation(sms, account, contact, state.until, round + 1, why);
    const accepted = await sms.contacts.execute(
      subject,
      { type: "Accept", attempt: state.attempt, providerId: message.providerId, by: "reconciliation" },
      causeOf(sms, why, `reconcile:${contact}:${state.attempt}`),
    );
    if (accepted.kind !== "refused") await recordRef(sms, account, contact, state.attempt, message.providerId, why);
  };
