import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { adminOf, endpointOf, readCredentials, writeCredentials } from "../endpoint.ts";
import { refused } from "../failure.ts";
import type { Output } from "../output.ts";
import { keepAdminKey, servedAnyway, untilNobodyElse, withoutPassword } from "./up.ts";

const said = async (work: Promise<void>, options = {}): Promise<readonly string[]> => {
  const lines: string[] = [];
  const output = { say: (line: string) => lines.push(line) } satisfies Partial<Output>;
  await servedAnyway({ output: { ...silent, ...output }, options }, work);
  return lines;
};
const silent: Output = {
  json: false,
  terminal: false,
  say: () => undefined,
  result: () => undefined,
  found: () => undefined,
  draw: () => undefined,
  columns: () => 80,
};

test("what goes wrong in the first run is one sentence, and serving goes on", async () => {
  const lines = await said(Promise.reject(refused("The summary does not add up: a.", "details")));
  expect(lines).toEqual([expect.stringMatching(/✗.* The first run: The summary does not add up: a\.$/)]);
  expect(await said(Promise.reject(new TypeError("odd")))).toHaveLength(1);
  expect(await said(Promise.resolve())).toEqual([]);
});

test("what a killed start has left behind is waited for, and only whoever still runs is told", async () => {
  const folder = mkdtempSync(join(tmpdir(), "outrider-cli-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const runFile = join(folder, "run.json");
  const here = { runFile, data: folder };
  const gone = spawn(process.execPath, ["-e", ""]);
  await once(gone, "exit");
  const ending = spawn(process.execPath, ["-e", "setTimeout(() => undefined, 60_000)"]);
  writeFileSync(runFile, JSON.stringify({ pid: gone.pid, services: [{ name: "gateway", pid: ending.pid }] }));
  const waited = untilNobodyElse(silent, here, 30_000).then(() => "waited");
  expect(await Promise.race([waited, new Promise((resume) => setTimeout(resume, 300, "waits"))])).toBe("waits");
  ending.kill("SIGKILL");
  expect(await waited).toBe("waited");

  const running = spawn(process.execPath, ["-e", "setTimeout(() => undefined, 60_000)"]);
  onTestFinished(() => void running.kill("SIGKILL"));
  writeFileSync(runFile, JSON.stringify({ pid: running.pid, services: [] }));
  await expect(untilNobodyElse(silent, here)).rejects.toMatchObject({ exitCode: 2, message: /runs here already/ });
  // Somebody else's process that has got the number of a service by now is waited for no longer than services take to end.
  writeFileSync(runFile, JSON.stringify({ pid: gone.pid, services: [{ name: "gateway", pid: running.pid }] }));
  await untilNobodyElse(silent, here, 200);
});

test("an Outrider that is ending is waited for, though its run file is gone already", async () => {
  const data = mkdtempSync(join(tmpdir(), "outrider-cli-"));
  onTestFinished(() => rmSync(data, { recursive: true }));
  const ending = spawn(process.execPath, ["-e", "setTimeout(() => undefined, 60_000)"]);
  onTestFinished(() => void ending.kill("SIGKILL"));
  writeFileSync(join(data, "outrider.lock"), `${ending.pid}\n`);
  const waited = untilNobodyElse(silent, { runFile: join(data, "run.json"), data }, 30_000).then(() => "waited");
  expect(await Promise.race([waited, new Promise((resume) => setTimeout(resume, 300, "waits"))])).toBe("waits");
  ending.kill("SIGKILL");
  expect(await waited).toBe("waited");
});

test("addresses of servers are shown without their passwords", () => {
  expect(withoutPassword("mongodb://ann:s3cret@mongo.example:27017/?tls=true")).toBe("mongodb://mongo.example:27017/?tls=true");
  expect(withoutPassword("nats://ann:s3cret@a:4222,nats://bob:other@b:4222,token@c:4222")).toBe("nats://a:4222,nats://b:4222,c:4222");
  expect(withoutPassword("nats://127.0.0.1:4222")).toBe("nats://127.0.0.1:4222");
});

test("--verbose shows the details too", async () => {
  expect(await said(Promise.reject(refused("No.", "details")), { verbose: true })).toEqual([expect.any(String), "details"]);
});

test("without the demo account the sandbox's administrator is known to the other commands", () => {
  const folder = mkdtempSync(join(tmpdir(), "outrider-cli-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const where = { env: { OUTRIDER_URL: "http://127.0.0.1:1" }, runFile: "", credentials: join(folder, "credentials.json") };
  keepAdminKey("admin-1", where.credentials);
  expect(adminOf({}, where)).toEqual({ url: "http://127.0.0.1:1", key: "admin-1", account: undefined });
  expect(endpointOf({ account: "acme" }, where)).toMatchObject({ key: "admin-1", account: "acme" });
  expect(() => endpointOf({}, where)).toThrow(/No API key: set OUTRIDER_KEY/);
  const demo = { account: "demo", apiKey: "or_demo_key", adminKey: "admin-1" };
  writeCredentials(where.credentials, demo);
  keepAdminKey("admin-1", where.credentials);
  expect(readCredentials(where.credentials)).toEqual(demo);
  keepAdminKey("admin-2", where.credentials);
  expect(readCredentials(where.credentials)).toEqual({ adminKey: "admin-2" });
});
