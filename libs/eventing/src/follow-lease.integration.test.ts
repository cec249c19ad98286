import { Kvm } from "@nats-io/kv";
import { afterAll, expect, test } from "vitest";
import { type Followed, follow, type Position, type Positions } from "./follow.ts";
import { type AcquireLease, heldAlone, type Lease } from "./lease.ts";
import { kvPositions } from "./positions.ts";
import { memoryDocuments } from "./project.ts";
import { followBench, keys, keysOf } from "./testing-follow.ts";
import { codecOfRelease, soon, type TallyEvent } from "./testing-tally.ts";
import { leases, until } from "./testing-world.ts";

const { one, two, end, fresh, fill } = await followBench();
afterAll(end);

test("rule: a reader with a position reads in stream order from it, so what another held when it died is not lost", async () => {
  const { stream, options, rob } = await fresh({ batch: 10 });
  await fill(stream, 60);
  const applied: string[] = [];
  const { promise: never } = Promise.withResolvers<void>();
  let batches = 0;
  const dying = follow(one.kernel, options, async (batch) => {
    if (++batches === 3) await never; // holds a batch and is gone
    applied.push(...keysOf(batch));
  });
  await until("it holds a batch", () => batches === 3);
  rob(`follow.${options.name}`);
  const next = follow(two.kernel, options, async (batch) => void applied.push(...keysOf(batch)));
  const last = await fill(stream, 20, { from: 60 });
  expect(await next.reached(last, soon())).toBe(true);
  expect(applied).toEqual(keys(80));
  await next.stop();
  expect(dying.position()).toBeLessThan(last);
});

test("rule: each write carries the lease's epoch, so a paused old reader overwrites nothing", async () => {
  const { stream, options, positions, rob } = await fresh({ batch: 5 });
  await fill(stream, 20);
  const documents = memoryDocuments<{ seq: number }>();
  const { promise: paused, resolve: wake } = Promise.withResolvers<void>();
  let refused: unknown;
  let batches = 0;
  const write = async (batch: readonly Followed<TallyEvent>[], epoch: number): Promise<void> =>
    documents.write(new Map([["d", { seq: batch.at(-1)?.revision ?? 0 }]]), heldAlone(epoch));
  const old = follow(one.kernel, options, async (batch, { epoch }) => {
    if (++batches === 2) await paused;
    await write(batch, epoch).catch((error: unknown) => {
      refused = error;
      throw error;
    });
  });
  await until("it is paused with a batch", () => batches === 2);
  rob(`follow.${options.name}`);
  const next = follow(two.kernel, options, (batch, { epoch }) => write(batch, epoch));
  expect(await next.reached(20, soon())).toBe(true);
  wake();
  await until("the old one was refused", () => refused !== undefined);
  expect(documents.all.get("d")).toEqual({ seq: 20 });
  expect(positions.saved.position?.seq).toBe(20);
  await Promise.all([old.stop(), next.stop()]);
});

test("rule: after a standstill the lease itself is asked: nothing more is handled or counted under one that has run out", async () => {
  const lost = new AbortController();
  let stoodStill = false;
  const { acquire: another } = leases();
  // As with a real one, whose timer has not run yet: the signal is raised when somebody asks.
  const runOut: Lease = {
    name: "stood-still",
    epoch: 7,
    get lost() {
      if (stoodStill) lost.abort();
      return lost.signal;
    },
    release: async () => undefined,
  };
  let given = 0;
  const acquire: AcquireLease = (name, stop) => (given++ === 0 ? Promise.resolve(runOut) : another(name, stop));
  const { stream, options, positions } = await fresh({ batch: 1, acquire });
  await fill(stream, 3);
  const handled: [epoch: number, keys: string[]][] = [];
  const saved: number[] = [];
  const kept: Positions = {
    load: positions.load,
    save: (position, epoch) => positions.save(position, epoch).then(() => void saved.push(epoch)),
  };
  const reader = follow(one.kernel, { ...options, positions: kept }, async (batch, { epoch }) => {
    handled.push([epoch, keysOf(batch)]);
    stoodStill = true;
  });
  await until("the next one has read all of it", () => handled.length >= 4);
  expect(handled).toEqual([[7, ["k0"]], ...["k0", "k1", "k2"].map((key) => [1, [key]])]);
  await until("its position is kept", () => positions.saved.position?.seq === 3);
  expect(new Set(saved)).toEqual(new Set([1]));
  await reader.stop();
});

test("rule: a newer release's message waits, what came before it does not, and the lease goes to a replica that can read it", async () => {
  const { stream, options, positions } = await fresh();
  await fill(stream, 2);
  await fill(stream, 1, { from: 2, release: 2 });
  await fill(stream, 1, { from: 3 });
  const handled: string[] = [];
  const take = async (batch: readonly Followed<TallyEvent>[]): Promise<void> => void handled.push(...keysOf(batch));
  const old = follow(one.kernel, options, take);
  await until("it says why", () => one.notReady.get(options.name)?.includes("newer release") === true);
  expect(handled).toEqual(keys(2));
  expect(positions.saved.position?.seq).toBe(2);
  await until("it says how far it is behind", () => one.lags.get(options.name) === 2);
  const young = follow(two.kernel, { ...options, codec: codecOfRelease(2) }, take);
  expect(await young.reached(4, soon(20_000))).toBe(true);
  expect(handled).toEqual(keys(4));
  await until("it leaves that to the one that reads now", () => one.lags.get(options.name) === 0);
  await Promise.all([old.stop(), young.stop()]);
});

test("a lease that cannot be asked for is tried again, told, and holds up nothing else", async () => {
  const { stream, options } = await fresh();
  await fill(stream, 1);
  let failures = 3;
  const acquire: typeof options.acquire = (name, stop) =>
    failures-- > 0 ? Promise.reject(new TypeError("not the name of a lease")) : options.acquire(name, stop);
  const reader = follow(one.kernel, { ...options, acquire }, async () => undefined);
  await until("it is told", () => one.notReady.has(options.name));
  expect(await reader.reached(1, soon())).toBe(true);
  await reader.stop();
});

test("rule: a lower epoch never overwrites a position in KV, and a repeated load in between does no harm", async () => {
  const bucket = await new Kvm(one.kernel.js).create("positions");
  const [old, young] = [kvPositions(bucket, "r"), kvPositions(bucket, "r")];
  const position = (seq: number): Position => ({ created: "c", seq });
  expect(await old.load()).toBeUndefined();
  expect(await young.load()).toBeUndefined();
  await young.save(position(10), 2);
  await expect(old.save(position(5), 1)).rejects.toThrow(); // both began with nothing
  await expect(old.save(position(6), 1)).rejects.toThrow("epoch 1 came after 2");
  await young.save(position(11), 2);
  const asking = young.load();
  await young.save(position(12), 2);
  await asking;
  await young.save(position(13), 2);
  expect(await old.load()).toEqual(position(13));
  await bucket.delete("r");
  const third = kvPositions(bucket, "r");
  expect(await third.load()).toBeUndefined();
  await third.save(position(1), 3);
  expect(await third.load()).toEqual(position(1));
});
