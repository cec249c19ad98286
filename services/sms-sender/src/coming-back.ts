import { type AccountId, type ContactId, hashId } from "@outrider/contracts/ids";
import { subjects } from "@outrider/contracts/streams";
import type { ContactCommand } from "./contact.ts";
import { type Because, causeOf, type Sms } from "./context.ts";

type Told = Extract<ContactCommand, { type: "Sent" | "Delivered" | "Fail" | "Reply" }>;

/** Where the contact is found by the provider's id of its message. */
export const refSubject = (account: AccountId, providerId: string): string => subjects.smsRef(account, hashId("ref", providerId));

/**
 * The trace of the attempt that the provider has given this id (W3C traceparent); undefined: no reference is there yet, or none that can be
 * read now. Never rejects: what came back must reach its contact, with a link or without.
 */
export const traceOfRef = async (sms: Sms, account: AccountId, providerId: string): Promise<string | undefined> => {
  try {
    return (await sms.refs.fold(refSubject(account, providerId), { fresh: false, keep: false })).trace;
  } catch (error) {
    sms.service.log.debug({ account, error }, "what came back has no link to its attempt");
    return undefined;
  }
};

/**
 * The trace of the attempt that the provider took; without its reference, that in which the contact was first asked for. The leader is asked:
 * another replica may have sent.
 */
export const traceOfContact = async (sms: Sms, account: AccountId, contact: ContactId): Promise<string | undefined> => {
  const { state, trace } = await sms.contacts.fold(subjects.smsContact(account, contact));
  return ("providerId" in state ? await traceOfRef(sms, account, state.providerId) : undefined) ?? trace;
};

/**
 * Tells a contact what came back about it. What comes back begins a trace of its own (a webhook, a poll), perhaps days later: its span is
 * linked with `trace`, that of the attempt, so that a contact can be followed there and back.
 */
export const tellContact = (
  sms: Sms,
  { account, contact, trace }: { readonly account: AccountId; readonly contact: ContactId; readonly trace: string | undefined },
  command: Told,
  commandId: string,
  why: Because,
) =>
  sms.service.instruments.span(
    {
      name: "process sms.contact",
      kind: "internal",
      parent: why.traceparent,
      links: trace === undefined ? [] : [trace],
      attributes: { "outrider.channel": "sms", "outrider.told": command.type },
    },
    (traceparent) => sms.contacts.execute(subjects.smsContact(account, contact), command, causeOf(sms, { ...why, traceparent }, commandId)),
  );
