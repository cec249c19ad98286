import { afterAll, beforeAll, expect, test } from "vitest";
import { deadLetters } from "./dead.ts";
import { differences, ensureDurable, ensureStream } from "./streams.ts";
import { declared, type Replica, type World, world } from "./testing-world.ts";

let all: World;
let one: Replica;
beforeAll(async () => {
  all = await world();
  one = await all.replica();
});
afterAll(() => all[Symbol.asyncDispose]());
const ensure = (name: string, more: Parameters<typeof declared>[1] = {}) => ensureStream(one.kernel.jsm, declared(name, more));

test("rule: declared fields only are compared, whatever the server adds, and a change is shown and made", async () => {
  expect(await ensure("S1")).toEqual({ kind: "created" });
  expect(await ensure("S1")).toEqual({ kind: "same" });
  expect(await ensure("S1", { maxMessageBytes: 2_000_000 })).toEqual({
    kind: "updated",
    differences: [{ field: "max_msg_size", declared: 2_000_000, found: 1_000_000 }],
  });
  expect(await ensure("S1", { maxMessageBytes: 2_000_000 })).toEqual({ kind: "same" });
});

test("rule: an older release accepts a newer stream and leaves it alone", async () => {
  await ensure("S2", { revision: 2, subjects: ["s2.>", "s2b.>"] });
  expect(await ensure("S2")).toEqual({ kind: "newer" });
  const { config } = await one.kernel.jsm.streams.info("S2");
  expect(config.subjects).toEqual(["s2.>", "s2b.>"]);
});

test("a higher revision is written down also when nothing else has changed", async () => {
  await ensure("S3");
  expect(await ensure("S3", { revision: 2 })).toEqual({ kind: "updated", differences: [] });
  expect(await ensure("S3")).toEqual({ kind: "newer" });
});

test("what the server cannot change is said in words", async () => {
  await ensure("S4");
  await expect(ensure("S4", { retention: "workqueue" })).rejects.toThrow(/S4 differs.*retention is "limits", declared "workqueue"/);
});

test("replicas that start together make one stream", async () => {
  const made = await Promise.all(Array.from({ length: 8 }, () => ensure("S5")));
  expect(made.every(({ kind }) => kind === "created" || kind === "same")).toBe(true);
});

test("an array in another order is no difference, a missing field counts as its default", () => {
  expect(differences({ subjects: ["a", "b"], max_age: 0, deny_purge: false }, { subjects: ["b", "a"] })).toEqual([]);
});

test("a durable is brought to other limits and filters, between one and several both ways", async () => {
  await ensure("S6");
  const durable = { stream: "S6", durable: "d", filters: ["s6.a.>"], ackWaitMs: 1000, maxAckPending: 10 };
  await ensureDurable(one.kernel.jsm, durable);
  for (const filters of [["s6.a.>", "s6.b.>"], ["s6.b.>"], ["s6.c.>", "s6.d.>"], ["s6.a.>"]]) {
    await ensureDurable(one.kernel.jsm, { ...durable, filters, ackWaitMs: 2000 });
    const { config } = await one.kernel.jsm.consumers.info("S6", "d");
    expect(config.filter_subjects ?? [config.filter_subject]).toEqual(filters);
    expect(config.ack_wait).toBe(2e9);
  }
  await expect(ensureDurable(one.kernel.jsm, { ...durable, filters: [] })).rejects.toBeInstanceOf(TypeError);
});

test("rule: a repeat beyond the duplicate window is stored again, so the id of a dead letter is an optimisation only", async () => {
  await one.kernel.jsm.streams.update("DEAD", { duplicate_window: 200e6 });
  const dead = deadLetters({ ...one.kernel, service: "twice" });
  const letter = { consumer: "c", stream: "S", seq: 1, subject: "s.1", reason: "r", deliveries: 1 };
  await Promise.all([dead.write(letter), dead.write(letter)]);
  expect((await dead.list(10)).total).toBe(1);
  await new Promise((over) => setTimeout(over, 500)); // the window itself
  await dead.write(letter);
  const { letters, total } = await dead.list(10);
  expect(total).toBe(2);
  for (const { id } of letters) expect(await dead.drop(id)).toBe(true);
});

test("lists a few letters out of many of other services at once", async () => {
  const [mine, others] = [deadLetters({ ...one.kernel, service: "mine" }), deadLetters({ ...one.kernel, service: "others" })];
  const letter = (seq: number) => ({ consumer: "c", stream: "S", seq, subject: "s.1", reason: "r", deliveries: 1 });
  await Promise.all(Array.from({ length: 5000 }, (_, seq) => (seq % 1000 === 0 ? mine : others).write(letter(seq))));
  const began = performance.now();
  const { letters, total } = await mine.list(3);
  expect(performance.now() - began).toBeLessThan(1000);
  expect([letters.map(({ seq }) => seq), total]).toEqual([[0, 1000, 2000], 5]);
  expect((await others.list(500)).letters).toHaveLength(500);
  const some = await others.list(3, ({ seq }) => seq > 3000 && seq % 2 === 1);
  expect([some.letters.map(({ seq }) => seq), some.total]).toEqual([[3001, 3003, 3005], 1000]);
  expect(await mine.show((await others.list(1)).letters[0]?.id ?? 0)).toBeUndefined();
});
