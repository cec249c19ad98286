import { DeliverPolicy, type JsMsg } from "@nats-io/jetstream";
import { ForeignPosition, Unfoldable } from "./errors.ts";
import { recordedFrom } from "./jetstream-store.ts";
import { type Kernel, pauseFor } from "./kernel.ts";
import type { AcquireLease, Lease } from "./lease.ts";
import type { Codec, Recorded } from "./store.ts";

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
 * stored position: `handle` must be safe to repeat.
 */
export const follow = <Event>(
  kernel: Kernel,
  options: FollowOptions<Event>,
  handle: (batch: readonly Followed<Event>[], lease: Lease) => Promise<void>,
): Follower => {
  const { name, stream, codec, positions, batch: most = 500, lingerMs = 0, saveEveryMs = 0 } = options;
  const { jsm, js, instruments } = kernel;
  const stopped = new AbortController();
  const stop = AbortSignal.any([kernel.stopping, stopped.signal]);
  let handled = 0;

  const begin = async (): Promise<Position> => {
    const { created, state } = await jsm.streams.info(stream);
    const stored = await positions.load();
    if (stored === undefined) return { created, seq: 0 };
    if (stored.created !== created) throw new ForeignPosition(name, stream, "the stream was made anew");
    if (stored.seq > state.last_seq) throw new ForeignPosition(name, stream, `position ${stored.seq} is beyond its end ${state.last_seq}`);
    return stored;
  };

  const recordedOf = async (message: JsMsg): Promise<Followed<Event> | undefined> => {
    try {
      if (message.headers === undefined) throw new Unfoldable("unreadable", stream, message.seq, "no headers");
      const recorded = recordedFrom(stream, codec, { data: message.data, seq: message.seq, header: message.headers });
      return { ...recorded, subject: message.subject, stream };
    } catch (error) {
      if (!(error instanceof Unfoldable) || error.kind === "newer") throw error;
      instruments.log("error", "a reader met a message that cannot be read", { name, stream, seq: message.seq });
      await options.poison?.(stream, message.seq, error.message);
      return undefined;
    }
  };

  const read = async (lease: Lease): Promise<void> => {
    const position = await begin();
    options.restart?.();
    handled = position.seq;
    const consumer = await js.consumers.get(stream, {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: position.seq + 1,
      ...(options.filters === undefined ? {} : { filter_subjects: [...options.filters] }),
    });
    const messages = await consumer.consume({ max_messages: Math.max(1000, most * 2), expires: 10_000, idle_heartbeat: 2500 });
    const end = () => void messages.close();
    const forget = kernel.onReconnect(end);
    const over = AbortSignal.any([stop, lease.lost]);
    over.addEventListener("abort", end);
    if (over.aborted) end(); // while the consumer was being made
    kernel.ready(name, undefined);
    let batch: JsMsg[] = [];
    let began = 0;
    let saved = performance.now();
    try {
      for await (const message of messages) {
        if (over.aborted) break;
        if (batch.length === 0) began = performance.now();
        batch.push(message);
        const more = message.info.pending > 0;
        if (batch.length < most && more && performance.now() - began < 1000) continue;
        const last = message.seq;
        const followed: Followed<Event>[] = [];
        for (const each of batch) {
          const recorded = await recordedOf(each);
          if (recorded !== undefined) followed.push(recorded);
        }
        batch = [];
        if (followed.length > 0) await handle(followed, lease);
        if (over.aborted) break;
        if (!more || performance.now() - saved >= saveEveryMs) {
          await positions.save({ created: position.created, seq: last }, lease.epoch);
          saved = performance.now();
        }
        handled = last;
        instruments.gauge("outrider_reader_lag_messages", { reader: name }, message.info.pending);
        if (!more && lingerMs > 0) await pauseFor(lingerMs, over); // what comes meanwhile makes one batch
      }
    } finally {
      forget();
      over.removeEventListener("abort", end);
      await messages.close();
    }
  };

  const loop = (async () => {
    for (let failures = 0; !stop.aborted; ) {
      const lease = await options.acquire(`follow.${name}`, stop).catch(() => undefined);
      if (lease === undefined) continue;
      while (!stop.aborted && !lease.lost.aborted) {
        try {
          await read(lease);
          failures = 0;
        } catch (error) {
          kernel.ready(name, error instanceof Error ? error.message : "unknown failure");
          instruments.log("warn", "a reader starts again from its stored position", { name, stream, error });
          await pauseFor(Math.min(100 * 2 ** failures++, 3000), stop);
        }
      }
      await lease.release();
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
