import { type ContactEvent, contactCodec } from "@outrider/contracts/contact";
import { accountId, type ContactId, contactId, type PersonId } from "@outrider/contracts/ids";
import { parseSubject, streams, subjects } from "@outrider/contracts/streams";
import { type EventStore, type Followed, type Follower, follow, jetStreamStore, Unfoldable } from "@outrider/eventing";
import { LRUCache } from "lru-cache";
import { clocksApartMs, contactMessagesRead, contactsRemembered, followed, names } from "./config.ts";
import type { RegistryParts } from "./parts.ts";
import type { ReturnPermit } from "./person.ts";

type Needs = Pick<RegistryParts, "kernel" | "persons" | "clock" | "acquire" | "positions" | "config">;

/** Of a contact: whose it is, and which of its attempts reached the person or may have. */
interface Memory {
  readonly person: PersonId;
  readonly kept: Set<number>;
}

const remember = (memory: Memory | undefined, { type, data }: ContactEvent): Memory | undefined => {
  if (type === "ContactRequested") return memory ?? { person: data.person, kept: new Set() };
  if (type === "ContactAccepted" || type === "AttemptUnknown") memory?.kept.add(data.attempt);
  if (type === "ContactRejected" || type === "AttemptAbandoned") memory?.kept.delete(data.attempt);
  return memory;
};

/** The permits that an event gives back. Accepted and unknown give nothing back: the person may have been reached. */
const returnedBy = (event: ContactEvent, contact: ContactId, { kept }: Memory): Omit<ReturnPermit, "countedBy"> | undefined => {
  const give = (attempts: ReturnPermit["attempts"]) => ({ type: "ReturnPermit", contact, attempts, because: event.type }) as const;
  switch (event.type) {
    case "AttemptAbandoned":
    case "ContactRejected":
    case "AttemptRefusedForNow":
      return give({ only: event.data.attempt });
    case "ContactGated":
      return give({ allBut: [...kept] });
    default:
      return undefined;
  }
};

const endsPermits = ({ type }: ContactEvent): boolean =>
  type === "AttemptAbandoned" || type === "ContactRejected" || type === "AttemptRefusedForNow" || type === "ContactGated";

/** What began before is not remembered: an attempt of then may have reached the person, and must not be given back with the rest. */
const isAskedAgain = ({ type }: ContactEvent, { expected }: Followed<ContactEvent>): boolean => type === "ContactRequested" && expected > 0;

/** Most contacts end so and are heard of no more; whoever is sent again is recalled. A gated one may be asked for again with what it had. */
const isSettled = ({ type }: ContactEvent): boolean => type === "ContactAccepted" || type === "ContactRejected";

/** Follows the contacts of SMS and gives back the permits of attempts that never left or were refused. Safe to repeat. */
export const returnSmsPermits = ({ kernel, persons, clock, acquire, positions, config }: Needs): Follower => {
  const { name: stream } = streams.sms;
  const store: EventStore<ContactEvent> = jetStreamStore({ jsm: kernel.jsm, publisher: kernel.publisher, stream, codec: contactCodec });
  const contacts = new LRUCache<string, Memory>({ max: contactsRemembered });

  /**
   * After a restart the stored position lies behind the request: the contact's own messages tell whose it is. All of them count, also those that
   * are still to come: an attempt whose permit was asked for before a gate and used after it has the same number, and reached the person.
   */
  const recall = async (subject: string): Promise<Memory | undefined> => {
    const messages = await store.read(subject, 0, contactMessagesRead);
    return messages.flatMap(({ events }) => events).reduce<Memory | undefined>(remember, undefined);
  };

  const giveBack = async (message: Followed<ContactEvent>, event: ContactEvent, memory: Memory): Promise<void> => {
    const about = parseSubject(message.subject);
    const command = returnedBy(event, contactId.parse(about?.id), memory);
    if (command === undefined) return;
    const causation = `${stream}:${message.revision}`;
    const countedBy = new Date(Date.parse(message.at) + clocksApartMs).toISOString();
    const { correlation, traceparent } = message;
    const asked = { commandId: `${causation}:${event.type}`, at: clock.now(), correlation, causation, actor: names.actor, traceparent };
    try {
      const given = await persons.execute(
        subjects.person(accountId.parse(about?.account), memory.person),
        { ...command, countedBy },
        asked,
      );
      if (given.kind === "appended") kernel.instruments.count("outrider_permits_returned_total", { because: event.type });
    } catch (error) {
      // One person whose history cannot be read keeps a permit too many; nobody else waits for that to be mended.
      if (!(error instanceof Unfoldable) || error.kind === "newer") throw error;
      kernel.instruments.log("error", "a permit could not be given back", { stream, seq: message.revision, error });
    }
  };

  const take = async (batch: readonly Followed<ContactEvent>[]): Promise<void> => {
    const giving: Promise<void>[] = [];
    for (const message of batch) {
      for (const event of message.events) {
        const { subject } = message;
        let memory = contacts.get(subject);
        if (memory === undefined && (endsPermits(event) || isAskedAgain(event, message))) memory = await recall(subject);
        memory = remember(memory, event);
        if (memory === undefined) continue;
        if (isSettled(event)) contacts.delete(subject);
        else contacts.set(subject, memory);
        if (endsPermits(event)) giving.push(giveBack(message, event, { person: memory.person, kept: new Set(memory.kept) }));
      }
    }
    await Promise.all(giving);
  };

  const options = {
    ...{ name: names.returnSmsPermits, stream, filters: followed.sms, codec: contactCodec, acquire, positions: positions.sms },
    ...{ batch: config.REGISTRY_RETURNS_BATCH, lingerMs: config.REGISTRY_RETURNS_LINGER_MS, restart: () => contacts.clear() },
  };
  return follow(kernel, options, take);
};
