import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "@nats-io/transport-node";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import type { OutriderEvent } from "./options.ts";
import { isOutriderIn, type Outrider, startOutrider } from "./outrider.ts";
import type { Running } from "./run-file.ts";
import { fakeRepository, isGone, temporaryFolder, until } from "./test-world.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let root: string;
let dir: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  root = await fakeRepository(join(folder.path, "repository"));
  dir = join(folder.path, "data");
});

afterEach(() => folder[Symbol.asyncDispose]());

const pidOf = (outrider: Outrider, name: string, replica: number) =>
  outrider.services().find((service) => service.name === name && service.replica === replica)?.pid ?? undefined;

test("starts everything, tells each process what it needs, and leaves nothing behind", async () => {
  const runFile = join(folder.path, "run.json");
  // As a copy of `.env.example` leaves it: empty is absent.
  vi.stubEnv("SMS_API_KEY_ENCRYPTION_KEY", "");
  onTestFinished(() => void vi.unstubAllEnvs());
  const outrider = await startOutrider({
    services: ["one", "two"],
    replicas: { two: 2 },
    env: { FAKE_OUT: join(folder.path, "environment"), OUTRIDER_ADMIN_KEY: "told" },
    at: "2030-01-07T10:00:00Z",
    dir,
    root,
    runFile,
  });
  const pids = outrider.services().map(({ pid }) => pid ?? 0);
  const ports = outrider.services().map(({ health }) => new URL(health).port);
  expect(new Set(pids).size).toBe(3);
  expect(new Set(ports).size).toBe(3);
  expect(await (await fetch(outrider.urls.simulators["smsmobileapi"] ?? "")).text()).toBe("simulated");

  const told = JSON.parse(await readFile(join(folder.path, "environment-two-2.json"), "utf8")) as NodeJS.ProcessEnv;
  const secrets = JSON.parse(await readFile(join(dir, "secrets.json"), "utf8")) as Record<string, string>;
  expect(told).toMatchObject({
    NATS_URL: outrider.urls.nats,
    MONGODB_URL: outrider.urls.mongodb,
    MONGODB_DATABASE: "outrider",
    SMSMOBILEAPI_URL: outrider.urls.simulators["smsmobileapi"],
    OUTRIDER_REPLICA: "two-2",
    OUTRIDER_ADMIN_KEY: "told",
    OUTRIDER_MASTER_KEY: secrets["OUTRIDER_MASTER_KEY"],
  });
  expect(Buffer.from(told["SMS_API_KEY_ENCRYPTION_KEY"] ?? "", "base64")).toHaveLength(32);
  expect((await stat(join(dir, "secrets.json"))).mode & 0o777).toBe(0o600);
  const offset = Number(told["OUTRIDER_CLOCK_OFFSET_MS"]);
  expect(Math.abs(Date.now() + offset - Date.parse("2030-01-07T10:00:00Z"))).toBeLessThan(120_000);

  const running = JSON.parse(await readFile(runFile, "utf8")) as Running;
  expect(running).toEqual({
    pid: process.pid,
    gateway: null,
    nats: outrider.urls.nats,
    mongodb: outrider.urls.mongodb,
    simulators: outrider.urls.simulators,
    services: outrider.services(),
  });
  expect(await readFile(join(dir, "logs", "two-2.log"), "utf8")).toContain("fake service started");
  await expect(startOutrider({ services: ["one"], dir, root })).rejects.toThrow(/Another Outrider runs in/);

  await outrider.stop();
  for (const pid of pids) expect(await isGone(pid)).toBe(true);
  expect(existsSync(runFile)).toBe(false);
  await expect(fetch(outrider.urls.natsMonitor ?? "")).rejects.toThrow();

  await using again = await startOutrider({ services: ["one"], dir, root });
  expect(JSON.parse(await readFile(join(dir, "secrets.json"), "utf8"))).toEqual(secrets);
  expect(again.services()).toHaveLength(1);
});

test("starts a killed service again, each time later, and says so in the run file", async () => {
  const events: OutriderEvent[] = [];
  const runFile = join(folder.path, "run.json");
  await using outrider = await startOutrider({ services: ["one"], dir, root, runFile, onEvent: (event) => events.push(event) });
  const pids = [pidOf(outrider, "one", 1)];
  for (const restarts of [1, 2, 3]) {
    expect(outrider.kill("one", 1, "SIGKILL")).toBe(true);
    await until("started again", () => outrider.services()[0]?.restarts === restarts && outrider.services()[0]?.pid !== null);
    pids.push(pidOf(outrider, "one", 1));
  }
  expect(new Set(pids).size).toBe(4);
  const delays = events.flatMap((event) => (event.kind === "exited" && event.name === "one" ? [event.restartInMs] : []));
  expect(delays).toEqual([250, 500, 1_000]);
  await outrider.ready(10_000);
  const running = JSON.parse(await readFile(runFile, "utf8")) as Running;
  expect(running.services[0]).toMatchObject({ pid: pids.at(-1), restarts: 3 });
});

test("a stopped service goes on when told to, and does not hold up the end when not", async () => {
  const runFile = join(folder.path, "run.json");
  const outrider = await startOutrider({ services: ["one"], dir, root, runFile });
  outrider.kill("one", 1, "SIGSTOP");
  await expect(outrider.ready(300)).rejects.toThrow(/one was not ready within 0 s/);
  outrider.kill("one", 1, "SIGCONT");
  await outrider.ready(10_000);
  outrider.kill("one", 1, "SIGSTOP");
  const pid = pidOf(outrider, "one", 1) ?? 0;
  expect(existsSync(runFile)).toBe(true);
  const stopped = outrider.stop(5_000);
  // Before any process can have ended: what ends is nobody's to use any more, and the folder is not yet free.
  await new Promise((turn) => setImmediate(turn));
  expect(existsSync(runFile)).toBe(false);
  expect(await isOutriderIn(dir)).toBe(true);
  await stopped;
  expect(await isOutriderIn(dir)).toBe(false);
  expect(await isGone(pid)).toBe(true);
});

test("NATS and MongoDB come back on their ports, asked or not", async () => {
  const events: OutriderEvent[] = [];
  await using outrider = await startOutrider({ services: ["one"], dir, root, onEvent: (event) => events.push(event) });
  await Promise.all([outrider.restartNats(), outrider.restartMongo()]);
  await (await connect({ servers: outrider.urls.nats, reconnect: false })).close();
  const pid = outrider.processes().find(({ name }) => name === "nats")?.pid ?? 0;
  process.kill(pid, "SIGKILL");
  await until("NATS back", async () => {
    const answer = await fetch(`${outrider.urls.natsMonitor}/healthz`).catch(() => undefined);
    return answer?.ok === true && events.some((event) => event.kind === "exited" && event.name === "nats");
  });
});

test("names the service that is not ready and what it waits for, and ends the others", async () => {
  const failed = startOutrider({ services: ["one"], dir, root, env: { FAKE_REASONS: "waits for stream HUNTS" }, readyMs: 3_000 });
  await expect(failed).rejects.toThrow(/^one was not ready within \d s \(waits for stream HUNTS\): its log is .*one-1\.log\.$/);
  await expect(failed).rejects.toMatchObject({
    name: "StackError",
    code: "not-ready",
    detail: expect.stringContaining("fake service started"),
  });
});

test("a service that ends at every start is told from its last words, long before the deadline", async () => {
  const failed = startOutrider({ services: ["one", "broken"], dir, root, readyMs: 60_000 });
  await expect(failed).rejects.toThrow(/broken ends at every start, with exit code 1 \(bad configuration: GATEWAY_PORT is not a number\)/);
});

test("a service that refuses its configuration is started once, and its sentence is told", async () => {
  const starts: number[] = [];
  const onEvent = (event: OutriderEvent) => {
    if (event.kind === "started" && event.name === "refusing") starts.push(event.restarts);
  };
  await expect(startOutrider({ services: ["one", "refusing"], dir, root, readyMs: 60_000, onEvent })).rejects.toThrow(
    /^refusing refuses to start, with exit code 2 \(refusing: NATS holds the data of a sandbox; begin anew\.\): correct that; its log is/,
  );
  expect(starts).toEqual([0]);
});

test("a service that does not exist is a sentence, not a stack trace", async () => {
  await expect(startOutrider({ services: ["none"], dir, root })).rejects.toThrow(/There is no service none/);
});
