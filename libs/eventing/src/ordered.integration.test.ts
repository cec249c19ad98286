import { afterAll, beforeAll, expect, test } from "vitest";
import { deliveryOf, type Incoming, mostBytes, type OrderedOptions, type OrderedStretch, readInOrder } from "./ordered.ts";
import { joined } from "./requests.ts";
import { ensureStream } from "./streams.ts";
import { declared, type Replica, until, type World, world } from "./testing-world.ts";

let all: World;
let one: Replica;
let streams = 0;
beforeAll(async () => {
  all = await world();
  one = await all.replica();
});
afterAll(() => all[Symbol.asyncDispose]());

const filled = async (count: number): Promise<string> => {
  const stream = `O${++streams}`;
  await ensureStream(one.kernel.jsm, declared(stream));
  await add(stream, count);
  return stream;
};
const add = (stream: string, count: number) =>
  Promise.all(
    Array.from({ length: count }, (_, n) =>
      one.kernel.publisher.publish(`${stream.toLowerCase()}.${n % 3}`, Buffer.from(String(n)), joined()),
    ),
  );
/** Takes what comes until there are so many; throws when the stretch is over before. */
const taken = async (stretch: OrderedStretch, count: number, most = 40): Promise<readonly Incoming[]> => {
  const seen: Incoming[] = [];
  while (seen.length < count) {
    await stretch.come(5000);
    if (stretch.over() || stretch.size() === 0) throw new Error(`the stretch is over or silent after ${seen.length} of ${count}`);
    seen.push(...stretch.take(most));
  }
  return seen;
};
const reading = (stream: string, more: Partial<OrderedOptions> = {}) =>
  readInOrder(one.kernel, { stream, filters: undefined, from: 1, most: 100, ...more }, []);

test("hands over what is there and what comes, in order, and says how much is behind each", async () => {
  const stream = await filled(250);
  const stretch = await reading(stream);
  expect(stretch.waiting).toBe(250);
  const seen = await taken(stretch, 250);
  expect(seen.map(({ seq, pending }) => [seq, pending])).toEqual(Array.from({ length: 250 }, (_, n) => [n + 1, 249 - n]));
  await add(stream, 1);
  expect((await taken(stretch, 1)).map(({ seq, subject }) => ({ seq, subject }))).toEqual([
    { seq: 251, subject: `${stream.toLowerCase()}.0` },
  ]);
  stretch.close();
});

test("asks for no more than there is room for, however much there is", async () => {
  const stream = await filled(1000);
  const stretch = await reading(stream);
  await until("as much as there is room for has come", () => stretch.size() === 100);
  await one.kernel.nats.flush();
  expect(stretch.size()).toBe(100);
  stretch.take(20);
  await one.kernel.nats.flush();
  expect(stretch.size()).toBe(80); // half of the room must be free before more is asked for
  stretch.take(40);
  await until("it is full again", () => stretch.size() === 100);
  stretch.close();
  expect(stretch.take(10)).toEqual([]);
});

test("is bounded in bytes, too: of large messages fewer are here at a time, and all come", async () => {
  const stream = await filled(0);
  const large = Buffer.alloc(900_000);
  const count = 40; // more than twice what may be here
  for (let n = 0; n < count; n++) await one.kernel.publisher.publish(`${stream.toLowerCase()}.1`, large, joined());
  const stretch = await reading(stream);
  await stretch.come(5000);
  // Time in which all of them could have come, were they asked for: nobody takes any.
  await until("more is here than may be", () => stretch.size() > 5, 1000).catch(() => undefined);
  let most = stretch.size();
  for (let seen = 0; seen < count; ) {
    await stretch.come(5000);
    most = Math.max(most, stretch.size());
    const some = stretch.take(3);
    if (some.length === 0) throw new Error(`nothing came after ${seen} of ${count}`);
    seen += some.length;
  }
  expect(most * large.length).toBeLessThan(1.6 * mostBytes);
  stretch.close();
});

test("is over when its consumer is deleted and when its signal is raised", async () => {
  const stream = await filled(10);
  const deleted = await reading(stream);
  for await (const { name } of one.kernel.jsm.consumers.list(stream)) await one.kernel.jsm.consumers.delete(stream, name);
  await until("the reader knows", () => deleted.over());
  const raised = new AbortController();
  const stopped = await readInOrder(one.kernel, { stream, filters: undefined, from: 1, most: 100 }, [raised.signal]);
  const waits = stopped.come().then(() => stopped.come());
  raised.abort();
  await waits;
  expect(stopped.over()).toBe(true);
  for (const stretch of [deleted, stopped]) stretch.close();
});

test("reads only what its filters name, from where it is told to", async () => {
  const stream = await filled(0);
  const theirs: number[] = [];
  for (let n = 0; n < 9; n++) {
    const answer = await one.kernel.publisher.publish(`${stream.toLowerCase()}.${n % 3}`, Buffer.from("."), joined());
    if (answer.kind === "stored" && n % 3 === 1) theirs.push(answer.seq);
  }
  const stretch = await reading(stream, { filters: [`${stream.toLowerCase()}.1`], from: 3 });
  expect((await taken(stretch, 2)).map(({ seq }) => seq)).toEqual(theirs.slice(1));
  stretch.close();
});

test("a delivery is read out of its reply, old form and new", () => {
  expect(deliveryOf("$JS.ACK.SMS.reader-1.1.812.44.1763719200123456789.7")).toEqual({ seq: 812, delivery: 44, pending: 7 });
  expect(deliveryOf("$JS.ACK._.hash.SMS.reader.1.812.44.1763719200123456789.7")).toEqual({ seq: 812, delivery: 44, pending: 7 });
  expect(deliveryOf("$JS.ACK.hub.hash.SMS.reader.1.812.44.1763719200123456789.7.token")).toEqual({ seq: 812, delivery: 44, pending: 7 });
  for (const none of ["", "_INBOX.abc", "$JS.ACK.SMS.reader.1.812", "$JS.ACK.a.b.c.d.e.f.g.h"])
    expect(() => deliveryOf(none)).toThrow(TypeError);
});
