import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { headerLine, isNotFound, type Publisher, reachable, Unavailable } from "@outrider/eventing";
import { type Bucket, operationHeader, readLast } from "../bucket.ts";

/** A key as the bucket holds it. Destroyed is for ever: the mark stays, so that no new key can be made in its place. */
export type StoredKey = { readonly kind: "wrapped"; readonly bytes: Uint8Array } | { readonly kind: "destroyed" };

const readAtOnce = 500;
const writeAtOnce = 500;
const mustBeFirst = headerLine("Nats-Expected-Last-Subject-Sequence", "0");

/** The bucket of wrapped keys. */
export class KeyStore {
  readonly #js: JetStreamClient;
  readonly #jsm: JetStreamManager;
  readonly #bucket: Bucket;
  readonly #openPublisher: () => Publisher;
  #publisher: Publisher | undefined;

  /** `openPublisher`: called when the first key is made; most services never make one. */
  constructor(js: JetStreamClient, jsm: JetStreamManager, bucket: Bucket, openPublisher: () => Publisher) {
    this.#js = js;
    this.#jsm = jsm;
    this.#bucket = bucket;
    this.#openPublisher = openPublisher;
  }

  close(): void {
    this.#publisher?.close();
  }

  /** Reads from any replica of the bucket, many in one request: what is missing here may still exist at the leader. */
  async readMany(ids: readonly string[]): Promise<Map<string, StoredKey>> {
    const found = new Map<string, StoredKey>();
    for (const some of portions(ids, readAtOnce)) {
      await reachable(this.#readSome(some, found));
    }
    return found;
  }

  async #readSome(ids: readonly string[], found: Map<string, StoredKey>): Promise<void> {
    const messages = await this.#jsm.direct.getLastMessagesFor(this.#bucket.stream, {
      multi_last: ids.map(this.#bucket.subjectOf),
      batch: ids.length,
    });
    try {
      for await (const message of messages) {
        found.set(this.#bucket.keyOf(message.subject), storedOf(message.header.get(operationHeader), message.data));
      }
    } catch (error) {
      // "None of these exists" ends the batch with an error instead of an empty page.
      if (!isNotFound(error)) throw error;
    }
  }

  /** Reads from the leader: what is missing here does not exist. */
  async read(id: string): Promise<StoredKey | undefined> {
    const message = await readLast(this.#jsm, this.#bucket, id);
    return message === undefined ? undefined : storedOf(message.header.get(operationHeader), message.data);
  }

  /** Answers the ids that were not created because they have been there, alive or destroyed. */
  async createMany(wrapped: ReadonlyMap<string, Uint8Array>): Promise<string[]> {
    const there: string[] = [];
    for (const some of portions([...wrapped], writeAtOnce)) {
      const created = await Promise.all(some.map(([id, bytes]) => this.#create(id, bytes)));
      for (const [index, fresh] of created.entries()) {
        const id = some[index]?.[0];
        if (!fresh && id !== undefined) there.push(id);
      }
    }
    return there;
  }

  async #create(id: string, bytes: Uint8Array): Promise<boolean> {
    this.#publisher ??= this.#openPublisher();
    const answer = await this.#publisher.publish(this.#bucket.subjectOf(id), bytes, mustBeFirst);
    if (answer.kind === "failed") throw new Unavailable(`keys cannot be stored now: ${answer.description}`);
    return answer.kind === "stored";
  }

  /** Marks the key as destroyed, then overwrites its bytes on disk. Repeating it finishes one that was cut short. */
  async destroy(id: string): Promise<void> {
    const subject = this.#bucket.subjectOf(id);
    if ((await this.read(id))?.kind !== "destroyed") {
      const mark = headers();
      mark.set(operationHeader, "PURGE");
      await reachable(this.#js.publish(subject, new Uint8Array(), { headers: mark }));
    }
    // The client's types do not know of `next_by_subj`, the server does: the first message of that subject.
    const oldest = { seq: 1, next_by_subj: subject };
    for (;;) {
      const first = await reachable(this.#jsm.streams.getMessage(this.#bucket.stream, oldest));
      if (first === null || storedOf(first.header.get(operationHeader), first.data).kind === "destroyed") return;
      await reachable(this.#jsm.streams.deleteMessage(this.#bucket.stream, first.seq, true));
    }
  }
}

const storedOf = (operation: string, data: Uint8Array): StoredKey =>
  operation === "PURGE" || operation === "DEL" || data.length === 0 ? { kind: "destroyed" } : { kind: "wrapped", bytes: data };

const portions = <Item>(items: readonly Item[], size: number): Item[][] => {
  const result: Item[][] = [];
  for (let from = 0; from < items.length; from += size) result.push(items.slice(from, from + size));
  return result;
};
