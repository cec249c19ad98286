import { afterAll, beforeAll, expect, test } from "vitest";
import { aggregate } from "./aggregate.ts";
import { ensureStream } from "./streams.ts";
import { at, codecOfRelease, type TallyEvent, tally } from "./testing-tally.ts";
import { declared, type Replica, replica, unreliable, until, type World, world } from "./testing-world.ts";
import { watch } from "./watch.ts";

let all: World;
let one: Replica;
let streams = 0;
beforeAll(async () => {
  all = await world();
  one = await all.replica();
});
afterAll(() => all[Symbol.asyncDispose]());

const fill = async (stream: string, count: number, { from = 0, release = 1 } = {}): Promise<void> => {
  const tallies = aggregate(one.store(stream, codecOfRelease(release)), tally);
  for (let n = from; n < from + count; n++) {
    await tallies.execute(`${stream.toLowerCase()}.0`, { type: "Add", key: `k${n}`, n: 1 }, { commandId: `c${n}`, at });
  }
};
const watching = (on: Replica, stream: string, release = 1) => {
  const seen: number[] = [];
  const options = { name: `watch-${stream}`, stream, filters: [`${stream.toLowerCase()}.>`], codec: codecOfRelease<TallyEvent>(release) };
  return { seen, name: options.name, watcher: watch(on.kernel, options, ({ revision }) => void seen.push(revision)) };
};
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1);
const fresh = async (): Promise<string> => {
  const stream = `W${++streams}`;
  await ensureStream(one.kernel.jsm, declared(stream));
  return stream;
};

test("is not ready until it has caught up, then stays current, in order, across lost connections", async () => {
  const stream = await fresh();
  await fill(stream, 50);
  await using wire = await unreliable(all.server.url);
  await using far = await replica(wire.url);
  const { seen, name, watcher } = watching(far, stream);
  expect(far.notReady.has(name)).toBe(true);
  await watcher.caughtUp;
  expect(seen).toEqual(upTo(50));
  expect(far.notReady.has(name)).toBe(false);
  wire.cutNow();
  await fill(stream, 10, { from: 50 });
  await until("it has the rest", () => seen.length >= 60);
  expect(seen).toEqual(upTo(60));
  await until("it is ready", () => !far.notReady.has(name));
  await watcher.stop();
});

test("what it remembers is not current any more once its stream cannot be read", async () => {
  const stream = await fresh();
  await fill(stream, 3);
  const { name, watcher } = watching(one, stream);
  expect(watcher.current()).toBe(false);
  await watcher.caughtUp;
  expect(watcher.current()).toBe(true);
  await one.kernel.jsm.streams.delete(stream);
  await until("it knows", () => !watcher.current());
  await until("it says so", () => one.notReady.get(name)?.includes("cannot read") === true);
  await watcher.stop();
});

test("rule: a newer release's message keeps it waiting and not ready; nothing behind it is handed over", async () => {
  const stream = await fresh();
  await fill(stream, 2);
  await fill(stream, 1, { from: 2, release: 2 });
  const { seen, name, watcher } = watching(one, stream);
  await until("it says why", () => one.notReady.get(name)?.includes("newer release") === true);
  expect(seen).toEqual(upTo(2));
  await watcher.stop();
  const young = watching(one, stream, 2);
  await young.watcher.caughtUp;
  expect(young.seen).toEqual(upTo(3));
  await young.watcher.stop();
});

test("what nobody can read is told and passed over", async () => {
  const stream = await fresh();
  await fill(stream, 1);
  await one.kernel.js.publish(`${stream.toLowerCase()}.0`, "not json");
  await one.kernel.nats.flush();
  const { seen, watcher } = watching(one, stream);
  await watcher.caughtUp;
  expect(seen).toEqual([1]);
  expect(one.logged).toContainEqual(expect.objectContaining({ level: "error", fields: expect.objectContaining({ stream, seq: 2 }) }));
  await watcher.stop();
});

test("rule: a stream made anew under it is told, and nothing of it is mixed with what was known", async () => {
  const stream = await fresh();
  await fill(stream, 5);
  const { seen, name, watcher } = watching(one, stream);
  await watcher.caughtUp;
  await one.kernel.jsm.streams.delete(stream);
  await ensureStream(one.kernel.jsm, declared(stream));
  await fill(stream, 8, { from: 100 });
  await until("it says why", () => one.notReady.get(name)?.includes("made anew") === true);
  expect(seen).toEqual(upTo(5));
  await watcher.stop();
});
