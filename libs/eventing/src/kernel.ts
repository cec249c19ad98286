import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Instruments } from "./instruments.ts";
import { type Publisher, pipelinedPublisher } from "./publisher.ts";
import { reasonsOf } from "./readiness.ts";

/** What every reader and writer of a process shares. */
export interface Kernel {
  /** Name of the service: in durables, schedules and dead letters. */
  readonly service: string;
  readonly nats: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly publisher: Publisher;
  readonly instruments: Instruments;
  /** Says why something cannot be served now, by a key; undefined when it can again. Ends up in readiness. */
  readonly ready: (key: string, reason: string | undefined) => void;
  /** Aborted when the process is to end: readers take no more. */
  readonly stopping: AbortSignal;
  /** Called with every reconnect, until the returned function is called. */
  readonly onReconnect: (listener: () => void) => () => void;
}

/** A server whose disk is full says nothing at all to what it cannot store, and stores nothing more until it is started again. */
const storesNothing =
  "JetStream does not confirm what is written; if its server logs that a disk is full, make room and restart it, else it may be overloaded";
/** Work that waits tries again sooner than that, ms. */
const silenceToldMs = 30_000;

export const openKernel = (
  parts: Pick<Kernel, "service" | "nats" | "js" | "jsm" | "instruments" | "ready" | "stopping"> & { readonly window?: number },
): Kernel & { readonly close: () => void } => {
  const listeners = new Set<() => void>();
  const told = reasonsOf(parts, "appends");
  listeners.add(() => told.set("silent", undefined));
  void (async () => {
    for await (const { type } of parts.nats.status()) if (type === "reconnect") for (const listener of listeners) listener();
  })();
  const onSilence = (): void => told.setFor("silent", storesNothing, silenceToldMs);
  const publisher = pipelinedPublisher(parts.nats, { onSilence, ...(parts.window === undefined ? {} : { window: parts.window }) });
  return {
    ...parts,
    publisher,
    onReconnect: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => {
      told.close();
      publisher.close();
    },
  };
};

/** Like `pauseFor`, for what goes wrong again and again: longer each time, up to `longest`. */
export const backOff = (failures: number, stop: AbortSignal, longest = 3000): Promise<void> =>
  pauseFor(Math.min(100 * 2 ** Math.min(failures, 20), longest), stop);

/** Resolves after `ms`, or at once when the signal is aborted. Never rejects. */
export const pauseFor = (ms: number, stop: AbortSignal): Promise<void> =>
  new Promise((resume) => {
    if (stop.aborted) return resume();
    const end = () => {
      clearTimeout(timer);
      stop.removeEventListener("abort", end);
      resume();
    };
    const timer = setTimeout(end, ms);
    stop.addEventListener("abort", end);
  });

/** The first four tokens' template of a subject, for metrics and spans: never the ids. */
export const templateOf = (subject: string): string => {
  const [context = "", kind = ""] = subject.split(".", 2);
  return `${context}.${kind}.{p}.{account}.{id}`;
};
