import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Kvm } from "@nats-io/kv";
import { afterAll, beforeAll, expect, test } from "vitest";
import { aggregate } from "./aggregate.ts";
import { type Followed, type FollowOptions, follow, type Position, type Positions } from "./follow.ts";
import type { AcquireLease, Lease } from "./lease.ts";
import { kvPositions } from "./positions.ts";
import { memoryDocuments, projection, type View } from "./project.ts";
import { ensureStream } from "./streams.ts";
import { at, codecOfRelease, soon, type TallyEvent, tally } from "./testing-tally.ts";
import { declared, leases, type Replica, replica, unreliable, until, type World, world } from "./testing-world.ts";

let all: World;
let one: Replica;
let two: Replica;
let streams = 0;
beforeAll(async () => {
  all = await world();
  [one, two] = [await all.replica(), await all.replica()];
});
afterAll(() => all[Symbol.asyncDispose]());

const memoryPositions = (): Positions & { readonly saved: { position?: Position; epoch: number } } => {
  const saved: { position?: Position; epoch: number } = { epoch: 0 };
  return {
    saved,
    load: async () => saved.position,
    save: async (position, epoch) => {
      if (epoch < saved.epoch) throw new Error("overtaken");
      Object.assign(saved, { position, epoch });
    },
  };
};
const fresh = async (more: Partial<FollowOptions<TallyEvent>> = {}) => {
  const stream = `F${++streams}`;
  await ensureStream(one.kernel.jsm, declared(stream));
  const { acquire, rob } = leases();
  const positions = memoryPositions();
  const options = { name: `reader-${stream}`, stream, codec: codecOfRelease<TallyEvent>(1), positions, acquire, ...more };
  return { stream, options, positions, rob };
};
const fill = async (stream: string, count: number, { from = 0, release = 1 } = {}): Promise<number> => {
  const tallies = aggregate(one.store(stream, codecOfRelease(release)), tally);
  let last = 0;
  for (let n = from; n < from + count; n++) {
    const asked = { commandId: `c${n}`, at };
    last = (await tallies.execute(`${stream.toLowerCase()}.${n % 3}`, { type: "Add", key: `k${n}`, n: 1 }, asked)).revision;
  }
  return last;
};
const keysOf = (batch: readonly Followed<TallyEvent>[]): string[] =>
  batch.flatMap(({ events }) => events.flatMap((event) => (event.type === "Added" ? [event.data.key] : [])));
const keys = (count: number): string[] => Array.from({ length: count }, (_, n) => `k${n}`);

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
    documents.write(new Map([["d", { seq: batch.at(-1)?.revision ?? 0 }]]), epoch);
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

test("a handler that keeps failing is told, keeps its place, gives others their turn and goes on from there", async () => {
  const { stream, options } = await fresh({ batch: 10 });
  await fill(stream, 25);
  let [broken, tries] = [true, 0];
  const applied: string[] = [];
  const reader = follow(one.kernel, options, async (batch) => {
    tries++;
    if (broken && applied.length === 10) throw new Error("the database is away");
    applied.push(...keysOf(batch));
  });
  await until("it has failed twice", () => tries >= 3);
  expect(one.notReady.get(options.name)).toBe("the database is away");
  broken = false;
  expect(await reader.reached(25, soon())).toBe(true);
  expect(applied).toEqual(keys(25));
  await until("it is ready", () => !one.notReady.has(options.name));
  await reader.stop();
});

test("rule: a position beyond the stream's end or of another creation stops the reader for good, not ready", async () => {
  const { stream, options, positions } = await fresh();
  await fill(stream, 5);
  const { created } = await one.kernel.jsm.streams.info(stream);
  positions.saved.position = { created, seq: 9 };
  let handled = 0;
  const reader = follow(one.kernel, options, async (batch) => {
    handled += batch.length;
  });
  await until("it says why", () => one.notReady.get(options.name)?.includes("beyond its end 5") === true);
  expect(one.notReady.get(options.name)).toContain("Rebuild the view");
  await fill(stream, 10, { from: 5 }); // the position would look valid again, and messages 6 to 9 would be skipped
  // It has given its lease back for good: nobody would ever get it from a reader that tries again.
  const lease = await options.acquire(`follow.${options.name}`, AbortSignal.timeout(3000));
  // Another reader of the stream gets to the end meanwhile.
  const other = follow(two.kernel, { ...options, name: `${options.name}-other`, positions: memoryPositions() }, async () => undefined);
  expect(await other.reached(15, soon())).toBe(true);
  expect(handled).toBe(0);
  expect(one.notReady.has(options.name)).toBe(true);
  await Promise.all([reader.stop(), other.stop(), lease.release()]);
});

test("rule: a stream made anew under a reader stops it, whatever the sequences say", async () => {
  const { stream, options } = await fresh();
  await fill(stream, 5);
  const handled: string[] = [];
  const reader = follow(one.kernel, options, async (batch) => void handled.push(...keysOf(batch)));
  expect(await reader.reached(5, soon())).toBe(true);
  await one.kernel.jsm.streams.delete(stream);
  await ensureStream(one.kernel.jsm, declared(stream));
  await fill(stream, 8, { from: 100 });
  await until("it says why", () => one.notReady.get(options.name)?.includes("made anew") === true);
  expect(handled).toEqual(keys(5));
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

test("poison is told and passed over", async () => {
  const poisoned: number[] = [];
  const { stream, options } = await fresh({ poison: async (_stream, seq) => void poisoned.push(seq) });
  await fill(stream, 2);
  await one.kernel.js.publish(`${stream.toLowerCase()}.0`, "not json");
  await one.kernel.js.publish(`${stream.toLowerCase()}.1`, "not json");
  const handled: string[] = [];
  const reader = follow(one.kernel, options, async (batch) => void handled.push(...keysOf(batch)));
  expect(await reader.reached(4, soon())).toBe(true);
  expect([handled, poisoned]).toEqual([keys(2), [3, 4]]);
  await reader.stop();
});

test("goes on after lost connections and a restarted server, in order and without a gap", async () => {
  await using own = await world("F");
  await using near = await own.replica();
  await using wire = await unreliable(own.server.url);
  await using far = await replica(wire.url);
  const { acquire } = leases();
  const positions = memoryPositions();
  const view: View<{ seq: number; keys: string[] }, TallyEvent> = {
    ...{ name: "v", version: 1 },
    changes: (event, message) => [
      {
        id: message.subject,
        fold: (before = { seq: 0, keys: [] }) =>
          message.revision <= before.seq || event.type !== "Added"
            ? before
            : { seq: message.revision, keys: [...before.keys, event.data.key] },
      },
    ],
  };
  const documents = memoryDocuments<{ seq: number; keys: string[] }>();
  const into = projection(view, documents, { cache: 2 });
  const options = {
    ...{ name: "f", stream: "F", codec: codecOfRelease<TallyEvent>(1), positions, acquire, batch: 7 },
    restart: into.forget,
  };
  const reader = follow(far.kernel, options, (batch, { epoch }) => into.apply(batch, epoch));
  const tallies = aggregate(near.store("F"), tally);
  let last = 0;
  for (let n = 0; n < 400; n++) {
    const asked = { commandId: `c${n}`, at, deadline: soon(30_000) };
    last = (await tallies.execute(`f.${n % 3}`, { type: "Add", key: `k${n}`, n: 1 }, asked)).revision;
    if (n % 100 === 50) wire.cutNow();
    if (n === 200) await own.server.restart();
  }
  expect(await reader.reached(last, soon(20_000))).toBe(true);
  for (const part of [0, 1, 2]) expect(documents.all.get(`f.${part}`)?.keys).toEqual(keys(400).filter((_, n) => n % 3 === part));
  await reader.stop();
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

test("rule: the client's own request for more, which stands among the messages, is not waited for as one of them", async () => {
  const lingerMs = 1500;
  const { stream, options } = await fresh({ lingerMs });
  const applied: string[] = [];
  const reader = follow(one.kernel, options, async (batch) => void applied.push(...keysOf(batch)));
  expect(await reader.reached(await fill(stream, 1), soon())).toBe(true);
  const gathers = performance.now();
  const last = await fill(stream, 300, { from: 1 }); // more than a quarter of what it asks for at a time, less than a batch
  expect(await reader.reached(last, soon())).toBe(true);
  expect(performance.now() - gathers).toBeLessThan(lingerMs + 1000);
  expect(applied).toEqual(keys(301));
  await reader.stop();
});

test("a batch that was handled is let go while the next one is waited for: idle readers hold nothing of what they have read", async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const { stream, options } = await fresh();
  const read: WeakRef<object>[] = [];
  const reader = follow(one.kernel, options, async (batch) => {
    for (const message of batch) read.push(new WeakRef(message));
  });
  const last = await fill(stream, 20);
  expect(await reader.reached(last, soon())).toBe(true);
  await until("nothing of them is held", () => {
    collect();
    return read.every((message) => message.deref() === undefined);
  });
  expect(read.length).toBe(20);
  await reader.stop();
});
