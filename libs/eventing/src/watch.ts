import { DeliverPolicy } from "@nats-io/jetstream";
import type { Followed } from "./follow.ts";
import { recordedFrom } from "./jetstream-store.ts";
import { type Kernel, pauseFor } from "./kernel.ts";
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
  readonly stop: () => Promise<void>;
}

/**
 * Every replica's own memory of a few subjects, kept current within moments: hands over all of the stream's messages from the first on, in
 * order, synchronously, and goes on after a broken connection where it stopped. Not ready until it has caught up.
 */
export const watch = <Event>(
  kernel: Kernel,
  { name, stream, filters, codec }: WatchOptions<Event>,
  take: (message: Followed<Event>) => void,
): Watcher => {
  const { jsm, js, instruments } = kernel;
  const stopped = new AbortController();
  const stop = AbortSignal.any([kernel.stopping, stopped.signal]);
  let next = 1;
  let caught = () => undefined as void;
  const caughtUp = new Promise<void>((resolve) => {
    caught = resolve;
  });

  const read = async (): Promise<void> => {
    await jsm.streams.info(stream);
    const consumer = await js.consumers.get(stream, {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: next,
      filter_subjects: [...filters],
    });
    const { num_pending: waiting } = await consumer.info();
    const upToDate = () => {
      caught();
      kernel.ready(name, undefined);
    };
    if (waiting === 0) upToDate();
    const messages = await consumer.consume({ max_messages: 500, expires: 10_000, idle_heartbeat: 2500 });
    const end = () => void messages.close();
    const forget = kernel.onReconnect(end);
    stop.addEventListener("abort", end);
    if (stop.aborted) end(); // while the consumer was being made
    try {
      for await (const message of messages) {
        if (stop.aborted) return;
        if (message.headers !== undefined) {
          const recorded = recordedFrom(stream, codec, { data: message.data, seq: message.seq, header: message.headers });
          take({ ...recorded, subject: message.subject, stream });
        }
        next = message.seq + 1;
        if (message.info.pending === 0) upToDate();
      }
    } finally {
      forget();
      stop.removeEventListener("abort", end);
    }
  };

  kernel.ready(name, `has not read ${stream} yet`);
  const loop = (async () => {
    for (let failures = 0; !stop.aborted; ) {
      try {
        await read();
        failures = 0;
      } catch (error) {
        kernel.ready(name, `cannot read stream ${stream}`);
        instruments.log("warn", "a watcher cannot read its stream yet", { name, stream, error });
        await pauseFor(Math.min(100 * 2 ** failures++, 3000), stop);
      }
    }
  })();

  return {
    caughtUp,
    stop: async () => {
      stopped.abort();
      await loop;
    },
  };
};
