import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import { uploadCodec } from "@outrider/contracts/inbox";
import { streams, subjects } from "@outrider/contracts/streams";
import { isNotFound, pauseFor, Unavailable } from "@outrider/eventing";
import { erased, type Keyring } from "@outrider/platform";
import { limits } from "../config.ts";
import { csvOf } from "../file/csv.ts";
import { type AdSource, type Order, Unreadable } from "./ad-source.ts";

interface Parts {
  readonly jsm: JetStreamManager;
  readonly keyring: Pick<Keyring, "openBytes">;
  readonly stopping: AbortSignal;
  readonly longestLine: number;
  readonly nowMs: () => number;
}

/** A file that was uploaded in sealed pieces, as CSV. */
export const uploadedFile = ({ jsm, keyring, stopping, longestLine, nowMs }: Parts): AdSource => {
  const stream = streams.uploads.name;

  /** The next few pieces of the upload, after a sequence; none when there is no more of it, or not here yet. */
  const fetch = async (subject: string, after: number): Promise<readonly StoredMsg[]> => {
    const found: StoredMsg[] = [];
    try {
      const messages = await jsm.direct.getBatch(stream, { seq: after + 1, next_by_subj: subject, batch: limits.piecesAtOnce });
      for await (const message of messages) found.push(message);
    } catch (error) {
      if (!isNotFound(error)) throw new Unavailable("the upload cannot be read now", { cause: error });
    }
    return found;
  };

  /** A replica may not have heard of the last pieces yet. */
  const fetchPatiently = async (subject: string, after: number): Promise<readonly StoredMsg[]> => {
    const deadline = performance.now() + limits.pieceGraceMs;
    for (let ms = 20; ; ms *= 2) {
      const found = await fetch(subject, after);
      if (found.length > 0 || performance.now() > deadline || stopping.aborted) return found;
      await pauseFor(ms, stopping);
    }
  };

  async function* pieces({ account, import: id }: Order): AsyncGenerator<Buffer> {
    const subject = subjects.upload(account, id);
    let expected = 0;
    for (let ahead = fetchPatiently(subject, 0); ; ) {
      const messages = await ahead;
      const latest = messages.at(-1);
      if (latest === undefined) throw new Unreadable(incomplete(expected));
      const fetched = messages.map(({ data }) => pieceOf(data));
      if (!fetched.some(({ last }) => last)) {
        ahead = fetchPatiently(subject, latest.seq); // while this part is being worked on
        ahead.catch(() => undefined); // heard of when it is awaited, if it ever is
      }
      for (const { index, piece, last } of fetched) {
        if (index < expected) continue; // sent twice
        if (index > expected) throw new Unreadable(incomplete(expected));
        const opened = await keyring.openBytes(piece);
        if (opened === erased) throw new Unreadable("The upload cannot be opened any more: its key was destroyed.");
        expected++;
        yield Buffer.from(opened.buffer, opened.byteOffset, opened.byteLength);
        if (last) return;
      }
    }
  }

  return {
    rows: async function* (order) {
      const csv = csvOf({ longestLine, now: new Date(nowMs()) });
      for await (const piece of pieces(order)) {
        for (let at = 0; at < piece.length; at += limits.parsedAtOnceBytes) {
          const rows = csv.push(piece.subarray(at, at + limits.parsedAtOnceBytes));
          if (rows.length > 0) yield rows;
        }
      }
      const rest = csv.end();
      if (rest.length > 0) yield rest;
    },
    release: async ({ account, import: id }) => {
      await jsm.streams.purge(stream, { filter: subjects.upload(account, id) });
    },
  };
};

const pieceOf = (data: Uint8Array) => {
  const decoded = uploadCodec.decode(data);
  const piece = decoded.kind === "events" ? decoded.events[0]?.data : undefined;
  if (piece === undefined) throw new Unreadable("A piece of the upload is in a form that this release does not know.");
  return piece;
};

const incomplete = (expected: number): string =>
  expected === 0 ? "The upload is not there, or no longer." : `Piece ${expected + 1} of the upload is missing; upload the file again.`;
