import type { AccountId, ImportId } from "@outrider/contracts/ids";
import { uploadCodec } from "@outrider/contracts/inbox";
import { streams, subjects } from "@outrider/contracts/streams";
import { type HeaderLines, headerLines, type Kernel } from "@outrider/eventing";
import { keyIds, Refusal, type Service, Unavailable } from "@outrider/platform";
import { limits } from "./config.ts";
import { InvalidField } from "./problems.ts";

export interface Upload {
  readonly account: AccountId;
  readonly import: ImportId;
  readonly commandId: string;
  readonly traceparent: string;
}

export interface Uploads {
  /** Stores a file in sealed pieces, a few in flight at a time. Resolves with its bytes. Nothing of it stays when it does not end well. */
  readonly store: (upload: Upload, file: AsyncIterable<Uint8Array>) => Promise<number>;
}

/** The sender went away before the end of the file. */
export class BrokenOff extends Error {
  override readonly name = "BrokenOff";
  readonly code = "UPLOAD_BROKEN_OFF";
  readonly statusCode = 400;
}

export const uploadsOf = (
  kernel: Kernel,
  { keyring, clock, log }: Pick<Service, "keyring" | "clock" | "log">,
  mostBytes: number,
): Uploads => {
  const underWay = new Set<string>();
  const purge = async (subject: string): Promise<void> => {
    await kernel.jsm.streams.purge(streams.uploads.name, { filter: subject });
  };
  const append = async (subject: string, data: Uint8Array, lines: HeaderLines): Promise<void> => {
    const answer = await kernel.publisher.publish(subject, data, lines);
    if (answer.kind !== "stored") throw new Unavailable("the file could not be stored");
  };
  const storeAll = async (subject: string, upload: Upload, file: AsyncIterable<Uint8Array>): Promise<number> => {
    const { account, commandId, traceparent } = upload;
    const inFlight: Promise<void>[] = [];
    let index = 0;
    let bytes = 0;
    for await (const { bytes: plain, last } of piecesOf(file)) {
      bytes += plain.length;
      if (bytes > mostBytes) throw new Refusal("too-large", `a file may have ${mostBytes} bytes`);
      if (bytes === 0) throw new InvalidField("body", "the file is empty");
      // One publisher stores in the order in which it is handed the pieces, so each is sealed before the next one is.
      const piece = await keyring.seal(keyIds.account(account), plain);
      const at = clock.now();
      const data = uploadCodec.encode(at, [{ type: "UploadPiece", data: { index, piece, last } }]);
      const stored = append(subject, data, headerLines({ commandId, at, traceparent }));
      stored.catch(() => undefined); // heard of when it is awaited
      inFlight.push(stored);
      index++;
      if (inFlight.length >= limits.piecesInFlight) await inFlight.shift();
    }
    await Promise.all(inFlight);
    return bytes;
  };
  return {
    store: async (upload, file) => {
      const subject = subjects.upload(upload.account, upload.import);
      if (underWay.has(subject)) throw new Refusal("conflict", "this file is being uploaded already", "upload-under-way");
      underWay.add(subject);
      try {
        await purge(subject); // what an upload left that was killed
        return await storeAll(subject, upload, file);
      } catch (error) {
        await purge(subject).catch((failed: unknown) => log.warn({ error: failed }, "a broken upload stays until it is too old"));
        throw error;
      } finally {
        underWay.delete(subject);
      }
    },
  };
};

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
