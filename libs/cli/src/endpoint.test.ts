import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { adminOf, endpointOf, readCredentials, stillThere, type Where, writeCredentials } from "./endpoint.ts";

let folder: string;
let where: Where;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "outrider-cli-"));
  where = { env: {}, runFile: join(folder, "run.json"), credentials: join(folder, "credentials.json") };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const runs = (content: object) => writeFileSync(where.runFile, JSON.stringify(content));
const stored = { account: "demo", apiKey: "or_demo_key", adminKey: "admin-key" };

test("what runs here is found by its run file, with the key that `up` has left", () => {
  runs({ gateway: "http://127.0.0.1:4000", services: [] });
  writeCredentials(where.credentials, stored);
  expect(endpointOf({}, where)).toEqual({ url: "http://127.0.0.1:4000", key: "or_demo_key" });
  expect(adminOf({}, where)).toEqual({ url: "http://127.0.0.1:4000", key: "admin-key", account: "demo" });
});

test("the environment wins over what is here, and what was told over the environment", () => {
  runs({ gateway: "http://127.0.0.1:4000", services: [] });
  where = { ...where, env: { OUTRIDER_URL: "https://outrider.example.com/", OUTRIDER_KEY: "or_acme_key" } };
  expect(endpointOf({}, where)).toEqual({ url: "https://outrider.example.com", key: "or_acme_key" });
  expect(endpointOf({ url: "http://other:1" }, where).url).toBe("http://other:1");
  expect(endpointOf({ url: "http://other:1/v1/" }, where).url).toBe("http://other:1");
});

test("another account than the stored one is reached with the administrator's key", () => {
  runs({ gateway: "http://127.0.0.1:4000", services: [] });
  writeCredentials(where.credentials, stored);
  expect(endpointOf({ account: "acme" }, where)).toEqual({ url: "http://127.0.0.1:4000", key: "admin-key", account: "acme" });
});

test("with the administrator's key in the environment any account is reached that is named", () => {
  runs({ gateway: "http://127.0.0.1:4000", services: [] });
  where = { ...where, env: { OUTRIDER_ADMIN_KEY: "operator" } };
  expect(endpointOf({ account: "acme" }, where)).toEqual({ url: "http://127.0.0.1:4000", key: "operator", account: "acme" });
  expect(() => endpointOf({}, where)).toThrow(/No API key: .*OUTRIDER_ADMIN_KEY and name the account by --account/);
});

test("whoever has set an account's key means that account also as the administrator", () => {
  runs({ gateway: "http://127.0.0.1:4000", services: [] });
  writeCredentials(where.credentials, stored);
  where = { ...where, env: { OUTRIDER_KEY: `or_a_cme_${"k".repeat(43)}` } };
  expect(adminOf({}, where)).toEqual({ url: "http://127.0.0.1:4000", key: "admin-key", account: "a_cme" });
  expect(adminOf({ account: "other" }, where).account).toBe("other");
});

test.each<[string, () => void, NodeJS.ProcessEnv, RegExp]>([
  ["nothing runs", () => undefined, {}, /Nothing runs here: start Outrider with `outrider up`/],
  ["the run file names no gateway", () => runs({ services: [] }), {}, /names no gateway/],
  ["the run file is broken", () => writeFileSync(where.runFile, "{"), {}, /is not JSON/],
  ["there is no key", () => runs({ gateway: "http://127.0.0.1:1" }), {}, /No API key: set OUTRIDER_KEY/],
  ["the address is none", () => undefined, { OUTRIDER_URL: "localhost:4000" }, /write it as http:/],
])("when %s, one sentence says what to do, and the exit code is 2", (_what, prepare, env, sentence) => {
  prepare();
  const call = () => endpointOf({}, { ...where, env });
  expect(call).toThrow(sentence);
  expect(call).toThrow(expect.objectContaining({ exitCode: 2 }));
});

test("credentials are readable by their owner only", () => {
  writeCredentials(where.credentials, stored);
  expect(statSync(where.credentials).mode & 0o777).toBe(0o600);
  expect(readCredentials(where.credentials)).toEqual(stored);
});

test("a run file that a killed start left behind runs nothing", () => {
  const services = [
    { name: "gateway", pid: 41 },
    { name: "registry", pid: null },
  ];
  runs({ pid: 40, gateway: "http://127.0.0.1:4000", services });
  expect(stillThere(where.runFile, (pid) => pid === 40)).toEqual({ starter: true, services: false });
  expect(stillThere(where.runFile, (pid) => pid === 41)).toEqual({ starter: false, services: true });
  expect(stillThere(where.runFile, () => false)).toEqual({ starter: false, services: false });
  expect(stillThere(join(folder, "none.json"))).toEqual({ starter: false, services: false });
  // Started again in a container, a process may have the number of the one that was killed in it.
  runs({ pid: process.pid, services: [{ name: "gateway", pid: process.pid }] });
  expect(stillThere(where.runFile, () => true)).toEqual({ starter: false, services: false });
});

test.runIf(process.platform === "linux")("a killed process that nobody has collected yet runs no more", async () => {
  // The shell starts a child, tells its number, and becomes a program that collects none: until then it would itself collect an ended one.
  const parent = spawn("/bin/sh", ["-c", "sleep 60 & echo $!; exec sleep 60"]);
  onTestFinished(() => void parent.kill("SIGKILL"));
  const [told] = await once(parent.stdout, "data");
  const pid = Number(String(told));
  runs({ pid, services: [] });
  await vi.waitFor(() => expect(readFileSync(`/proc/${parent.pid}/cmdline`, "utf8")).toMatch(/^sleep/), 20_000);
  expect(stillThere(where.runFile).starter).toBe(true);
  process.kill(pid, "SIGKILL");
  await vi.waitFor(() => expect(readFileSync(`/proc/${pid}/stat`, "utf8")).toMatch(/\) Z /), 20_000);
  expect(stillThere(where.runFile).starter).toBe(false);
});
