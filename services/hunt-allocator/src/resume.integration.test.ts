import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { huntCommands, type RunEvent } from "@outrider/contracts/hunts";
import type { AccountId } from "@outrider/contracts/ids";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runOf } from "./play.ts";
import { closed, createHunt, newAccount, openWorld, personOf, today, type World } from "./testing-world.ts";

let world: World;
const processes: ChildProcess[] = [];
beforeAll(async () => {
  world = await openWorld();
});
afterAll(async () => {
  for (const each of processes) each.kill("SIGKILL");
  await world[Symbol.asyncDispose]();
});

const main = fileURLToPath(new URL("./main.ts", import.meta.url));
const start = (replica: string): ChildProcess => {
  const started = spawn(process.execPath, [main], { env: { ...process.env, ...world.env, OUTRIDER_REPLICA: replica }, stdio: "ignore" });
  processes.push(started);
  return started;
};
const until = async <T>(look: () => Promise<T | undefined>, deadlineMs = 30_000): Promise<T> => {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const found = await look().catch(() => undefined);
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`not within ${deadlineMs} ms`);
    await new Promise((resume) => setTimeout(resume, 3));
  }
};
const pages = async (account: AccountId): Promise<readonly RunEvent[]> =>
  (await world.eventsOf(account, runOf(today))).filter(({ type }) => type === "PageAllocated");

test("a pass whose process is killed between two pages is ended by another, and nobody is given out twice", async () => {
  const account = newAccount("garage");
  await world.createAccount(account);
  const doomed = start("doomed");
  const people = Array.from({ length: 2000 }, (_, index) => ({ person: personOf(index), sourceId: `${index}` }));
  await world.listAds(account, people);
  await until(() => createHunt(world, account, "all"));
  await createHunt(world, account, "others");
  const { run } = await world.service.ask(huntCommands.startPass, { account, by: "hand" }, { timeoutMs: 20_000 });
  await until(async () => ((await pages(account)).length > 0 ? true : undefined));
  doomed.kill("SIGKILL");
  const before = (await pages(account)).length;

  start("heir");
  const pass = await until(() => closed(world, account, run, 1), 50_000);
  const events = await world.eventsOf(account, run);
  expect(before).toBeLessThan((await pages(account)).length);
  expect(events.filter(({ type }) => type === "PassReserved")).toHaveLength(1);
  expect(events.filter(({ type }) => type === "PassClosed")).toHaveLength(1);
  const rows = await world.rowsOf(account, run);
  expect(rows).toHaveLength(2000);
  expect(new Set(rows.map(({ person }) => person)).size).toBe(2000);
  expect(pass).toMatchObject({ found: 4000, allocated: 2000, reserved: 2000, rest: 0, skipped: { "contacted-recently": 2000 } });
  expect(world.neighbours.available).toBe(8000);
});

test("a pass whose process is killed before it has recorded its reservation goes on with what is held, though no credits are left", async () => {
  for (const each of processes) each.kill("SIGKILL");
  const account = newAccount("penniless");
  await world.createAccount(account);
  const { neighbours } = world;
  neighbours.available = 100;
  let doomed: ChildProcess | undefined;
  const reserved = new Promise<void>((resolve) => {
    neighbours.onReserved = () => {
      neighbours.onReserved = undefined;
      doomed?.kill("SIGKILL");
      resolve();
    };
  });
  doomed = start("killed-on-reserving");
  const people = Array.from({ length: 100 }, (_, index) => ({ person: personOf(index), sourceId: `${index}` }));
  await world.listAds(account, people);
  await until(() => createHunt(world, account, "all"));
  // The readers of the killed ones keep their leases for a moment.
  const { run } = await until(() => world.service.ask(huntCommands.startPass, { account, by: "hand" }, { timeoutMs: 20_000 }));
  await reserved;
  expect((await world.eventsOf(account, run)).map(({ type }) => type)).toEqual(["PassOpened"]);
  expect(neighbours.available).toBe(0);

  start("heir-of-a-hold");
  const pass = await until(() => closed(world, account, run, 1), 50_000);
  expect(pass).toMatchObject({ found: 100, allocated: 100, reserved: 100, rest: 0, skipped: {} });
  expect((await world.eventsOf(account, run)).filter(({ type }) => type === "PassReserved")).toHaveLength(1);
  expect(await world.rowsOf(account, run)).toHaveLength(100);
  expect(neighbours.available).toBe(0);
});
