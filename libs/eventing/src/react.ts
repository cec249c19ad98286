import type { JsMsg } from "@nats-io/jetstream";
import { deadLetters } from "./dead.ts";
import { Unavailable, Unfoldable } from "./errors.ts";
import { backOff, type Kernel, pauseFor, templateOf } from "./kernel.ts";
import { reasonsOf } from "./readiness.ts";
import { stretchOf } from "./reading.ts";
import { recordedFrom } from "./recorded.ts";
import type { Codec, Recorded } from "./store.ts";
import { type DeclaredDurable, ensureDurable } from "./streams.ts";
import { changes, failureCounts, lagOfDurable, waitingAtServer } from "./waits.ts";

/** A message as a reaction sees it: the events of one decision, in any order and perhaps again. */
export interface Delivery<Event> extends Recorded<Event> {
  readonly subject: string;
  readonly stream: string;
  /** 1 for the first time. */
  readonly deliveries: number;
}

/** Done: acknowledged. Wait: handed back for at most five seconds. Impossible: a dead letter, for a person to look at. */
export type Digested =
  | { readonly kind: "done" }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "impossible"; readonly reason: string };

export const done: Digested = { kind: "done" };
export const waitFor = (ms: number): Digested => ({ kind: "wait", ms: Math.min(Math.max(0, ms), longestWaitMs) });
export const impossible = (reason: string): Digested => ({ kind: "impossible", reason });

const longestWaitMs = 5000;
const usualFailures = 8;
/** So many messages that cannot reach what they need mean that nothing can: pulling stops. Fewer are the messages' own trouble. */
const mostBlocked = 8;

export interface ReactOptions<Event> extends Omit<DeclaredDurable, "ackWaitMs" | "maxAckPending"> {
  readonly codec: Codec<Event>;
  /** Messages in hand at the same time, in this process. */
  readonly concurrency?: number;
  /** After this long without a sign of life a message goes to another replica, ms. Messages in hand give that sign by themselves. */
  readonly ackWaitMs?: number;
  readonly maxAckPending?: number;
  /** A message that has failed so often in this process becomes a dead letter. */
  readonly mostFailures?: number;
}

export interface Reaction {
  readonly durable: string;
  /** Handles one stored message once more, out of turn: for a dead letter that a person retries. Throws `Unavailable`. */
  readonly retry: (seq: number) => Promise<Digested>;
  /** Takes no more and waits for what is in hand. */
  readonly stop: () => Promise<void>;
}

/**
 * Hands every message of a durable to `handle`, several at a time. The handler may be called again for the same message at any moment, also
 * by another replica: the aggregate has the memory. `Unavailable` thrown stops the pulling until it works again, and nothing is handed
 * back for that; another exception is handed back and, when it keeps coming, becomes a dead letter.
 */
export const react = <Event>(
  kernel: Kernel,
  options: ReactOptions<Event>,
  handle: (delivery: Delivery<Event>) => Promise<Digested>,
): Reaction => {
  const { stream, durable, codec, concurrency = 64, ackWaitMs = 15_000, maxAckPending = 1000, mostFailures = usualFailures } = options;
  const { instruments, jsm, js } = kernel;
  const labels = { consumer: durable };
  const stopped = new AbortController();
  const stop = AbortSignal.any([kernel.stopping, stopped.signal]);
  const dead = deadLetters(kernel);
  const reasons = reasonsOf(kernel, durable);
  const failures = failureCounts();
  const atServer = waitingAtServer();
  const lag = lagOfDurable();
  const changed = changes();
  const inHand = new Set<JsMsg>();
  const running = new Set<Promise<void>>();
  const blocked = new Set<JsMsg>();
  let busy = 0;
  let parked = 0;
  let asking = false;
  const working = setInterval(() => {
    const behind = lag.look(inHand.size + atServer.count(performance.now()), asking);
    if (behind !== undefined) instruments.gauge("outrider_reader_lag_messages", { reader: durable }, behind);
    if (kernel.nats.isClosed() || kernel.nats.isDraining()) return;
    for (const message of inHand) message.working();
  }, ackWaitMs / 3);

  /** Keeps the message while what it needs cannot be reached. Undefined: the process is to end. */
  const handled = async (message: JsMsg, delivery: Delivery<Event>): Promise<Digested | undefined> => {
    try {
      for (let tries = 0; ; tries++) {
        try {
          return await handle(delivery);
        } catch (error) {
          if (!(error instanceof Unavailable)) throw error;
          if (stop.aborted) return undefined;
          blocked.add(message);
          reasons.set("blocked", error.message);
          instruments.count("outrider_reaction_blocked_total", labels);
          await pauseFor(Math.min(100 * 2 ** tries, 5000) * (0.5 + Math.random() / 2), stop);
        }
      }
    } finally {
      if (blocked.delete(message) && blocked.size === 0) reasons.set("blocked", undefined);
      changed.happened();
    }
  };

  const bury = async (message: JsMsg, reason: string, trace?: string): Promise<void> => {
    const { seq, subject } = message;
    const { deliveryCount: deliveries } = message.info;
    await dead.write({ consumer: durable, stream, seq, subject, reason, deliveries, trace }, message);
    instruments.count("outrider_dead_letters_total", labels);
    instruments.log("error", "a message could not be handled and became a dead letter", {
      ...labels,
      stream,
      seq,
      reason,
      ...traced(trace),
    });
    failures.settled(seq);
    message.term(reason);
  };

  /**
   * At most a tenth of what may be pending waits at the server. As many again as half of it wait here and leave their place to others; what
   * is beyond that keeps its place and so slows the pulling.
   */
  const handBack = async (message: JsMsg, ms: number, giveUpPlace: () => void): Promise<void> => {
    const wait = Math.min(Math.max(0, ms), longestWaitMs);
    const now = performance.now();
    if (atServer.count(now) < maxAckPending / 10) {
      atServer.add(now + wait);
      message.nak(wait);
      return;
    }
    if (parked < maxAckPending / 2) giveUpPlace();
    parked++;
    await pauseFor(wait, stop);
    parked--;
    message.nak();
  };

  const failed = async (message: JsMsg, error: unknown, trace: string | undefined, giveUpPlace: () => void): Promise<void> => {
    const { seq } = message;
    const count = failures.failed(seq);
    const name = error instanceof Error ? error.name : "unknown";
    instruments.log("warn", "a handler failed", { ...labels, stream, seq, failures: count, error, ...traced(trace) });
    if (count >= mostFailures) return bury(message, `the handler failed ${mostFailures} times (${name})`, trace);
    await handBack(message, 200 * 2 ** count, giveUpPlace);
  };

  const settle = async (message: JsMsg, digested: Digested, trace: string | undefined, giveUpPlace: () => void): Promise<void> => {
    instruments.count("outrider_reactions_total", { ...labels, outcome: digested.kind });
    if (digested.kind === "wait") return handBack(message, digested.ms, giveUpPlace);
    if (digested.kind === "impossible") return bury(message, digested.reason, trace);
    failures.settled(message.seq);
    message.ack();
  };

  const digest = async (message: JsMsg, giveUpPlace: () => void): Promise<void> => {
    let trace: string | undefined;
    let digested: Digested | undefined;
    try {
      const delivery = recordedFrom(stream, codec, message.seq, message, message.info.deliveryCount);
      trace = delivery.traceparent;
      digested = await instruments.span(spanOf(message.subject, durable, trace), (traceparent) =>
        handled(message, delivery.within(traceparent)),
      );
    } catch (error) {
      if (!(error instanceof Unfoldable)) return failed(message, error, trace, giveUpPlace);
      if (error.kind === "unreadable") return bury(message, error.message, trace);
      reasons.setFor("newer", error.message, longestWaitMs * 3);
      return handBack(message, longestWaitMs, giveUpPlace);
    }
    // The process is to end: another replica takes it at once.
    if (digested === undefined) message.nak();
    else await settle(message, digested, trace, giveUpPlace);
  };

  const take = (message: JsMsg): void => {
    let hasPlace = true;
    const giveUpPlace = (): void => {
      if (!hasPlace) return;
      hasPlace = false;
      busy--;
      changed.happened();
    };
    busy++;
    inHand.add(message);
    lag.told(message.info.pending);
    const work = digest(message, giveUpPlace)
      .catch((error: unknown) =>
        instruments.log("error", "a message could not be settled and will come again", { ...labels, seq: message.seq, error }),
      )
      .finally(() => {
        inHand.delete(message);
        running.delete(work);
        giveUpPlace();
      });
    running.add(work);
  };

  /** One stretch of pulling, until the connection breaks or the process is to end. What is in hand goes on across stretches. */
  const pull = async (): Promise<void> => {
    await ensureDurable(jsm, { stream, durable, filters: options.filters, ackWaitMs, maxAckPending });
    const consumer = await js.consumers.get(stream, durable);
    const stretch = await stretchOf(kernel, consumer, Math.max(2, concurrency * 2), [stop], changed.happened);
    reasons.set("reading", undefined);
    asking = true;
    const full = (): boolean => busy >= concurrency || blocked.size >= Math.min(mostBlocked, concurrency);
    try {
      for await (const message of stretch.messages) {
        if (stop.aborted) {
          message.nak(); // another replica takes what was prefetched at once
          continue;
        }
        // What was prefetched before the end of a stretch is somebody else's by now: drop it and pull anew.
        if (stretch.over()) break;
        take(message);
        const since = performance.now();
        while (full() && !stretch.over()) await changed.next();
        // Nobody has said "working" for what was prefetched.
        if (performance.now() - since > ackWaitMs / 2) break;
      }
    } finally {
      asking = false;
      await stretch.close();
    }
    while (full() && !stop.aborted) await changed.next();
  };

  const whenStopped = (): void => changed.happened();
  stop.addEventListener("abort", whenStopped);
  const loop = (async () => {
    for (let tries = 0; !stop.aborted; ) {
      const began = performance.now();
      try {
        await pull();
        tries = 0;
      } catch (error) {
        reasons.set("reading", `cannot read stream ${stream}`);
        instruments.log("warn", "a reaction cannot read its stream yet", { ...labels, stream, error });
        tries++;
      }
      if (tries > 0 || performance.now() - began < 100) await backOff(tries, stop);
    }
    while (running.size > 0) await Promise.all(running);
    clearInterval(working);
    reasons.close();
    stop.removeEventListener("abort", whenStopped);
  })();

  return {
    durable,
    retry: async (seq) => {
      const message = await dead.original(durable, stream, seq);
      if (message === undefined) return impossible("the message is no longer in the stream");
      try {
        return await handle(recordedFrom(stream, codec, seq, message));
      } catch (error) {
        if (error instanceof Unfoldable) return impossible(error.message);
        throw error;
      }
    },
    stop: async () => {
      stopped.abort();
      await loop;
    },
  };
};

/** What is logged when the span is over already; by the form of a W3C `traceparent`. */
const traced = (traceparent: string | undefined): object => (traceparent === undefined ? {} : { trace_id: traceparent.slice(3, 35) });

const spanOf = (subject: string, durable: string, parent: string | undefined) => ({
  name: `process ${templateOf(subject)}`,
  kind: "consumer" as const,
  parent,
  attributes: {
    "messaging.system": "nats",
    "messaging.operation.name": "process",
    "messaging.operation.type": "process",
    "messaging.destination.template": templateOf(subject),
    "messaging.consumer.group.name": durable,
  },
});
