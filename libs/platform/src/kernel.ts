import { Kvm } from "@nats-io/kv";
import { buckets, streams } from "@outrider/contracts/streams";
import {
  type DeclaredStream,
  ensureStream,
  inWords,
  type Kernel,
  kvPositions,
  openKernel,
  type Positions,
  pauseFor,
} from "@outrider/eventing";
import { openBucket } from "./bucket.ts";
import type { CommonConfig } from "./config.ts";
import type { Service } from "./service.ts";

type Host = Pick<
  Service<CommonConfig>,
  "name" | "nats" | "js" | "jsm" | "instruments" | "health" | "stopping" | "onStop" | "config" | "log"
>;

/** What the kernel needs of a running service. Closed with it. */
export const kernelOf = (service: Host): Kernel => {
  const { name, nats, js, jsm, instruments, stopping, health } = service;
  const kernel = openKernel({ service: name, nats, js, jsm, instruments, stopping, ready: health.set });
  service.onStop("publisher", () => kernel.close());
  return kernel;
};

/**
 * Brings the streams that this service owns, and the two that everybody shares, to their declarations. Waits while JetStream is not there
 * yet; a difference that the server cannot change stops the process with its words.
 */
export const ownStreams = async (service: Host, ...owned: readonly DeclaredStream[]): Promise<void> => {
  for (const declared of [...owned, streams.schedule, streams.dead]) await own(service, declared);
};

const own = async (service: Host, declared: DeclaredStream): Promise<void> => {
  const key = `stream ${declared.name}`;
  for (let tries = 0; !service.stopping.aborted; tries++) {
    try {
      const ensured = await ensureStream(service.jsm, declared, { replicas: service.config.NATS_REPLICAS });
      if (ensured.kind === "updated")
        service.log.warn({ stream: declared.name, changed: inWords(ensured.differences) }, "a stream was brought to its declaration");
      if (ensured.kind === "newer")
        service.log.warn({ stream: declared.name }, "a stream was declared by a newer release; leaving it alone");
      service.health.ok(key);
      return;
    } catch (error) {
      if (error instanceof Error && error.message.startsWith("stream ")) throw error;
      service.health.notReady(key, `the stream ${declared.name} cannot be made yet`);
      await pauseFor(Math.min(100 * 2 ** tries, 3000), service.stopping);
    }
  }
};

/** A reader's position, kept in the shared KV bucket. */
export const positionsOf = async (service: Host, name: string): Promise<Positions> => {
  await openBucket(service.jsm, buckets.positions, { replicas: service.config.NATS_REPLICAS, history: 1, direct: false });
  return kvPositions(await new Kvm(service.js).open(buckets.positions), name);
};
