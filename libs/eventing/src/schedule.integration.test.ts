import { afterAll, beforeAll, expect, test } from "vitest";
import { deadLetters } from "./dead.ts";
import { Unavailable } from "./errors.ts";
import { done, impossible, react } from "./react.ts";
import { dueCodec, dueOptions, schedules } from "./schedule.ts";
import { at } from "./testing-tally.ts";
import { type Replica, replica, until, type World, world } from "./testing-world.ts";

let all: World;
let one: Replica;
const cause = { commandId: "c", at, correlation: "story" };
const inMs = (ms: number): Date => new Date(Date.now() + ms);
beforeAll(async () => {
  all = await world();
  one = await all.replica();
});
afterAll(() => all[Symbol.asyncDispose]());

/** How many messages of some subjects the stream holds; undefined while nobody answers. */
const waiting = async (subjects: string): Promise<number | undefined> => {
  try {
    const { state } = await one.kernel.jsm.streams.info("SCHEDULE", { subjects_filter: subjects });
    return Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
  } catch {
    return undefined; // the server is restarting
  }
};

/** Takes what is due for one name, and notes it. */
const taking = (on: Replica, name: string) => {
  const due: { readonly key: unknown; readonly at: number; readonly correlation: string | undefined }[] = [];
  const reaction = react(on.kernel, { ...dueOptions(on.kernel.service, name), codec: dueCodec }, async (message) => {
    due.push({ key: message.events[0]?.data["key"], at: Date.now(), correlation: message.correlation });
    return done;
  });
  return { due, reaction };
};

test("is due at its moment, once, with its data and story; a new one of the same key replaces it; a past one is due at once", async () => {
  const { at: put } = schedules(one.kernel);
  const { due, reaction } = taking(one, "moment");
  const wanted = inMs(700);
  await put("moment", "00.a.1", inMs(300), { key: "replaced" }, cause);
  await put("moment", "00.a.1", wanted, { key: "one" }, cause);
  await put("moment", "00.a.2", inMs(-60_000), { key: "past" }, cause);
  await until("both are due", () => due.length === 2);
  expect(due.map(({ key }) => key)).toEqual(["past", "one"]);
  expect((due[1]?.at ?? 0) - wanted.getTime()).toBeGreaterThanOrEqual(0);
  expect(due[0]?.correlation).toBe("story");
  await reaction.stop();
});

test("rule: SCHEDULE is a work queue, so due messages wait while the service is down and pending schedules stay", async () => {
  const later = schedules(one.kernel);
  await later.at("down", "00.a.1", inMs(200), { key: "missed" }, cause);
  await later.at("down", "00.a.2", inMs(3_600_000), { key: "pending" }, cause);
  await all.server.restart();
  await until("it was due with nobody there", async () => (await waiting("due.tester.down.>")) === 1);
  const { due, reaction } = taking(one, "down");
  await until("it is taken", () => due.length === 1);
  expect(due[0]?.key).toBe("missed");
  expect(await later.cancel("down", "00.a.2")).toBe(true);
  await reaction.stop();
});

test("is open from the moment it is put until what is due has been handled", async () => {
  const later = schedules(one.kernel);
  expect(await later.isOpen("open", "00.a.1")).toBe(false);
  await later.at("open", "00.a.1", inMs(3_600_000), { key: "open" }, cause);
  expect([await later.isOpen("open", "00.a.1"), await later.isOpen("open", "00.a.2")]).toEqual([true, false]);
  await later.at("open", "00.a.1", inMs(-1), { key: "open" }, cause);
  await until("it is due", async () => (await waiting("due.tester.open.>")) === 1);
  expect(await later.isOpen("open", "00.a.1")).toBe(true);
  const { due, reaction } = taking(one, "open");
  await until("it is handled", async () => due.length === 1 && !(await later.isOpen("open", "00.a.1")));
  await reaction.stop();
});

test("what waits for its moment is listed by page, under its own tokens alone, also what is put meanwhile", async () => {
  const later = schedules(one.kernel);
  const keys = Array.from({ length: 1100 }, (_, n) => `00.listed.${n}`);
  await Promise.all(keys.map((key) => later.at("listed", key, inMs(3_600_000), { key }, cause)));
  await later.at("listed", "00.other.1", inMs(3_600_000), {}, cause);
  await later.at("unlisted", "00.listed.1", inMs(3_600_000), {}, cause);
  await later.at("listed", "00.listed.7", inMs(7_200_000), {}, cause);
  const pages: (readonly string[])[] = [];
  for await (const page of later.pending("listed", "00.listed")) {
    if (pages.length === 0) await later.at("listed", "00.listed.late", inMs(3_600_000), {}, cause);
    pages.push(page);
  }
  expect(pages.flat().toSorted()).toEqual([...keys, "00.listed.late"].toSorted());
  expect(Math.max(...pages.map(({ length }) => length))).toBeLessThanOrEqual(500);
  expect(await Array.fromAsync(later.pending("listed", "00.nobody"))).toEqual([]);
});

test("rule: a cancel at the instant loses nothing: each is cancelled or comes due", async () => {
  const later = schedules(one.kernel);
  const { due, reaction } = taking(one, "instant");
  const moment = inMs(1000);
  const names = Array.from({ length: 200 }, (_, n) => `00.a.${n}`);
  await Promise.all(names.map((key) => later.at("instant", key, moment, { key }, cause)));
  await new Promise((resume) => setTimeout(resume, moment.getTime() - Date.now() - 10)); // that is the moment, not luck
  const cancelled = new Set<string>();
  await Promise.all(names.map(async (key) => void ((await later.cancel("instant", key)) && cancelled.add(key))));
  await until("each is due or cancelled", () => due.length + cancelled.size >= names.length);
  const fired = due.map(({ key }) => String(key));
  // The server may fire what it purges in the same millisecond (2 of 200 once): whoever is due decides by the aggregate.
  expect(new Set([...fired, ...cancelled]).size).toBe(200);
  expect(await later.cancel("instant", "00.a.none")).toBe(false);
  await reaction.stop();
});

test("rule: a long wait is an event plus a schedule, so a thousand messages of one sick account starve nobody", async () => {
  const later = schedules(one.kernel);
  const { due, reaction } = taking(one, "again");
  let well = 0;
  const began = performance.now();
  const work = react(one.kernel, { ...dueOptions(one.kernel.service, "work"), codec: dueCodec, maxAckPending: 1000 }, async (message) => {
    const key = String(message.events[0]?.data["key"]);
    if (key.startsWith("well")) well++;
    else await later.at("again", `00.sick.${message.revision}`, inMs(2000), { key }, cause);
    return done;
  });
  const past = inMs(-1000);
  for (const account of ["sick", "well"]) {
    const count = account === "sick" ? 1000 : 10;
    await Promise.all(
      Array.from({ length: count }, (_, n) => later.at("work", `00.${account}.${n}`, past, { key: `${account}${n}` }, cause)),
    );
  }
  await until("the others are served", () => well === 10);
  expect(performance.now() - began).toBeLessThan(6000);
  await until("the sick have their turn later", () => due.length === 1000, 30_000);
  await Promise.all([work.stop(), reaction.stop()]);
});

test("a dead due message can be retried although its work queue has forgotten it", async () => {
  let mended = false;
  const handled: unknown[] = [];
  const reaction = react(one.kernel, { ...dueOptions("tester", "sour"), codec: dueCodec }, async (message) => {
    if (!mended) return impossible("not yet");
    handled.push([message.events[0]?.data["key"], message.correlation]);
    return done;
  });
  await schedules(one.kernel).at("sour", "00.a.1", inMs(-1), { key: "v" }, cause);
  const dead = deadLetters(one.kernel);
  await until("it is dead", async () => (await dead.list(10)).total === 1);
  const { letters } = await dead.list(10);
  mended = true;
  expect(await reaction.retry(letters[0]?.seq ?? 0)).toEqual(done);
  expect(handled).toEqual([["v", "story"]]);
  await reaction.stop();
});

test("a key that could touch other schedules is refused; a server that is away is an outage", async () => {
  const later = schedules(one.kernel);
  await expect(later.cancel("moment", "00.*.1")).rejects.toBeInstanceOf(TypeError);
  await expect(later.at("moment", ">", inMs(1), {}, cause)).rejects.toBeInstanceOf(TypeError);
  await expect(later.at("moment", "00.a.1", new Date(Number.NaN), {}, cause)).rejects.toBeInstanceOf(RangeError);
  await expect(later.cron("moment", "00.a.1", "not a cron", "Europe/Paris", {}, cause)).rejects.toThrow(/refused/);
  await using bare = await replica(all.server.url, "tester");
  await bare.kernel.nats.close();
  await expect(schedules(bare.kernel).at("moment", "00.a.1", inMs(1), {}, cause)).rejects.toBeInstanceOf(Unavailable);
  await expect(schedules(bare.kernel).cancel("moment", "00.a.1")).rejects.toBeInstanceOf(Unavailable);
  await expect(schedules(bare.kernel).isOpen("moment", "00.a.1")).rejects.toBeInstanceOf(Unavailable);
});
