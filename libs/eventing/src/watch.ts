import { Unfoldable } from "./errors.ts";
import type { Followed } from "./follow.ts";
import { backOff, type Kernel, pauseFor } from "./kernel.ts";
import { type Incoming, readInOrder } from "./ordered.ts";
import { recordedFrom } from "./recorded.ts";
import type { Codec } from "./store.ts";

export interface WatchOptions<Event> {
  readonly name: string;
  readonly stream: string;
  readonly filters: readonly string[];
  readonly codec: Codec<Event>;
}

export interface Watcher {
  /** Resolves when everything that was in the stream at the start has been handed over. */
  readonly caughtUp: Promise<void>;
  /** False while the stream is not being read: what is remembered may be old. */
  readonly current: () => boolean;
  readonly stop: () => Promise<void>;
}

/** Messages that the server has announced come within this long, or not at all, ms. */
const announcedMs = 2000;

/** What was handed over came from another stream of the same name: only a new process can forget it. */
class MadeAnew extends Error {
  override readonly name = "MadeAnew";
}

/**
 * Every replica's own memory of a few subjects, kept current within moments: hands over all of the stream's messages from the first on, in
 * order, synchronously, and goes on after a broken connection where it stopped. Not ready until it has caught up, and while a message of a
 * newer release keeps it waiting. What no release can read is told and passed over.
 */
export const watch = <Event>(
  kernel: Kernel,
  { name, stream, filters, codec }: WatchOptions<Event>,
  take: (message: Followed<Event>) => void,
): Watcher => {
  const { jsm, instruments } = kernel;
  const stopped = new AbortController();
  const stop = AbortSignal.any([kernel.stopping, stopped.signal]);
  let next = 1;
  let created: string | undefined;
  const { promise: caughtUp, resolve: caught } = Promise.withResolvers<void>();
  let current = false;
  const upToDate = (): void => {
    current = true;
    caught();
    kernel.ready(name, undefined);
  };

  const open = async () => {
    const info = await jsm.streams.info(stream);
    if (created !== undefined && (info.created !== created || info.state.last_seq < next - 1)) {
      throw new MadeAnew(`stream ${stream} was made anew or restored under its reader; start this process again`);
    }
    created = info.created;
    return readInOrder(kernel, { stream, filters, from: next, most: 1000 }, [stop]);
  };

  const hand = (message: Incoming): void => {
    const { seq } = message;
    let recorded: Followed<Event>;
    try {
      recorded = recordedFrom(stream, codec, seq, message);
    } catch (error) {
      if (!(error instanceof Unfoldable) || error.kind === "newer") throw error;
      instruments.log("error", "a watcher met a message that cannot be read and passed it over", { name, stream, seq, error });
      return;
    }
    take(recorded);
  };

  const read = async (): Promise<void> => {
    const stretch = await open();
    if (stretch.waiting === 0) upToDate();
    try {
      while (!stretch.over()) {
        await stretch.come(current ? undefined : announcedMs);
        const messages = stretch.take(500);
        if (messages.length === 0 && !current) break; // what was announced was deleted: it is counted anew
        for (const message of messages) {
          hand(message);
          next = message.seq + 1;
          if (message.pending === 0) upToDate();
        }
      }
    } finally {
      current = false; // until it has been read to its end again
      stretch.close();
    }
  };

  const reasonOf = (error: unknown): string =>
    error instanceof MadeAnew || error instanceof Unfoldable ? error.message : `cannot read stream ${stream}`;

  kernel.ready(name, `has not read ${stream} yet`);
  const loop = (async () => {
    for (let failures = 0; !stop.aborted; ) {
      const before = next;
      const began = performance.now();
      try {
        await read();
        failures = 0;
      } catch (error) {
        if (next > before) failures = 0;
        kernel.ready(name, reasonOf(error));
        if (error instanceof MadeAnew) {
          instruments.log("error", "a watcher stopped: its stream is another one now", { name, stream, error });
          return;
        }
        instruments.log("warn", "a watcher cannot read its stream yet", { name, stream, error });
        await backOff(failures++, stop);
      }
      if (performance.now() - began < 100) await pauseFor(100, stop);
    }
  })();

  return {
    caughtUp,
    current: () => current,
    stop: async () => {
      stopped.abort();
      await loop;
    },
  };
};
