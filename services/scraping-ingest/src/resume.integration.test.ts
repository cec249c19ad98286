import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { AccountId } from "@outrider/contracts/ids";
import { type ThrowAwayNats, throwAwayNats } from "@outrider/stack/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openWorld, testAccount, type World } from "./testing/world.ts";

let nats: ThrowAwayNats;
let world: World;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  nats = await throwAwayNats();
  world = await openWorld(nats.url);
});
afterAll(async () => {
  for (const replica of running) replica.kill("SIGKILL");
  await world.service[Symbol.asyncDispose]();
  await nats.stop();
});

const main = fileURLToPath(new URL("main.ts", import.meta.url));
const startReplica = (): ChildProcess => {
  const env = {
    ...process.env,
    NATS_URL: nats.url,
    LOG_LEVEL: "silent",
    INGEST_CHECKPOINT_ROWS: "1000",
    INGEST_PAGE_ROWS: "200",
    INGEST_ACK_WAIT_MS: "1500",
  };
  const replica = spawn(process.execPath, [main], { env, stdio: "ignore" });
  running.add(replica);
  return replica;
};
const kill = async (replica: ChildProcess): Promise<void> => {
  const gone = once(replica, "exit");
  replica.kill("SIGKILL");
  await gone;
  running.delete(replica);
};
const serving = async (account: AccountId): Promise<void> => {
  await expect
    .poll(
      () =>
        world.status(account, "nothing").then(
          () => true,
          () => false,
        ),
      { timeout: 20_000 },
    )
    .toBe(true);
};
const generated = (count: number): string => {
  const lines = Array.from({ length: count }, (_, at) => `id-${at},Peugeot ${at},${1000 + at},${at % 50 === 7 ? "," : ""}Paris`);
  return ["sourceId,title,price,city", ...lines, ""].join("\n");
};

test("killed in the middle, an import goes on in the next replica with the right counts", async () => {
  const account = testAccount("killed");
  const first = startReplica();
  await serving(account);
  await world.upload(account, "one", generated(20_000));
  await world.start(account, "one");
  await expect.poll(async () => (await world.status(account, "one")).counts.read, { timeout: 20_000, interval: 5 }).toBeGreaterThan(2000);
  await kill(first);
  startReplica();
  await serving(account);
  const { status, counts } = await world.ended(account, "one");
  // What was listed behind the last checkpoint is still new: it was this import that listed it.
  expect({ status, counts }).toEqual({ status: "finished", counts: { read: 20_000, new: 19_600, changed: 0, duplicate: 0, bad: 400 } });
  const listed = await world.events(account, "ad");
  expect(listed).toHaveLength(19_600);
  const bad = (await world.events(account, "import")).flatMap((event) => (event.type === "ImportProgressed" ? event.data.bad : []));
  expect(new Set(bad.map(({ line }) => line)).size).toBe(400);
  expect(bad).toHaveLength(400);
});

test("a replica that sleeps through its ack wait and wakes up again spoils nothing", async () => {
  const account = testAccount("sleeper");
  for (const replica of running) await kill(replica);
  const sleeper = startReplica();
  await serving(account);
  await world.upload(account, "one", generated(20_000));
  await world.start(account, "one");
  // Read from the stream: a stopped replica still gets its share of the questions.
  const read = async () => {
    const last = (await world.events(account, "import")).at(-1);
    return last !== undefined && "counts" in last.data ? last.data.counts.read : 0;
  };
  await expect.poll(read, { timeout: 20_000, interval: 5 }).toBeGreaterThan(1000);
  sleeper.kill("SIGSTOP");
  startReplica();
  const before = await read();
  await expect.poll(read, { timeout: 20_000, interval: 5 }).toBeGreaterThan(before);
  sleeper.kill("SIGCONT");
  const { status, counts } = await world.ended(account, "one");
  expect({ status, counts }).toEqual({ status: "finished", counts: { read: 20_000, new: 19_600, changed: 0, duplicate: 0, bad: 400 } });
  expect(await world.events(account, "ad")).toHaveLength(19_600);
});
