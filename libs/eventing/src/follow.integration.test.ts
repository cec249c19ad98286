import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, expect, test } from "vitest";
import { aggregate } from "./aggregate.ts";
import { follow } from "./follow.ts";
import { memoryDocuments, projection, type View } from "./project.ts";
import { ensureStream } from "./streams.ts";
import { followBench, keys, keysOf, memoryPositions } from "./testing-follow.ts";
import { at, codecOfRelease, soon, type TallyEvent, tally } from "./testing-tally.ts";
import { declared, leases, replica, unreliable, until, world } from "./testing-world.ts";

const { one, two, end, fresh, fill } = await followBench();
afterAll(end);

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
  const reader = follow(far.kernel, options, (batch, lease) => into.apply(batch, lease));
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
