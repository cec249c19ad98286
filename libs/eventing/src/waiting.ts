import type { JsMsg } from "@nats-io/jetstream";
import { wire } from "./recorded.ts";
import type { Cause, Codec, Revision, Subject } from "./store.ts";

/** What an event says of whether its aggregate has a moment to come; undefined: nothing, that stays as it was. */
export type Stance = "waits" | "ended" | undefined;

/** An aggregate that its stream shows as open. */
export interface Waiting {
  readonly subject: Subject;
  /** Of the message by which it waits. */
  readonly revision: Revision;
  /** When that message was stored, real ms. */
  readonly storedMs: number;
}

export interface Remembered extends Waiting {
  /** The real moment (ms) that was last computed. */
  moment?: number;
  /** Reactions in vain so far, and when the next one may be. */
  reactions: number;
  notBeforeMs: number;
  readonly cause: Pick<Cause, "correlation" | "traceparent">;
}

/** Who waits, in the order of the messages by which they do; at most so many, the rest is found again in the stream. */
export interface WhoWaits {
  readonly take: (message: JsMsg) => void;
  readonly all: () => readonly Remembered[];
  readonly drop: (one: Remembered) => void;
  readonly isFull: () => boolean;
  readonly size: () => number;
  /** Remembers nobody; whoever is left out this way is held back by `settled`. */
  readonly leaveOut: () => void;
  /** Forgets everything, as a restart would. */
  readonly reset: () => void;
  /** Up to here nobody waits, of what was read up to `readTo`. */
  readonly settled: (readTo: Revision) => Revision;
  readonly hasLeftOut: () => boolean;
}

export const whoWaits = <Event>(codec: Codec<Event>, stanceOf: (event: Event) => Stance, most: number): WhoWaits => {
  let waiting = new Map<Subject, Remembered>();
  /** The least revision of those that are not remembered. */
  let leftOut = Number.POSITIVE_INFINITY;
  const oldest = (): Revision => waiting.values().next().value?.revision ?? Number.POSITIVE_INFINITY;
  return {
    take: ({ data, subject, seq: revision, headers, info }) => {
      const decoded = codec.decode(data);
      // A newer release knows what this means; what nobody can read is told by whoever reacts to it.
      if (decoded.kind === "newer") leftOut = Math.min(leftOut, revision);
      if (decoded.kind !== "events") return;
      const stance = decoded.events.map(stanceOf).findLast((each) => each !== undefined);
      if (stance === undefined) return;
      waiting.delete(subject);
      if (stance === "ended") return;
      const cause = { correlation: headers?.get(wire.correlation) || undefined, traceparent: headers?.get(wire.traceparent) || undefined };
      waiting.set(subject, { subject, revision, storedMs: Math.floor(info.timestampNanos / 1e6), reactions: 0, notBeforeMs: 0, cause });
    },
    all: () => [...waiting.values()],
    drop: (one) => {
      if (waiting.get(one.subject) === one) waiting.delete(one.subject);
    },
    isFull: () => waiting.size > most,
    size: () => waiting.size,
    leaveOut: () => {
      leftOut = Math.min(leftOut, oldest());
      waiting = new Map();
    },
    reset: () => {
      leftOut = Number.POSITIVE_INFINITY;
      waiting = new Map();
    },
    settled: (readTo) => Math.max(0, Math.min(readTo, leftOut - 1, oldest() - 1)),
    hasLeftOut: () => leftOut < Number.POSITIVE_INFINITY,
  };
};
