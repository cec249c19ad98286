import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { noFaults, presets } from "./control.ts";
import { controlOf } from "./control-client.ts";
import { eventually, resultOf, simulator } from "./testing.ts";

const to = "+33639980001";

async function folder() {
  const path = await mkdtemp(join(tmpdir(), "simulator-test-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

test("the sent log is found by guid, number, text and error, for the key's own messages alone", async () => {
  await using sim = await simulator();
  const result = await resultOf(await sim.send(to, "Votre Peugeot 208"));
  await sim.send(to, "Votre Renault Clio");
  await sim.send("+33639980002", "Votre Peugeot 208", { apikey: "key-b" });
  await sim.control.setFaults({ refuse: 1 });
  await sim.send("+33639980003", "Votre Peugeot 308");
  const log = async (params: Record<string, string>) =>
    (await sim.read("/log/sent/sms/", params)).log.map((row: { message: string }) => row.message);
  expect(await sim.read("/log/sent/sms/", { guid_message: result.id })).toEqual({
    error: "0",
    count: "1",
    log: [
      {
        guid: result.id,
        number: to,
        message: "Votre Peugeot 208",
        datetime: result.datetime,
        datetime_unix: String(Date.parse(result.datetime) / 1000),
        sent: expect.stringMatching(/^[01]$/),
        error_api: "0",
        error_mobile: "0",
        sIdentifiantPhone: expect.any(String),
      },
    ],
  });
  expect(await log({ keyword: to })).toEqual(["Votre Renault Clio", "Votre Peugeot 208"]);
  expect(await log({ keyword: "33639980001" })).toHaveLength(2);
  expect(await log({ keyword: "Peugeot" })).toEqual(["Votre Peugeot 308", "Votre Peugeot 208"]);
  expect(await log({ keyword: "Peugeot", error_api: "0" })).toEqual(["Votre Peugeot 208"]);
  expect(await log({})).toHaveLength(3);
  expect(await log({ guid_message: "f".repeat(40) })).toEqual([]);
});

test("faults are laid over what is set, a preset replaces it, and a mistake is named", async () => {
  await using sim = await simulator();
  expect(await sim.control.setFaults({ refuse: 0.5 })).toEqual({ ...noFaults, refuse: 0.5 });
  expect(await sim.control.setFaults({ cutAfter: 0.5 })).toEqual({ ...noFaults, refuse: 0.5, cutAfter: 0.5 });
  expect(await sim.control.setFaults({}, "many")).toEqual(presets.many);
  expect(await (await fetch(`${sim.url}/_sim/faults?preset=none`, { method: "PUT" })).json()).toEqual(noFaults);
  await expect(sim.control.setFaults({ refuse: 3 })).rejects.toThrow("refuse must be a share");
  expect((await fetch(`${sim.url}/_sim/faults?preset=some-more`, { method: "PUT" })).status).toBe(400);
  expect((await fetch(`${sim.url}/_sim/faults`, { method: "PUT", body: "{" })).status).toBe(400);
  expect(await sim.control.faults()).toEqual(noFaults);
});

test("an offline phone is listed as offline", async () => {
  await using sim = await simulator();
  const listed = async () => (await sim.read("/gateway/mobile/list/")).mobiles[0];
  expect(await listed()).toMatchObject({ online: "1", status: "online" });
  await sim.control.setFaults({ phoneOffline: 1 });
  expect(await listed()).toMatchObject({ online: "0", status: "offline" });
});

test("a reset forgets what happened, also of a call that still hangs, and gives no guid again", async () => {
  await using sim = await simulator();
  const result = await resultOf(await sim.send(to));
  await sim.control.setFaults({ hangAfter: 1 });
  const gone = new AbortController();
  const hanging = sim.send(to, "Bonjour", {}, gone.signal).catch(() => "gone");
  await eventually("the hanging call", async () => (await sim.control.stats()).pending === 1);
  await sim.control.reset();
  expect(await sim.control.faults()).toEqual(noFaults);
  const again = await resultOf(await sim.send(to));
  gone.abort();
  expect(await hanging).toBe("gone");
  expect(await sim.sends()).toMatchObject([{ row: 0, attempt: 1, id: again.id, answered: true }]);
  expect(again.id).not.toBe(result.id);
});

test("a log file is continued after a restart, and a torn last line is dropped", async () => {
  await using dir = await folder();
  const logFile = join(dir.path, "log.jsonl");
  let id = "";
  {
    await using sim = await simulator({ logFile });
    id = (await resultOf(await sim.send(to))).id;
  }
  await writeFile(logFile, '{"row":1,"at":"2026-', { flag: "a" });
  await using sim = await simulator({ logFile });
  expect((await sim.read("/log/sent/sms/", { guid_message: id })).log).toHaveLength(1);
  await sim.send(to);
  expect((await sim.sends()).map(({ attempt, row }) => [attempt, row])).toEqual([
    [1, 0],
    [2, 2],
  ]);
  expect((await sim.read("/log/sent/sms/", { keyword: to })).log).toHaveLength(2);
});

test("a full log ends the service instead of losing rows", async () => {
  await using sim = await simulator({ rowsLimit: 2 });
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push((await sim.send(to)).status);
  expect(statuses).toEqual([200, 200, 503]);
  expect(await sim.control.stats()).toMatchObject({ full: true, rows: 2, fates: { accepted: 2 } });
});

test("the log is whole while it is being written", async () => {
  await using sim = await simulator();
  const sending = Promise.all(
    Array.from({ length: 10 }, async (_, lane) => {
      for (let i = 0; i < 100; i++) await (await sim.send(`+3363998${1000 + lane * 100 + i}`, "é".repeat(200))).text();
    }),
  );
  const during = await sim.sends();
  await sending;
  const rows = await sim.sends();
  expect(new Set(during.map((row) => row.row)).size).toBe(during.length);
  expect(rows).toHaveLength(1000);
  expect(new Set(rows.map((row) => row.to)).size).toBe(1000);
  expect(rows.every((row) => row.answered && row.text === "é".repeat(200))).toBe(true);
});

const main = new URL("./main.ts", import.meta.url);

test("as a program it says where it listens, in one line, and ends on SIGTERM", async () => {
  await using dir = await folder();
  const child = fork(main, {
    env: { PATH: process.env["PATH"], PORT: "0", SIM_API_KEYS: "only", SIM_LOG_FILE: join(dir.path, "log") },
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const [line] = await once(child.stdout ?? child, "data");
  const ready = JSON.parse(String(line));
  expect(ready).toEqual({ listening: expect.any(Number), url: `http://127.0.0.1:${ready.listening}` });
  expect((await fetch(`${ready.url}/getsms/?apikey=other`)).status).toBe(403);
  expect((await controlOf(ready.url).stats()).seed).toBe(1);
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
});

test("as a program it ends when its parent goes away, and names a bad variable", async () => {
  const child = fork(main, { env: { PATH: process.env["PATH"] }, stdio: ["ignore", "pipe", "inherit", "ipc"] });
  await once(child.stdout ?? child, "data");
  child.disconnect();
  expect(await once(child, "exit")).toEqual([0, null]);
  const wrong = fork(main, { env: { PATH: process.env["PATH"], SIM_SEED: "one" }, stdio: ["ignore", "pipe", "pipe", "ipc"] });
  const [said] = await once(wrong.stderr ?? wrong, "data");
  expect(String(said)).toContain("SIM_SEED must be a whole number");
  expect(await once(wrong, "exit")).toEqual([2, null]);
});
