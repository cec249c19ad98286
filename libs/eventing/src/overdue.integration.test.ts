import { Kvm } from "@nats-io/kv";
import { afterAll, beforeAll, expect, test } from "vitest";
import { aggregate } from "./aggregate.ts";
import type { OverdueOptions } from "./overdue.ts";
import { overdue } from "./overdue.ts";
import { kvPositions } from "./positions.ts";
import { ensureStream } from "./streams.ts";
import { append, at, codecOfRelease, soon, type TallyEvent, tally } from "./testing-tally.ts";
import { declared, leases, type Replica, until, type World, world } from "./testing-world.ts";

let all: World;
let one: Replica;
let two: Replica;
beforeAll(async () => {
  all = await world();
  [one, two] = [await all.replica(), await all.replica()];
  await new Kvm(one.kernel.js).create("positions");
});
afterAll(() => all[Symbol.asyncDispose]());

/** A tally waits for its moment until something was added for the key `end`; adding it is also its reaction. */
let streams = 0;
const bench = async () => {
  const stream = `O${++streams}`;
  await ensureStream(one.kernel.jsm, declared(stream));
  const { acquire } = leases();
  const reactions: string[] = [];
  const folded: string[] = [];
  const moments = new Map<string, number | undefined>();
  const open = async (on: Replica, more: Partial<OverdueOptions<TallyEvent>> = {}) => {
    const tallies = aggregate(on.store(stream), tally);
    return overdue<TallyEvent>(on.kernel, {
      ...{ name: stream, stream, filters: [`${stream.toLowerCase()}.>`], codec: codecOfRelease(1), acquire },
      ...{ everyMs: 100, lateMs: 50, lookBackMs: 3_600_000 },
      positions: kvPositions(await new Kvm(on.kernel.js).open("positions"), stream),
      stance: (event) => (event.type !== "Added" || event.data.key === "note" ? undefined : event.data.key === "end" ? "ended" : "waits"),
      nextMoment: async ({ subject, storedMs }) => {
        folded.push(subject);
        const { state } = await tallies.fold(subject);
        return state.has("end") ? undefined : moments.has(subject) ? moments.get(subject) : storedMs;
      },
      react: async ({ subject }) => {
        reactions.push(subject);
        await tallies.execute(subject, { type: "AddOnce", key: "end", n: 1 }, { commandId: crypto.randomUUID(), at });
      },
      ...more,
    });
  };
  const writer = aggregate(one.store(stream), tally, { creates: true });
  const add = async (id: string | number, key: string): Promise<string> => {
    const subject = `${stream.toLowerCase()}.${id}`;
    await writer.execute(subject, { type: "Add", key, n: 1 }, { commandId: crypto.randomUUID(), at });
    return subject;
  };
  const stored = async () => (await (await new Kvm(one.kernel.js).open("positions")).get(stream))?.json<{ seq: number }>().seq;
  const last = async () => (await one.kernel.jsm.streams.info(stream)).state.last_seq;
  return { stream, open, add, reactions, folded, moments, stored, last };
};

test("what is past its moment reacts once, what has ended is not even folded, and what is to come waits", async () => {
  const { open, add, reactions, folded, moments, stored, last } = await bench();
  const [late, ended, later] = [await add(1, "begin"), await add(2, "begin"), await add(3, "begin")];
  await add(1, "note");
  await add(2, "end");
  moments.set(later, Date.now() + 3_600_000);
  const look = await open(one);
  await until("the late one reacted and everything before the waiting one is settled", async () => (await stored()) === 2);
  expect(reactions).toEqual([late]);
  expect(folded).not.toContain(ended);
  moments.set(later, Date.now() - 3_600_000);
  const again = await open(two); // another replica remembers nothing and finds it in the stream
  await until("its moment is past", () => reactions.includes(later));
  await until("all is settled", async () => (await stored()) === (await last()));
  expect(reactions.filter((each) => each === later)).toHaveLength(1);
  await Promise.all([look.stop(), again.stop()]);
});

test("two replicas look one at a time, and each overdue one reacts once", async () => {
  const { open, add, reactions, stored, last } = await bench();
  for (let id = 0; id < 200; id++) await add(id, "begin");
  const looks = await Promise.all([open(one), open(two), open(one), open(two)]);
  await until("all of them ended", async () => reactions.length >= 200 && (await stored()) === (await last()));
  expect(new Set(reactions).size).toBe(200);
  expect(reactions).toHaveLength(200);
  await Promise.all(looks.map((look) => look.stop()));
});

test("more than are remembered are found again in the stream, and none is forgotten", async () => {
  const { open, add, reactions, moments, stored, last } = await bench();
  const subjects: string[] = [];
  for (let id = 0; id < 60; id++) subjects.push(await add(id, "begin"));
  for (const subject of subjects) moments.set(subject, Date.now() + 3_600_000);
  const look = await open(one, { remembered: 20 });
  await until("they were looked at", async () => (await stored()) === 0);
  expect(reactions).toEqual([]);
  for (const subject of subjects) moments.set(subject, 0);
  await until("all of them ended", async () => (await stored()) === (await last()));
  expect(reactions.toSorted()).toEqual(subjects.toSorted());
  await look.stop();
});

test("one that does not move for it reacts again after twice as long each time, and one that fails holds up no other", async () => {
  const { open, add, folded } = await bench();
  const [stuck, sick] = [await add(1, "begin"), await add(2, "begin")];
  const reacted: { readonly subject: string; readonly at: number }[] = [];
  const look = await open(one, {
    react: async ({ subject }) => {
      reacted.push({ subject, at: performance.now() });
      if (subject === sick) throw new Error("sick");
    },
  });
  await until("it reacted four times", () => reacted.filter(({ subject }) => subject === stuck).length === 4);
  await look.stop();
  const times = reacted.filter(({ subject }) => subject === stuck).map((each) => each.at);
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  expect(gaps[1]).toBeGreaterThan(240); // 2.5 periods after the second, 6.5 after the third
  expect(gaps[2]).toBeGreaterThan(640);
  expect(reacted.some(({ subject }) => subject === sick)).toBe(true);
  expect(folded.length).toBeLessThan(20);
  expect(one.logged).toContainEqual(expect.objectContaining({ level: "error", message: "an overdue aggregate could not react" }));
});

test("what waited longer than the look back is given up; what moved just now is not looked at", async () => {
  const { open, add, reactions, folded, stored, last } = await bench();
  await add(1, "begin");
  await new Promise((resume) => setTimeout(resume, 60)); // older than the look back below
  const look = await open(one, { lookBackMs: 1, lateMs: 1 });
  await until("it is given up", async () => (await stored()) === (await last()));
  await look.stop();
  const fresh = await open(two, { lateMs: 3_600_000 });
  await add(2, "begin");
  await until("the fresh one is held back", async () => (await stored()) === 1);
  await fresh.stop();
  expect([reactions, folded]).toEqual([[], []]);
});

test("a message of a newer release is left to a newer replica; a position of another stream is not trusted", async () => {
  const { stream, open, add, reactions, stored } = await bench();
  const newer = one.store(stream, codecOfRelease(2));
  await newer.append(`${stream.toLowerCase()}.9`, append([{ type: "Added", data: { key: "begin", n: 1 } }]), soon());
  const late = await add(1, "begin");
  const look = await open(one);
  await until("the other one reacted", () => reactions.includes(late));
  await until("the newer message is not passed", async () => (await stored()) === 0);
  await look.stop();
  await one.kernel.jsm.streams.delete(stream);
  await ensureStream(one.kernel.jsm, declared(stream));
  const after = await add(7, "begin");
  const again = await open(two);
  await until("the stream that was made anew is read", () => reactions.includes(after));
  await again.stop();
});
