import { classifyReply } from "@outrider/contact-policy/reply";
import { type AccountId, hashId, type InboundId, inboundId, type PersonId } from "@outrider/contracts/ids";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { subjects } from "@outrider/contracts/streams";
import { erased, KeyDestroyed, keyIds, Refusal } from "@outrider/platform";
import { tellContact, traceOfContact } from "./coming-back.ts";
import { type Because, causeOf, type Sms } from "./context.ts";
import type { Inbound } from "./inbound.ts";
import type { InboundMessage } from "./providers/sms-provider.ts";

type Keyword = ReturnType<typeof classifyReply>;
type Received = Extract<Inbound, { status: "received" }>["received"];

/** What a person wrote: STOP first, then the message, then the contact it answers. Each step is safe to repeat. */
export const takeInbound = async (sms: Sms, account: AccountId, message: InboundMessage, why: Because): Promise<void> => {
  const id = inboundId.parse(hashId("inbound", account, message.key));
  const subject = subjects.smsInbound(account, id);
  const { state } = await sms.inbounds.fold(subject);
  // Told again, by another way perhaps: an old STOP must not be said twice, somebody may have asked for messages since.
  if (state.status === "received") return tellReply(sms, account, state.received, why);
  const keyword = classifyReply(message.text.reveal());
  const { person, known, sealedBy } = await senderOf(sms, account, message, id, keyword, why);
  const last = person !== undefined && known ? await lastContact(sms, account, person, why) : undefined;
  const received: Received = {
    inbound: id,
    knownSender: known,
    ...(person === undefined ? {} : { person }),
    ...(last === undefined ? {} : { contact: last.contact }),
    ...(last?.hunt === undefined ? {} : { hunt: last.hunt }),
    text: await sealText(sms, account, sealedBy, message.text.reveal()),
    ...(keyword === undefined ? {} : { keyword }),
    at: message.at,
  };
  const taken = await sms.inbounds.execute(subject, { type: "Receive", received }, causeOf(sms, why, `inbound:${id}`));
  // Another replica may have been first, and have found another contact to be the last.
  await tellReply(sms, account, taken.state.status === "received" ? taken.state.received : received, why);
};

const tellReply = async (sms: Sms, account: AccountId, { inbound, contact, keyword, at }: Received, why: Because): Promise<void> => {
  if (contact === undefined) return;
  const reply = { type: "Reply", inbound, at, stop: keyword === "stop" } as const;
  const trace = await traceOfContact(sms, account, contact);
  await tellContact(sms, { account, contact, trace }, reply, `reply:${inbound}`, why);
};

interface Sender {
  /** Absent when the number is none. */
  readonly person?: PersonId;
  /** Known before this message came. */
  readonly known: boolean;
  /** The person whose key seals what was written; the account's own when there is none. */
  readonly sealedBy: PersonId | undefined;
}

/** Who wrote. A STOP is obeyed here, also a stranger's: he becomes known by it, so that nobody writes to him later. */
const senderOf = async (
  sms: Sms,
  account: AccountId,
  message: InboundMessage,
  id: InboundId,
  keyword: Keyword,
  why: Because,
): Promise<Sender> => {
  const { ask, keyring } = sms.service;
  const options = { correlation: why.correlation, causation: why.causation, traceparent: why.traceparent };
  const from = await keyring.seal(keyIds.account(account), message.from.reveal());
  const identify = async (register: boolean) =>
    (await ask(registryCommands.people, { account, numbers: [from], register }, options)).people[0];
  const sender = await identify(false);
  if (sender === undefined || sender.kind === "invalid") return { known: false, sealedBy: undefined };
  const { person } = sender;
  const known = sender.kind === "person";
  if (keyword === "stop") {
    if (!known) await identify(true);
    const proof = { account, person, by: "keyword", channel: "sms", proof: id } as const;
    await ask(registryCommands.optOut, proof, { ...options, commandId: `stop:${id}` });
  }
  if (keyword === "start" && known) {
    const optIn = ask(registryCommands.optIn, { account, person, by: "keyword", proof: id }, { ...options, commandId: `start:${id}` });
    await optIn.catch(unlessErased);
  }
  return { person, known, sealedBy: known || keyword === "stop" ? person : undefined };
};

/** Whoever has been erased stays opted out, and the word is kept like any other of theirs: there is nothing to try again. */
const unlessErased = (error: unknown): void => {
  if (!(error instanceof Refusal && error.rule === "erased")) throw error;
};

const lastContact = async (sms: Sms, account: AccountId, person: PersonId, { traceparent }: Because) => {
  const { attempts } = await sms.service.ask(registryCommands.whyPerson, { account, person }, { traceparent });
  return attempts.filter(({ channel }) => channel === "sms").toSorted((one, other) => (one.at < other.at ? 1 : -1))[0];
};

const sealText = async (sms: Sms, account: AccountId, person: PersonId | undefined, text: string) => {
  const { keyring } = sms.service;
  if (person === undefined) return keyring.seal(keyIds.account(account), text);
  try {
    return await keyring.seal(keyIds.person(account, person), text);
  } catch (error) {
    if (!(error instanceof KeyDestroyed)) throw error;
    return keyring.seal(keyIds.account(account), erased); // an erased person's words are not kept
  }
};
