import type { EventOf } from "@outrider/contracts/define";
import type { AccountId, ImportId } from "@outrider/contracts/ids";
import { type UploadPiece, uploadCodec, type uploadEvents } from "@outrider/contracts/inbox";
import { streams, subjects } from "@outrider/contracts/streams";
import { type Cause, type EventStore, jetStreamStore, type Kernel, randomId } from "@outrider/eventing";
import { keyIds, Refusal, reachable, type Service } from "@outrider/platform";
import { limits } from "./config.ts";
import { InvalidField } from "./problems.ts";

export interface Upload {
  readonly account: AccountId;
  readonly import: ImportId;
  readonly commandId: string;
  readonly traceparent: string;
}

export interface Uploads {
  /**
   * Stores a file in sealed pieces, one after another. Resolves with its bytes. Nothing of it stays when it does not end well. What another
   * upload of the same import has stored in full counts; of two at the same time, here or in other replicas, the later one goes on.
   */
  readonly store: (upload: Upload, file: AsyncIterable<Uint8Array>) => Promise<number>;
}

/** The sender went away before the end of the file. */
export class BrokenOff extends Error {
  override readonly name = "BrokenOff";
  readonly code = "UPLOAD_BROKEN_OFF";
  readonly statusCode = 400;
}

/** What the subject of an upload holds: `seq` is its last piece, 0 for none; `whole` are the bytes of a file that is there from end to end. */
interface Found {
  readonly seq: number;
  readonly whole?: number;
}

/** The last piece of one upload, when it has been stored. */
interface Own {
  latest?: Promise<Found>;
}

type Store = EventStore<EventOf<typeof uploadEvents>>;

/** Each piece says which one it follows, so nothing of two uploads is ever mixed: whoever finds another's piece has been overtaken. */
const appendTo = async (store: Store, subject: string, cause: Cause, after: number, data: UploadPiece): Promise<number | undefined> => {
  const append = {
    ...cause,
    executionId: randomId(),
    expected: after,
    closing: 0,
    events: [{ type: "UploadPiece" as const, data }],
  };
  const appended = await store.append(subject, append, performance.now() + limits.pieceMs);
  return appended.kind === "appended" ? appended.revision : undefined;
};

const find = async ({ jsm }: Kernel, store: Store, subject: string): Promise<Found> => {
  const latest = await store.last(subject);
  const piece = latest?.events[0]?.data;
  if (latest === undefined || piece === undefined) return { seq: 0 };
  if (!piece.last || piece.bytes === undefined) return { seq: latest.revision };
  const { state } = await reachable(jsm.streams.info(streams.uploads.name, { subjects_filter: subject }));
  // More than its own pieces: whoever wrote it was killed before it had put away what it found.
  return state.subjects?.[subject] === piece.index + 1 ? { seq: latest.revision, whole: piece.bytes } : { seq: latest.revision };
};

export const uploadsOf = (
  kernel: Kernel,
  { keyring, clock, log }: Pick<Service, "keyring" | "clock" | "log">,
  mostBytes: number,
): Uploads => {
  const { jsm, publisher } = kernel;
  const store = jetStreamStore({ jsm, publisher, stream: streams.uploads.name, codec: uploadCodec });
  const purgeBefore = (subject: string, seq: number) => reachable(jsm.streams.purge(streams.uploads.name, { filter: subject, seq }));

  /** Puts the first piece behind whatever is there, which overtakes whoever wrote that, and then puts that away. */
  const begin = async (subject: string, cause: Cause, data: UploadPiece): Promise<Found> => {
    for (let tries = 0; tries < limits.uploadTries; tries++) {
      const found = await find(kernel, store, subject);
      if (found.whole !== undefined) return found;
      const seq = await appendTo(store, subject, cause, found.seq, data);
      if (seq === undefined) continue;
      if (found.seq > 0) await purgeBefore(subject, seq);
      return { seq };
    }
    throw overtaken();
  };

  const storeAll = async (subject: string, upload: Upload, file: AsyncIterable<Uint8Array>, own: Own): Promise<number> => {
    const { account, commandId, traceparent } = upload;
    let bytes = 0;
    let index = 0;
    let lost = false;
    for await (const { bytes: plain, last } of piecesOf(file)) {
      bytes += plain.length;
      if (bytes > mostBytes) throw new Refusal("too-large", `a file may have ${mostBytes} bytes`);
      if (bytes === 0) throw new InvalidField("body", "the file is empty");
      const piece = await keyring.seal(keyIds.account(account), plain); // while the one before is being stored
      const before = await own.latest?.catch((error: unknown) => {
        lost = error instanceof Refusal;
        if (!lost) throw error;
        return undefined;
      });
      if (lost || before?.whole !== undefined) continue; // read to its end all the same, so that the answer is heard
      const data = { index: index++, piece, last, ...(last ? { bytes } : {}) };
      const cause = { commandId, at: clock.now(), traceparent };
      own.latest = before === undefined ? begin(subject, cause, data) : next(subject, cause, before.seq, data);
      own.latest.catch(() => undefined); // heard of when it is awaited
    }
    return (await own.latest)?.whole ?? bytes;
  };

  const next = async (subject: string, cause: Cause, after: number, data: UploadPiece): Promise<Found> => {
    const seq = await appendTo(store, subject, cause, after, data);
    if (seq === undefined) throw overtaken();
    return { seq };
  };

  return {
    store: async (upload, file) => {
      const subject = subjects.upload(upload.account, upload.import);
      const own: Own = {};
      try {
        return await storeAll(subject, upload, file, own);
      } catch (error) {
        // What nobody knows to be stored or not stays: the next upload of this import overtakes it, else it grows too old.
        const latest = await own.latest?.catch(() => undefined);
        if (latest !== undefined && latest.whole === undefined)
          await purgeBefore(subject, latest.seq + 1).catch((failed: unknown) =>
            log.warn({ error: failed }, "a broken upload stays until it is too old"),
          );
        throw error;
      }
    },
  };
};

const overtaken = (): Refusal =>
  new Refusal("conflict", "this file is being uploaded by somebody else with the same Idempotency-Key", "upload-under-way");

interface Piece {
  readonly bytes: Uint8Array;
  readonly last: boolean;
}

/** Cuts a file into pieces of one size: the last one alone is shorter and says that it is the last. An empty file is one empty piece. */
export async function* piecesOf(file: AsyncIterable<Uint8Array>, size: number = limits.pieceBytes): AsyncGenerator<Piece> {
  let held: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of file) {
    held.push(chunk);
    length += chunk.length;
    if (length <= size) continue;
    const all = Buffer.concat(held, length);
    let from = 0;
    // What fills a piece exactly waits: it may be the last.
    for (; length - from > size; from += size) yield { bytes: all.subarray(from, from + size), last: false };
    held = [all.subarray(from)];
    length -= from;
  }
  yield { bytes: Buffer.concat(held, length), last: true };
}
