import { ForeignPosition, Unavailable, Unfoldable } from "./errors.ts";
import { backOff, type Kernel, pauseFor } from "./kernel.ts";
import type { AcquireLease, Lease } from "./lease.ts";
import { type Incoming, type OrderedStretch, readInOrder } from "./ordered.ts";
import { recordedFrom } from "./recorded.ts";
import type { Codec, Recorded, Revision } from "./store.ts";

/** How far a reader is in a stream: a sequence means something only together with the stream's creation time. */
export interface Position {
  readonly created: string;
  readonly seq: number;
}

/** Where a reader keeps its position. `save` must refuse a lower epoch than it has seen. */
export interface Positions {
  readonly load: () => Promise<Position | undefined>;
  readonly save: (position: Position, epoch: number) => Promise<void>;
}

export interface Followed<Event> extends Recorded<Event> {
  readonly subject: string;
  /** Revision of the message before it on its subject; 0: it is the first. */
  readonly expected: Revision;
  readonly stream: string;
}

export interface FollowOptions<Event> {
  /** Names the lease and the reader: changing it starts from the beginning. */
  readonly name: string;
  readonly stream: string;
  readonly filters?: readonly string[];
  readonly codec: Codec<Event>;
  readonly positions: Positions;
  readonly acquire: AcquireLease;
  /** Messages handed over at a time, at most. */
  readonly batch?: number;
  /** After a batch that emptied the stream, let the next one gather for this long, ms. */
  readonly lingerMs?: number;
  /** The position is saved after a batch when this long has passed, and when there is nothing more to read, ms. */
  readonly saveEveryMs?: number;
  /** Called when the reader starts (anew) from its stored position: whatever was kept in memory is void. */
  readonly restart?: () => void;
  /** A message that no release can read. It is passed over; what is built from the stream is degraded. */
  readonly poison?: (stream: string, seq: number, reason: string) => Promise<void>;
}

/**
 * Messages may be large: once a batch has this many bytes, nothing more is waited for. All that is here already is in it, as far as `most` allows.
 * What is made of them takes several times as much.
 */
const batchBytes = 512 * 1024;
/** Messages that have come for the batch after the next one: what is handled and what is decoded meanwhile are two batches already. */
const mostHere = 1000;
/** A batch that is not full waits at most this long for messages that the server has announced, ms. */
const gatherMs = 1000;
/** Failures in a row after which another replica gets its turn. */
const failuresPerLease = 5;
/** A lease that is not given for so long belongs to another replica, ms. */
const standsByAfterMs = 1000;

interface Readable<Event> {
  readonly followed: readonly Followed<Event>[];
  /** Undefined: a newer release wrote the very first. */
  readonly last: Incoming | undefined;
  readonly newer: Unfoldable | undefined;
}

export interface Follower {
  /** Sequence up to which everything was handled, here. */
  readonly position: () => number;
  /** Resolves when this reader, in whichever replica, has handled up to `seq`; false at the deadline (`performance.now()`). */
  readonly reached: (seq: number, deadline: number) => Promise<boolean>;
  readonly stop: () => Promise<void>;
}

/**
 * Hands the messages of a stream to `handle` in stream order, from the stored position on. One active reader per name, by a lease whose epoch
 * goes with every write, so that a paused old reader cannot overwrite. On any error it drops its memory and starts again from the
 * stored position: `handle` must be safe to repeat. A position that does not belong to the stream stops the reader for good, not ready.
 */
export const follow = <Event>(
  kernel: Kernel,
  options: FollowOptions<Event>,
  handle: (batch: readonly Followed<Event>[], lease: Lease) => Promise<void>,
): Follower => {
  const { name, stream, codec, positions, batch: most = 500, lingerMs = 0, saveEveryMs = 0 } = options;
  const { jsm, instruments } = kernel;
  const stopped = new AbortController();
  const stop = AbortSignal.any([kernel.stopping, stopped.signal]);
  let handled = 0;

  const begin = async (): Promise<Position> => {
    // In this order: what is read later can only be further on.
    const stored = await positions.load();
    const { created, state } = await jsm.streams.info(stream);
    if (stored === undefined) return { created, seq: 0 };
    if (stored.created !== created) throw new ForeignPosition(name, stream, "the stream was made anew");
    if (stored.seq > state.last_seq) throw new ForeignPosition(name, stream, `position ${stored.seq} is beyond its end ${state.last_seq}`);
    return stored;
  };

  const lags = (messages: number): void => instruments.gauge("outrider_reader_lag_messages", { reader: name }, messages);

  /** What can be read of a batch, up to `last`. What a newer release wrote ends it: the messages before it need not wait for a replica of that release. */
  const readable = async (batch: readonly Incoming[]): Promise<Readable<Event>> => {
    const followed: Followed<Event>[] = [];
    let last: Incoming | undefined;
    for (const message of batch) {
      try {
        followed.push(recordedFrom(stream, codec, message.seq, message));
      } catch (error) {
        if (!(error instanceof Unfoldable)) throw error;
        if (error.kind === "newer") return { followed, last, newer: error };
        instruments.log("error", "a reader met a message that cannot be read", { name, stream, seq: message.seq });
        await options.poison?.(stream, message.seq, error.message);
      }
      last = message;
    }
    return { followed, last, newer: undefined };
  };

  /**
   * What makes one batch: what has come and what the server has announced, until it is full or has been waited for. Empty: the stretch is over, or
   * what was announced does not come (it may have been deleted meanwhile), and the stream is to be read again from the position.
   */
  const gathered = async (stretch: OrderedStretch, announced: boolean, over: () => boolean): Promise<readonly Incoming[]> => {
    const batch: Incoming[] = [];
    let bytes = 0;
    await stretch.come(announced ? 2 * gatherMs : undefined);
    for (const began = performance.now(); !over(); ) {
      for (const message of stretch.take(most - batch.length)) {
        batch.push(message);
        bytes += message.size;
      }
      const waited = performance.now() - began;
      if (batch.length >= most || bytes >= batchBytes || !isMore(stretch, batch) || waited >= gatherMs) break;
      await stretch.come(gatherMs - waited);
    }
    return batch;
  };

  /** What came during a linger was announced as the last each time: look at what is here already, too. */
  const isMore = (stretch: OrderedStretch, batch: readonly Incoming[]): boolean => stretch.size() > 0 || (batch.at(-1)?.pending ?? 0) > 0;

  /** Reads until the stretch is over. While one batch is handled, the next one is gathered and decoded. */
  const batches = async (stretch: OrderedStretch, position: Position, lease: Lease, progressed: () => void): Promise<void> => {
    let saved = performance.now();
    let before: Promise<boolean> = Promise.resolve(true);
    // Asked at the lease itself: after a standstill its signal may not have been raised yet.
    const over = (): boolean => stretch.over() || lease.lost.aborted;
    /** False when somebody else reads now: what was handled is not to be counted. */
    const handleAll = async (followed: readonly Followed<Event>[], last: Incoming, more: boolean): Promise<boolean> => {
      if (followed.length > 0) await handle(followed, lease);
      if (over()) return false;
      if (!more || performance.now() - saved >= saveEveryMs) {
        await positions.save({ created: position.created, seq: last.seq }, lease.epoch);
        saved = performance.now();
      }
      handled = last.seq;
      progressed();
      lags(last.pending);
      return true;
    };
    /**
     * Gathers one batch and begins to handle it when the one before it is done. Undefined: the stretch is over. A function of its own, so that
     * nothing of a batch is held any more while the next one is waited for.
     */
    const begun = async (announced: boolean): Promise<{ readonly more: boolean } | undefined> => {
      const batch = await gathered(stretch, announced, over);
      if (over() || batch.length === 0) return undefined;
      const more = isMore(stretch, batch);
      const { followed, last, newer } = await readable(batch);
      if (!(await before) || over()) return undefined;
      if (last !== undefined) before = handleAll(followed, last, more && newer === undefined);
      before.catch(() => stretch.end()); // thrown where it is waited for, and not only when something comes again
      if (newer === undefined) return { more };
      await before;
      throw newer;
    };
    try {
      for (let more = false; !over(); ) {
        const one = await begun(more);
        if (one === undefined) break;
        more = one.more;
        if (more) continue;
        if (!(await before)) break;
        if (lingerMs > 0) await pauseFor(lingerMs, stop); // what comes meanwhile makes one batch
      }
      await before;
    } finally {
      await before.catch(() => undefined); // another reader's turn begins when this one's work has ended
    }
  };

  const read = async (lease: Lease, progressed: () => void): Promise<void> => {
    const position = await begin();
    options.restart?.();
    handled = position.seq;
    const reading = { stream, filters: options.filters, from: position.seq + 1, most: mostHere };
    const stretch = await readInOrder(kernel, reading, [stop, lease.lost]);
    lags(stretch.waiting);
    if (stretch.waiting === 0) progressed();
    try {
      await batches(stretch, position, lease, progressed);
    } finally {
      stretch.close();
    }
  };

  let failures = 0;
  const progressed = (): void => {
    failures = 0;
    kernel.ready(name, undefined);
  };

  /** Reads under one lease, again and again. False: never again. */
  const hold = async (lease: Lease): Promise<boolean> => {
    while (!stop.aborted && !lease.lost.aborted) {
      const began = performance.now();
      try {
        await read(lease, progressed);
      } catch (error) {
        kernel.ready(name, error instanceof Error ? error.message : "unknown failure");
        if (error instanceof ForeignPosition) {
          instruments.log("error", "a reader stopped: its position does not belong to the stream", { name, stream, error });
          return false;
        }
        instruments.log("warn", "a reader starts again from its stored position", { name, stream, error });
        failures++;
        await backOff(failures, stop);
        // Another replica may be able to: of a newer release, or with a way to what is not reachable from here.
        if ((error instanceof Unfoldable && error.kind === "newer") || failures % failuresPerLease === 0) return true;
      }
      if (performance.now() - began < 100) await pauseFor(100, stop);
    }
    return true;
  };

  /** Whoever waits while another replica reads stands by, and is ready: what kept it from reading is not what keeps the other one. */
  const inTurn = async (): Promise<Lease> => {
    const standingBy = setTimeout(() => {
      kernel.ready(name, undefined);
      lags(0); // how far it is behind is the other one's to tell
    }, standsByAfterMs);
    try {
      return await options.acquire(`follow.${name}`, stop);
    } finally {
      clearTimeout(standingBy);
    }
  };

  const loop = (async () => {
    for (let goesOn = true; goesOn && !stop.aborted; ) {
      try {
        const lease = await inTurn();
        goesOn = await hold(lease);
        await lease.release();
        if (failures > 0) await backOff(failures, stop);
      } catch (error) {
        if (stop.aborted) return;
        kernel.ready(name, error instanceof Unavailable ? error.message : "its lease cannot be asked for or given back");
        instruments.log("warn", "a reader cannot ask for its lease or give it back", { name, stream, error });
        failures++;
        await backOff(failures, stop);
      }
    }
  })();

  return {
    position: () => handled,
    reached: async (seq, deadline) => {
      for (let ms = 2; performance.now() < deadline && !stop.aborted; ms = Math.min(ms * 2, 50)) {
        if (handled >= seq || ((await positions.load())?.seq ?? 0) >= seq) return true;
        await pauseFor(ms, stop);
      }
      return false;
    },
    stop: async () => {
      stopped.abort();
      await loop;
    },
  };
};
