import { connect as connectTcp, createServer, type Socket } from "node:net";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { type ThrowAwayNats, throwAwayNats } from "@outrider/stack/testing";
import { silent } from "./instruments.ts";
import { jetStreamStore } from "./jetstream-store.ts";
import { type Kernel, openKernel } from "./kernel.ts";
import type { AcquireLease } from "./lease.ts";
import type { Codec, EventStore } from "./store.ts";
import { type DeclaredStream, ensureStream } from "./streams.ts";
import { codecOfRelease, type TallyEvent } from "./testing-tally.ts";

export const declared = (name: string, more: Partial<DeclaredStream> = {}): DeclaredStream => ({
  name,
  subjects: [`${name.toLowerCase()}.>`],
  revision: 1,
  retention: "limits",
  maxAgeDays: 0,
  kind: "events",
  maxMessageBytes: 1_000_000,
  ...more,
});

/** One process as the tests see it: a kernel, what it said, and its end. */
export interface Replica extends AsyncDisposable {
  readonly kernel: Kernel;
  /** By key: why it is not ready. */
  readonly notReady: ReadonlyMap<string, string>;
  readonly logged: readonly { readonly level: string; readonly message: string; readonly fields: Readonly<Record<string, unknown>> }[];
  /** By reader: how many messages it has not handled, as it said last. */
  readonly lags: ReadonlyMap<string, number>;
  readonly store: (stream: string, codec?: Codec<TallyEvent>) => EventStore<TallyEvent>;
  readonly stop: () => Promise<void>;
}

export const replica = async (url: string, service = "tester", window?: number): Promise<Replica> => {
  const nats = await connect({
    servers: url,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
    reconnectJitter: 0,
    waitOnFirstConnect: true,
  });
  const [js, jsm] = [jetstream(nats), await jetstreamManager(nats)];
  const notReady = new Map<string, string>();
  const logged: { level: string; message: string; fields: Readonly<Record<string, unknown>> }[] = [];
  const lags = new Map<string, number>();
  const gauge = (name: string, { reader }: Readonly<Record<string, string>>, value: number): void => {
    if (name === "outrider_reader_lag_messages" && reader !== undefined) lags.set(reader, value);
  };
  const stopping = new AbortController();
  const kernel = openKernel({
    ...{ service, nats, js, jsm, stopping: stopping.signal },
    ...(window === undefined ? {} : { window }),
    instruments: { ...silent, gauge, log: (level, message, fields) => void logged.push({ level, message, fields }) },
    ready: (key, reason) => void (reason === undefined ? notReady.delete(key) : notReady.set(key, reason)),
  });
  const stop = async (): Promise<void> => {
    stopping.abort();
    kernel.close();
    await nats.close();
  };
  return {
    ...{ kernel, notReady, logged, lags, stop },
    store: (stream, codec = codecOfRelease(1)) => jetStreamStore({ jsm, publisher: kernel.publisher, stream, codec }),
    [Symbol.asyncDispose]: stop,
  };
};

/** Its end is the end of its replicas, too. */
export interface World extends AsyncDisposable {
  readonly server: ThrowAwayNats;
  readonly replica: (service?: string) => Promise<Replica>;
}

/** A server with SCHEDULE, DEAD and the named streams. */
export const world = async (...streams: readonly string[]): Promise<World> => {
  const server = await throwAwayNats();
  await using first = await replica(server.url);
  const shared = [
    declared("SCHEDULE", { subjects: ["schedule.>", "due.>"], retention: "workqueue", kind: "schedules" }),
    declared("DEAD", { kind: "letters" }),
  ];
  for (const stream of [...shared, ...streams.map((name) => declared(name))]) await ensureStream(first.kernel.jsm, stream);
  const opened: Replica[] = [];
  return {
    server,
    replica: async (service) => {
      const one = await replica(server.url, service);
      opened.push(one);
      return one;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(opened.map(({ stop }) => stop()));
      await server.stop();
    },
  };
};

/** Waits for something to become true, with a deadline. */
export const until = async (what: string, holds: () => boolean | Promise<boolean>, ms = 15_000): Promise<void> => {
  for (const deadline = performance.now() + ms; !(await holds()); ) {
    if (performance.now() > deadline) throw new Error(`did not happen in ${ms} ms: ${what}`);
    await new Promise((resume) => setTimeout(resume, 5));
  }
};

/** Leases of one test, in memory: one holder per name, who can be robbed. */
export const leases = (): { readonly acquire: AcquireLease; readonly rob: (name: string) => void } => {
  const held = new Map<string, AbortController>();
  let epoch = 0;
  return {
    rob: (name) => {
      held.get(name)?.abort();
      held.delete(name);
    },
    acquire: async (name, stop) => {
      while (held.has(name)) {
        stop.throwIfAborted();
        await new Promise((resume) => setTimeout(resume, 5));
      }
      stop.throwIfAborted();
      const controller = new AbortController();
      held.set(name, controller);
      epoch++;
      const release = async (): Promise<void> => {
        controller.abort();
        if (held.get(name) === controller) held.delete(name);
      };
      return { name, epoch, lost: controller.signal, release };
    },
  };
};

/** Between a client and its server: can cut the connection after a certain message went through, so that its answer is lost. */
export const unreliable = async (url: string) => {
  const target = new URL(url);
  let marker: string | undefined;
  let cuts = 0;
  const pairs = new Set<readonly [Socket, Socket]>();
  const proxy = createServer((client) => {
    const server = connectTcp(Number(target.port), target.hostname);
    const pair = [client, server] as const;
    let muted = false;
    pairs.add(pair);
    const end = (): void => {
      client.destroy();
      server.destroy();
      pairs.delete(pair);
    };
    client.on("data", (chunk) => {
      server.write(chunk);
      if (marker === undefined || !chunk.includes(marker)) return;
      marker = undefined;
      muted = true;
      cuts++;
      setTimeout(end, 100); // the server has taken it by then
    });
    server.on("data", (chunk) => void (muted || client.write(chunk)));
    for (const socket of pair) socket.on("error", end).on("close", end);
  });
  await new Promise<void>((listening) => proxy.listen(0, "127.0.0.1", listening));
  const address = proxy.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `nats://127.0.0.1:${address.port}`,
    cuts: () => cuts,
    /** The next chunk that holds this text reaches the server; its answer reaches nobody. */
    loseAnswerTo: (text: string) => {
      marker = text;
    },
    cutNow: () => {
      for (const [client, server] of pairs) {
        client.destroy();
        server.destroy();
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const [client, server] of pairs) {
        client.destroy();
        server.destroy();
      }
      await new Promise((closed) => proxy.close(closed));
    },
  };
};
