import { afterAll, beforeAll, expect, test } from "vitest";
import { follow, type Position } from "./follow.ts";
import { deliveryOf } from "./ordered.ts";
import { ensureStream } from "./streams.ts";
import { added, append, codecOfRelease, soon, type TallyEvent } from "./testing-tally.ts";
import { leaky } from "./testing-wire.ts";
import { declared, leases, type Replica, replica, until, type World, world } from "./testing-world.ts";
import { watch } from "./watch.ts";

let all: World;
let near: Replica;
let streams = 0;
beforeAll(async () => {
  all = await world();
  near = await all.replica();
});
afterAll(() => all[Symbol.asyncDispose]());

const fresh = async (): Promise<string> => {
  const stream = `L${++streams}`;
  await ensureStream(near.kernel.jsm, declared(stream));
  return stream;
};
const fill = async (stream: string, count: number): Promise<void> => {
  for (let n = 0; n < count; n++) {
    await near.store(stream).append(`${stream.toLowerCase()}.${crypto.randomUUID()}`, append([added("x")]), soon());
  }
};
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1);
const consumersOf = async (stream: string): Promise<readonly string[]> =>
  (await Array.fromAsync(near.kernel.jsm.consumers.list(stream))).map(({ name }) => name);

/** A watcher whose connection loses what it is told to. */
const watching = async (stream: string) => {
  const wire = await leaky(all.server.url);
  const far = await replica(wire.url);
  const seen: number[] = [];
  const options = { name: `watch-${stream}`, stream, filters: [`${stream.toLowerCase()}.>`], codec: codecOfRelease<TallyEvent>(1) };
  const watcher = watch(far.kernel, options, ({ revision }) => void seen.push(revision));
  return {
    ...{ wire, seen, watcher },
    [Symbol.asyncDispose]: async () => {
      await watcher.stop();
      await far.stop();
      await wire[Symbol.asyncDispose]();
    },
  };
};
/** The message of this sequence is lost, the first time that it comes. */
const once = (wanted: number): ((delivery: string) => boolean) => {
  let left = 1;
  return (delivery) => deliveryOf(delivery).seq === wanted && left-- > 0;
};

test("a message that is lost on its way is read again with all behind it: none is missing, none comes twice", async () => {
  const stream = await fresh();
  await fill(stream, 20);
  await using reader = await watching(stream);
  await reader.watcher.caughtUp;
  reader.wire.lose(once(33));
  await fill(stream, 30);
  await until("all are there", () => reader.seen.length >= 50);
  expect(reader.seen).toEqual(upTo(50));
  expect(reader.wire.lost()).toHaveLength(1);
});

test("the last message of all that is lost on its way is missed at the server's next sign of life", async () => {
  const stream = await fresh();
  await fill(stream, 5);
  await using reader = await watching(stream);
  await reader.watcher.caughtUp;
  reader.wire.lose(once(8));
  await fill(stream, 3);
  await until("all are there", () => reader.seen.length >= 8);
  expect(reader.seen).toEqual(upTo(8));
  expect(reader.wire.lost()).toHaveLength(1);
});

test("a server that falls silent is left for another consumer, which begins behind the last message that came", async () => {
  const stream = await fresh();
  await fill(stream, 5);
  await using reader = await watching(stream);
  await reader.watcher.caughtUp;
  const [before] = await consumersOf(stream);
  reader.wire.silence();
  await fill(stream, 5);
  await until("the messages were lost", () => reader.wire.lost().length >= 5);
  expect(reader.seen).toEqual(upTo(5));
  await until("all are there", () => reader.seen.length >= 10);
  expect(reader.seen).toEqual(upTo(10));
  expect(reader.watcher.current()).toBe(true);
  await until("the old consumer is gone", async () => !(await consumersOf(stream)).includes(before ?? ""));
});

test("a consumer that the server forgets is made again at the right place, however often", async () => {
  const stream = await fresh();
  await using reader = await watching(stream);
  for (let round = 1; round <= 5; round++) {
    await fill(stream, 4);
    await until("they have come", () => reader.seen.length >= round * 4);
    for (const name of await consumersOf(stream)) await near.kernel.jsm.consumers.delete(stream, name);
  }
  await fill(stream, 4);
  await until("all are there", () => reader.seen.length >= 24);
  expect(reader.seen).toEqual(upTo(24));
});

test("a follower goes on from its stored position, and what was beyond the gap is not counted before what is missing", async () => {
  const stream = await fresh();
  await using wire = await leaky(all.server.url);
  await using far = await replica(wire.url);
  let position: Position | undefined;
  const save = async (next: Position): Promise<void> => {
    // A batch that was in hand when the gap was seen is not counted, and comes again.
    for (let seq = (position?.seq ?? 0) + 1; seq <= next.seq; seq++) expect(handled).toContain(seq);
    position = next;
  };
  const handled = new Set<number>();
  const options = { name: `follow-${stream}`, stream, codec: codecOfRelease<TallyEvent>(1), batch: 7, acquire: leases().acquire };
  let beyond = 0;
  const reader = follow(far.kernel, { ...options, positions: { load: async () => position, save } }, async (batch) => {
    for (const { revision } of batch) {
      if (revision > Math.max(0, ...handled) + 1) beyond++;
      handled.add(revision);
    }
  });
  const losing = new Set([3, 13, 14, 33, 53]);
  wire.lose((delivery) => losing.delete(deliveryOf(delivery).seq));
  await fill(stream, 60);
  await until("all were handled", () => reader.position() === 60);
  expect([...handled]).toEqual(upTo(60));
  expect(beyond).toBe(0);
  expect(losing.size).toBe(0);
  await reader.stop();
});
