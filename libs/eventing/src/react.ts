import type { ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import { deadLetters } from "./dead.ts";
import { Unavailable, Unfoldable } from "./errors.ts";
import { recordedFrom, wire } from "./jetstream-store.ts";
import { type Kernel, pauseFor, templateOf } from "./kernel.ts";
import type { Codec, Recorded } from "./store.ts";
import { type DeclaredDurable, ensureDurable } from "./streams.ts";

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
export const waitFor = (ms: number): Digested => ({ kind: "wait", ms: Math.min(ms, longestWaitMs) });
export const impossible = (reason: string): Digested => ({ kind: "impossible", reason });

const longestWaitMs = 5000;
const mostFailures = 8;

export interface ReactOptions<Event> extends Omit<DeclaredDurable, "ackWaitMs" | "maxAckPending"> {
  readonly codec: Codec<Event>;
  /** Messages in hand at the same time, in this process. */
  readonly concurrency?: number;
  /** After this long without a sign of life a message goes to another replica, ms. Messages in hand give that sign by themselves. */
  readonly ackWaitMs?: number;
  readonly maxAckPending?: number;
}

export interface Reaction {
  readonly durable: string;
  /** Handles one stored message once more, out of turn: for a dead letter that a person retries. */
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
  const { stream, durable, codec, concurrency = 64, ackWaitMs = 15_000, maxAckPending = 1000 } = options;
  const { instruments, jsm, js } = kernel;
  const dead = deadLetters(kernel);
  const inHand = new Set<JsMsg>();
  const working = setInterval(() => {
    for (const message of inHand) message.working();
  }, ackWaitMs / 3);
  const labels = { consumer: durable };
  const stopped = new AbortController();
  const stop = AbortSignal.any([kernel.stopping, stopped.signal]);
  let blocked: Promise<void> | undefined;
  let waits: number[] = [];

  const decoded = (message: Pick<JsMsg, "data" | "seq" | "headers" | "subject">, deliveries: number): Delivery<Event> => {
    const header = message.headers;
    if (header === undefined) throw new Unfoldable("unreadable", stream, message.seq, "no headers");
    const recorded = recordedFrom(stream, codec, { data: message.data, seq: message.seq, header });
    return { ...recorded, subject: message.subject, stream, deliveries };
  };

  /** Keeps the message while what it needs cannot be reached; the loop takes nothing more meanwhile. */
  const handled = async (delivery: Delivery<Event>): Promise<Digested | undefined> => {
    for (let tries = 0; ; tries++) {
      try {
        const digested = await handle(delivery);
        if (tries > 0) kernel.ready(durable, undefined);
        return digested;
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        if (stop.aborted) return undefined;
        kernel.ready(durable, error.message);
        instruments.count("outrider_reaction_blocked_total", labels);
        const pause = pauseFor(Math.min(100 * 2 ** tries, 5000) * (0.5 + Math.random() / 2), stop);
        blocked = pause;
        await pause;
        if (blocked === pause) blocked = undefined;
      }
    }
  };

  const bury = async (message: JsMsg, reason: string, trace?: string): Promise<void> => {
    await dead.write({
      consumer: durable,
      stream,
      seq: message.seq,
      subject: message.subject,
      reason,
      deliveries: message.info.deliveryCount,
      trace,
    });
    instruments.count("outrider_dead_letters_total", labels);
    instruments.log("error", "a message could not be handled and became a dead letter", { ...labels, stream, seq: message.seq, reason });
    message.term(reason);
  };

  /** At most a tenth of what may be pending waits at the server; what is beyond that waits here and so slows the pulling. */
  const handBack = async (message: JsMsg, ms: number): Promise<void> => {
    const now = performance.now();
    waits = waits.filter((until) => until > now);
    if (waits.length >= maxAckPending / 10) await pauseFor(ms, stop);
    waits.push(now + ms);
    message.nak(ms);
  };

  const failed = async (message: JsMsg, error: unknown, trace: string | undefined): Promise<void> => {
    const name = error instanceof Error ? error.name : "unknown";
    instruments.log("warn", "a handler failed", { ...labels, stream, seq: message.seq, deliveries: message.info.deliveryCount, error });
    if (message.info.deliveryCount >= mostFailures) return bury(message, `the handler failed ${mostFailures} times (${name})`, trace);
    await handBack(message, Math.min(200 * 2 ** message.info.deliveryCount, longestWaitMs));
  };

  const digest = async (message: JsMsg): Promise<void> => {
    let trace: string | undefined;
    try {
      const delivery = decoded(message, message.info.deliveryCount);
      trace = delivery.traceparent;
      const digested = await instruments.span(
        {
          name: `process ${templateOf(message.subject)}`,
          kind: "consumer",
          parent: delivery.traceparent,
          attributes: {
            "messaging.system": "nats",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.template": templateOf(message.subject),
            "messaging.consumer.group.name": durable,
          },
        },
        (traceparent) => handled({ ...delivery, traceparent }),
      );
      if (digested === undefined) return; // stopping: the message goes to another replica after its ack wait
      instruments.count("outrider_reactions_total", { ...labels, outcome: digested.kind });
      if (digested.kind === "done") message.ack();
      else if (digested.kind === "wait") await handBack(message, digested.ms);
      else await bury(message, digested.reason, trace);
    } catch (error) {
      if (error instanceof Unfoldable && error.kind === "newer") {
        kernel.ready(durable, error.message);
        await handBack(message, longestWaitMs);
      } else if (error instanceof Unfoldable) await bury(message, error.message, trace);
      else await failed(message, error, trace);
    }
  };

  /** One stretch of pulling, until the connection breaks or the process is to end. */
  const pull = async (): Promise<void> => {
    await ensureDurable(jsm, { stream, durable, filters: options.filters, ackWaitMs, maxAckPending });
    const consumer = await js.consumers.get(stream, durable);
    const messages: ConsumerMessages = await consumer.consume({
      max_messages: Math.max(2, concurrency * 2),
      expires: 10_000,
      idle_heartbeat: 2500,
    });
    const end = () => void messages.close();
    // What was prefetched before a reconnect is somebody else's by now: drop it and pull anew.
    const forget = kernel.onReconnect(end);
    stop.addEventListener("abort", end);
    if (stop.aborted) end(); // while the consumer was being made
    watchForMissedHeartbeats(messages, end);
    kernel.ready(durable, undefined);
    try {
      const running = new Set<Promise<void>>();
      for await (const message of messages) {
        if (stop.aborted) break;
        inHand.add(message);
        const work = digest(message)
          .catch((error: unknown) =>
            instruments.log("error", "a message could not be settled and will come again", { ...labels, seq: message.seq, error }),
          )
          .finally(() => {
            inHand.delete(message);
            running.delete(work);
          });
        running.add(work);
        while (running.size >= concurrency) await Promise.race(running);
        while (blocked !== undefined && !stop.aborted) await blocked;
      }
      await Promise.all(running);
    } finally {
      forget();
      stop.removeEventListener("abort", end);
    }
  };

  const loop = (async () => {
    for (let failures = 0; !stop.aborted; ) {
      try {
        await pull();
        failures = 0;
      } catch (error) {
        kernel.ready(durable, `cannot read stream ${stream}`);
        instruments.log("warn", "a reaction cannot read its stream yet", { ...labels, stream, error });
        await pauseFor(Math.min(100 * 2 ** failures++, 3000), stop);
      }
    }
  })();

  return {
    durable,
    retry: async (seq) => {
      const message = await jsm.streams.getMessage(stream, { seq });
      if (message === null) return impossible("the message is no longer in the stream");
      const delivery = decoded({ data: message.data, seq, subject: message.subject, headers: message.header }, 1);
      return (await handled(delivery)) ?? waitFor(longestWaitMs);
    },
    stop: async () => {
      stopped.abort();
      await loop;
      clearInterval(working);
    },
  };
};

const watchForMissedHeartbeats = (messages: ConsumerMessages, end: () => void): void => {
  void (async () => {
    for await (const { type } of messages.status())
      if (type === "heartbeats_missed" || type === "consumer_deleted" || type === "consumer_not_found" || type === "stream_not_found")
        end();
  })();
};

export { wire };
