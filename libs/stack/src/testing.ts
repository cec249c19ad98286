import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startMongo } from "./mongo.ts";
import { startNats } from "./nats.ts";

export interface ThrowAwayNats {
  readonly url: string;
  readonly monitorUrl: string;
  pid(): number;
  /** `kill -9`, then again on the same port with the same streams. */
  restart(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** SIGSTOP, which takes its time: resolves when the server does nothing any more. SIGCONT lets it go on. */
  standStill(): Promise<void>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A nats-server of one test file's own, in a temporary folder that goes with it. Never the one at NATS_URL: tests kill it. */
export async function throwAwayNats(options: { syncInterval?: string; maxPayload?: number } = {}): Promise<ThrowAwayNats> {
  const dir = await mkdtemp(join(tmpdir(), "outrider-nats-"));
  const { NATS_URL: _ignored, ...env } = process.env;
  const server = await startNats({
    dir,
    env,
    ...(options.maxPayload === undefined ? {} : { maxPayload: options.maxPayload }),
    ...(options.syncInterval === undefined ? {} : { config: { syncInterval: options.syncInterval } }),
  });
  const { monitorUrl } = server;
  if (monitorUrl === undefined) throw new Error("a server of our own has a monitor");
  const stop = async (): Promise<void> => {
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  };
  return {
    url: server.url,
    monitorUrl,
    pid: () => server.pid() ?? 0,
    restart: server.restart,
    kill: server.kill,
    standStill: async () => {
      server.kill("SIGSTOP");
      await untilStopped(server.pid() ?? 0);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

const standsStillMs = 10_000;

/** As Linux tells; elsewhere it is taken at its word. */
async function untilStopped(pid: number): Promise<void> {
  const stat = `/proc/${pid}/stat`;
  const deadline = performance.now() + standsStillMs;
  while (existsSync(stat) && !readFileSync(stat, "utf8").includes(") T ")) {
    if (performance.now() > deadline) throw new Error("the server does not stand still");
    await sleep(5);
  }
}

export interface TestMongo {
  readonly url: string;
  /** Of this caller alone. */
  readonly database: string;
}

/** Set by `vitest-global.ts`, for the workers. */
export const MONGO_DESK = "OUTRIDER_TEST_MONGO_DESK";

let ours: Promise<string> | undefined;

/**
 * The MongoDB of this test run, started when the first test asks for it, and a database name that nobody else was given.
 * Outside a run that has `vitest-global.ts`, one that ends with this process.
 */
export async function testMongo(): Promise<TestMongo> {
  const database = `outrider_test_${randomBytes(6).toString("hex")}`;
  const desk = process.env[MONGO_DESK];
  if (desk === undefined) {
    ours ??= startTestMongo().then(({ url }) => url);
    return { url: await ours, database };
  }
  const answer = await fetch(`${desk}/${database}`, { method: "POST" });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return { url: text, database };
}

/** MONGODB_URL's, or one in a temporary folder. */
export async function startTestMongo(): Promise<{ url: string; external: boolean; stop(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), "outrider-mongo-"));
  const server = await startMongo({ dir });
  const stop = async (): Promise<void> => {
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  };
  return { url: server.url, external: server.kind === "url", stop };
}
