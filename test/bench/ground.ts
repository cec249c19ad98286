import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { type AcquireLease, type Kernel, openKernel, type Position, type Positions, silent } from "@outrider/eventing";
import { startNats } from "@outrider/stack";
import { cpuMsOf } from "./processes.ts";

/** A NATS server of this bench's own (or the one at NATS_URL), and a kernel on it. */
export interface Ground extends AsyncDisposable {
  readonly nats: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly kernel: Kernel;
  /** CPU time of the server; 0 when it is somebody else's. */
  readonly serverCpuMs: () => number;
}

export const openGround = async (): Promise<Ground> => {
  const dir = await mkdtemp(join(tmpdir(), "outrider-bench-"));
  const server = await startNats({ dir });
  const nats = await connect({ servers: server.url, name: "bench" });
  const [js, jsm] = [jetstream(nats), await jetstreamManager(nats)];
  const stopping = new AbortController();
  const kernel = openKernel({
    ...{ service: "bench", nats, js, jsm, instruments: silent, stopping: stopping.signal },
    ready: () => undefined,
  });
  return {
    ...{ nats, js, jsm, kernel },
    serverCpuMs: () => {
      const pid = server.pid();
      return pid === undefined ? 0 : (cpuMsOf(pid) ?? 0);
    },
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      kernel.close();
      await nats.close();
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
};

/** A reader that nobody contends with. */
export const freeLease: AcquireLease = async (name) => ({
  ...{ name, epoch: 1, lost: new AbortController().signal },
  release: async () => undefined,
});

export const positionInMemory = (): Positions => {
  let position: Position | undefined;
  return {
    load: async () => position,
    save: async (next) => {
      position = next;
    },
  };
};
