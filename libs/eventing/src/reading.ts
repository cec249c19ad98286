import type { Consumer, ConsumerMessages } from "@nats-io/jetstream";
import type { Kernel } from "./kernel.ts";

/** What is read is not what was opened any more: gone, made anew, silent, or started again by the client on its own. */
const troubles: ReadonlySet<string> = new Set([
  "heartbeats_missed",
  "consumer_deleted",
  "consumer_not_found",
  "stream_not_found",
  "ordered_consumer_recreated",
  "reset",
]);

/** One stretch of reading. `over` tells that the rest of what was fetched must be dropped: it is somebody else's, or will be read again. */
export interface Stretch {
  readonly messages: ConsumerMessages;
  readonly over: () => boolean;
  readonly end: () => void;
  /** Ends it and lets go of everything that listened for its end. */
  readonly close: () => Promise<void>;
}

/** Reads from a consumer until the connection breaks, the consumer or its stream changes, or a signal is aborted. */
export const stretchOf = async (
  kernel: Pick<Kernel, "onReconnect" | "instruments">,
  consumer: Consumer,
  maxMessages: number,
  signals: readonly AbortSignal[],
  onEnd: () => void = () => undefined,
): Promise<Stretch> => {
  const messages = await consumer.consume({ max_messages: maxMessages, expires: 10_000, idle_heartbeat: 2500 });
  let ended = false;
  // The client hands over what it has fetched even after `close`, so the flag is what counts.
  const end = (): void => {
    if (ended) return;
    ended = true;
    void messages.close();
    onEnd();
  };
  const forget = kernel.onReconnect(end);
  for (const signal of signals) {
    if (signal.aborted) end();
    signal.addEventListener("abort", end);
  }
  const listening = (async () => {
    for await (const { type } of messages.status()) if (troubles.has(type)) end();
  })();
  return {
    messages,
    over: () => ended,
    end,
    close: async () => {
      forget();
      for (const signal of signals) signal.removeEventListener("abort", end);
      end();
      await messages.close();
      await listening;
    },
  };
};
