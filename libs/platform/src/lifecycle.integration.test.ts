import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { type ThrowAwayNats, throwAwayNats } from "@outrider/stack/testing";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { defineConfig } from "./config.ts";
import { openTestService } from "./testing.ts";

let server: ThrowAwayNats;
beforeAll(async () => {
  server = await throwAwayNats();
});
afterAll(async () => {
  await server?.stop();
});

const script = join(import.meta.dirname, "lifecycle.fixture.ts");

interface Started {
  readonly child: ChildProcess;
  readonly lines: () => Record<string, unknown>[];
  readonly errors: () => string;
  readonly says: (message: string) => Promise<Record<string, unknown>>;
  readonly ended: Promise<number | null>;
}

const start = (environment: Record<string, string> = {}): Started => {
  const env = { ...process.env, NATS_URL: server.url, HEALTH_PORT: "0", LOG_LEVEL: "info", ...environment };
  const child = fork(script, { env, execArgv: [], stdio: ["ignore", "pipe", "pipe", "ipc"] });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  let output = "";
  let errors = "";
  child.stdout?.on("data", (data: Buffer) => {
    output += data;
  });
  child.stderr?.on("data", (data: Buffer) => {
    errors += data;
  });
  const lines = (): Record<string, unknown>[] =>
    output
      .split("\n")
      .filter((line) => line.startsWith("{") && line.endsWith("}"))
      .map((line) => JSON.parse(line));
  const says = async (message: string): Promise<Record<string, unknown>> => {
    await expect.poll(() => lines().some((line) => line["message"] === message), { timeout: 15_000, interval: 20 }).toBe(true);
    return lines().find((line) => line["message"] === message) ?? {};
  };
  return { child, lines, errors: () => errors, says, ended: once(child, "close").then(([code]) => code) };
};

test("SIGTERM ends it in order, the last opened first, with code 0, whatever timer is left", async () => {
  const { child, ended, lines, says } = start();
  const { health } = await says("started");
  expect(await (await fetch(`${health}/health/ready`)).json()).toEqual({ ready: true });
  child.kill("SIGTERM");
  expect(await ended).toBe(0);
  const closed = lines().flatMap(({ message }) => (String(message).startsWith("closed") ? [message] : []));
  expect(closed).toEqual(["closed the last that was opened", "closed the first that was opened"]);
});

test("what does not end in time is named, and the process ends with code 1", async () => {
  const { child, ended, lines, says } = start({ FIXTURE: "hangs", STOP_DEADLINE_MS: "300" });
  await says("started");
  child.kill("SIGTERM");
  expect(await ended).toBe(1);
  const overdue = lines().find(({ message }) => message === "the stop took longer than its deadline");
  expect(overdue?.["unfinished"]).toContain("work at hand");
});

test("a second signal ends it at once", async () => {
  const { child, ended, says } = start({ FIXTURE: "hangs", STOP_DEADLINE_MS: "60000" });
  await says("started");
  child.kill("SIGTERM");
  await says("stopping");
  child.kill("SIGINT");
  expect(await ended).toBe(1);
});

test("a signal during the start ends it too, also while NATS is not there", async () => {
  const starting = start({ FIXTURE: "starts for ever" });
  await starting.says("started");
  starting.child.kill("SIGTERM");
  expect(await starting.ended).toBe(0);

  const waiting = start({ NATS_URL: "nats://127.0.0.1:1" });
  await expect.poll(() => waiting.lines().some(({ key }) => key === "nats"), { timeout: 15_000 }).toBe(true);
  expect(waiting.lines().find(({ key }) => key === "nats")?.["reason"]).toContain("NATS at 127.0.0.1:1 cannot be used");
  waiting.child.kill("SIGTERM");
  expect(await waiting.ended).toBe(0);
});

test("what nobody caught is logged without personal values and ends it with code 1", async () => {
  for (const FIXTURE of ["throws", "rejects"]) {
    const { ended, lines, errors } = start({ FIXTURE });
    expect(await ended).toBe(1);
    expect(lines().find(({ level }) => level === "fatal")).toMatchObject({ message: "this must never happen; ending" });
    expect(JSON.stringify(lines()) + errors()).not.toContain("639980001");
  }
});

test("a bad variable, a taken port: one sentence and code 2", async () => {
  const bad = start({ HEALTH_PORT: "many" });
  expect(await bad.ended).toBe(2);
  expect(bad.errors()).toMatch(/^scheduler: HEALTH_PORT is "many", which cannot be used \(not a whole number\): expected [^\n]*\.\n$/);

  await using other = await openTestService(defineConfig("gateway", {}), { NATS_URL: server.url });
  const taken = start({ HEALTH_PORT: new URL(other.healthUrl).port });
  expect(await taken.ended).toBe(2);
  expect(taken.errors()).toMatch(/^scheduler: Health cannot be served at [^\n]* \(the port is in use\)[^\n]*\n$/);
});

test("it ends when its parent was killed", async () => {
  const parentSource = `
    require("node:child_process").fork(${JSON.stringify(script)}, { execArgv: [] });
    setInterval(() => undefined, 1000);`;
  const env = { ...process.env, NATS_URL: server.url, LOG_LEVEL: "info" };
  const parent = spawn(process.execPath, ["--eval", parentSource], { env, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  parent.stdout.on("data", (data: Buffer) => {
    output += data;
  });
  await expect.poll(() => output, { timeout: 15_000 }).toContain('"message":"started"');
  parent.kill("SIGKILL");
  // The child holds the other end of this pipe: it closes when the last of the two is gone.
  await once(parent, "close");
  expect(output).toContain('"why":"the parent process is gone"');
  expect(output).toContain("closed the first that was opened");
});
