import { JetStreamApiError, type JsMsg } from "@nats-io/jetstream";
import { headers, type MsgHdrs } from "@nats-io/transport-node";
import { Unavailable } from "./errors.ts";
import { orUndefined, reachable, readDirect } from "./jetstream-store.ts";
import type { Kernel } from "./kernel.ts";
import { headerLine } from "./requests.ts";
import { scheduleStream } from "./schedule.ts";

/** What is kept of a message that no handler could digest: where it stands and why, never what it says. */
export interface DeadLetter {
  readonly at: string;
  readonly service: string;
  readonly consumer: string;
  readonly stream: string;
  readonly seq: number;
  readonly subject: string;
  readonly reason: string;
  readonly deliveries: number;
  readonly trace?: string | undefined;
  /** Only of a due message, which is never personal and which its work queue has forgotten: for the retry. */
  readonly copy?: { readonly body: string; readonly headers: Readonly<Record<string, string>> };
}

/** A message as the stream has it, or had it. */
export type Original = Pick<JsMsg, "data" | "subject"> & { readonly headers: MsgHdrs };

export interface DeadLetters {
  /** Resolves when the letter is stored. The id makes a repeat within two minutes harmless. */
  readonly write: (letter: Omit<DeadLetter, "service" | "at" | "copy">, message?: Pick<JsMsg, "data" | "headers">) => Promise<void>;
  /** The oldest letters of the service first, and how many there are; `wanted` leaves out the others before anything is counted. */
  readonly list: (
    limit: number,
    wanted?: (letter: DeadLetter) => boolean,
  ) => Promise<{ readonly letters: readonly (DeadLetter & { readonly id: number })[]; readonly total: number }>;
  readonly show: (id: number) => Promise<DeadLetter | undefined>;
  readonly drop: (id: number) => Promise<boolean>;
  /** The message that a letter speaks of: from its stream, or from the letter's copy. */
  readonly original: (consumer: string, stream: string, seq: number) => Promise<Original | undefined>;
}

const deadStream = "DEAD";
const pageSize = 256;

/** The dead letters of one service, in the stream DEAD. Reads and writes throw `Unavailable` when it cannot be reached. */
export const deadLetters = ({ jsm, publisher, service }: Pick<Kernel, "jsm" | "publisher" | "service">): DeadLetters => {
  const own = `dead.${service}.>`;

  const page = async (filter: string, from: number, limit: number) =>
    (await readDirect(jsm, deadStream, filter, from, limit)).map(({ seq, data }) => {
      const letter: DeadLetter = JSON.parse(new TextDecoder().decode(data));
      return { id: seq, ...letter };
    });

  const show = async (id: number): Promise<DeadLetter | undefined> => {
    const message = await orUndefined(() => jsm.streams.getMessage(deadStream, { seq: id }));
    return message == null || !message.subject.startsWith(`dead.${service}.`) ? undefined : message.json<DeadLetter>();
  };

  const copied = async (consumer: string, stream: string, seq: number): Promise<Original | undefined> => {
    for (let from = 1; ; ) {
      const letters = await page(`dead.${service}.${consumer}`, from, pageSize);
      const letter = letters.find((each) => each.stream === stream && each.seq === seq && each.copy !== undefined);
      if (letter?.copy !== undefined)
        return { subject: letter.subject, data: bytes(letter.copy.body), headers: headersOf(letter.copy.headers) };
      const last = letters.at(-1);
      if (last === undefined || letters.length < pageSize) return undefined;
      from = last.id + 1;
    }
  };

  /** Reads all of them, a page at a time: there are few, or a person has other worries. */
  const listWanted = async (limit: number, wanted: (letter: DeadLetter) => boolean) => {
    const letters: (DeadLetter & { readonly id: number })[] = [];
    let total = 0;
    for (let from = 1; ; ) {
      const some = await page(own, from, pageSize);
      for (const letter of some) if (wanted(letter) && total++ < limit) letters.push(letter);
      const last = some.at(-1);
      if (last === undefined || some.length < pageSize) return { letters, total };
      from = last.id + 1;
    }
  };

  return {
    show,
    write: async (letter, message) => {
      const copy = letter.stream === scheduleStream && message !== undefined ? { copy: copyOf(message) } : {};
      const stored: DeadLetter = { at: new Date().toISOString(), service, ...letter, ...copy };
      const id = `${letter.stream}:${letter.consumer}:${letter.seq}`;
      const answer = await publisher.publish(
        `dead.${service}.${letter.consumer}`,
        bytes(JSON.stringify(stored)),
        headerLine("Nats-Msg-Id", id),
      );
      if (answer.kind !== "stored") throw new Unavailable("the dead letter was not stored");
    },
    list: async (limit, wanted) => {
      if (wanted !== undefined) return listWanted(limit, wanted);
      const letters = await page(own, 1, limit);
      const { state } = await reachable(jsm.streams.info(deadStream, { subjects_filter: own }));
      const total = Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
      return { letters, total };
    },
    drop: async (id) => {
      if ((await show(id)) === undefined) return false;
      try {
        return await reachable(jsm.streams.deleteMessage(deadStream, id));
      } catch (error) {
        if (error instanceof JetStreamApiError) return false; // somebody else was first
        throw error;
      }
    },
    original: async (consumer, stream, seq) => {
      const message = await orUndefined(() => jsm.streams.getMessage(stream, { seq }));
      if (message == null) return copied(consumer, stream, seq);
      return { subject: message.subject, data: message.data, headers: message.header };
    },
  };
};

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const copyOf = ({ data, headers: header }: Pick<JsMsg, "data" | "headers">): NonNullable<DeadLetter["copy"]> => ({
  body: new TextDecoder().decode(data),
  headers: Object.fromEntries([...(header ?? [])].map(([name, values]) => [name, values[0] ?? ""])),
});

const headersOf = (stored: Readonly<Record<string, string>>): MsgHdrs => {
  const header = headers();
  for (const [name, value] of Object.entries(stored)) header.append(name, value);
  return header;
};
