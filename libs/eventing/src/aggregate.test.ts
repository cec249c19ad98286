import { expect, test } from "vitest";
import { aggregate } from "./aggregate.ts";
import { withDigest, withoutDigest } from "./command-id.ts";
import { CommandReused, Unavailable } from "./errors.ts";
import { memoryStore } from "./memory-store.ts";
import type { EventStore } from "./store.ts";
import { added, append, at, closingTally, soon, type TallyEvent, tally, total } from "./testing-tally.ts";

const add = (key: string, n = 1) => ({ type: "Add", key, n }) as const;
const asked = (commandId: string) => ({ commandId, at });
const kinds = (store: ReturnType<typeof memoryStore<TallyEvent>>) =>
  store.messages().flatMap(({ events }) => events.map(({ type }) => type));

/** Counts what is asked of the store. */
const counted = (store: EventStore<TallyEvent>) => {
  const calls = { read: 0, tail: 0, last: 0, at: 0, append: 0 };
  const counting = new Proxy(store, {
    get: (target, name: keyof EventStore<TallyEvent>) => {
      if (name !== "stream") calls[name]++;
      return target[name];
    },
  });
  return { calls, store: counting };
};

test("a command is carried out once, however often it is repeated, also by another process", async () => {
  const store = memoryStore<TallyEvent>();
  const [here, there] = [aggregate(store, tally), aggregate(store, tally)];
  const first = await here.execute("t.1", add("a", 3), asked("c1"));
  const again = await here.execute("t.1", add("a", 3), asked("c1"));
  const elsewhere = await there.execute("t.1", add("a", 3), asked("c1"));
  expect([first.kind, again.kind, elsewhere.kind]).toEqual(["appended", "already", "already"]);
  expect(again).toMatchObject({ revision: first.revision, events: [{ type: "Added" }] });
  expect(elsewhere).toMatchObject({ revision: first.revision, events: [{ type: "Added" }] });
  expect(store.messages()).toHaveLength(1);
});

test("a command's id that was chosen for something else before is refused, in whatever process and beyond closing events", async () => {
  const store = memoryStore<TallyEvent>();
  const one = withDigest("mine", "x".repeat(22));
  const other = withDigest("mine", "y".repeat(22));
  const [here, there] = [aggregate(store, closingTally, { closeEvery: 3 }), aggregate(store, closingTally)];
  await there.fold("t.1");
  // Both at the same moment: one is stored, and the other one finds it by the conflict.
  const both = await Promise.allSettled([here.execute("t.1", add("a"), asked(one)), there.execute("t.1", add("b"), asked(other))]);
  expect(both).toMatchObject([{ status: "fulfilled", value: { kind: "appended" } }, { reason: { name: "CommandReused" } }]);
  for (let n = 0; n < 5; n++) await here.execute("t.1", add("c"), asked(withDigest(`c${n}`, "x".repeat(22))));
  expect(kinds(store)).toContain("TallyClosed");
  here.forget();
  expect(await here.execute("t.1", add("a"), asked(one))).toMatchObject({ kind: "already", revision: 1 });
  await expect(here.execute("t.1", add("b"), asked(other))).rejects.toThrow(CommandReused);
  expect(await here.execute("t.2", add("b"), asked(other))).toMatchObject({ kind: "appended" }); // another aggregate's business
});

test("a refused id leaves the fold where it was", async () => {
  const { calls, store } = counted(memoryStore<TallyEvent>());
  const tallies = aggregate(store, tally);
  await tallies.execute("t.1", add("a"), asked(withDigest("mine", "x".repeat(22))));
  const before = { ...calls };
  for (let n = 0; n < 2; n++)
    await expect(tallies.execute("t.1", add("b"), asked(withDigest("mine", "y".repeat(22))))).rejects.toThrow(CommandReused);
  expect(calls).toEqual(before);
});

test.each([
  ["with a digest is the one that a release without digests has stored", "mine", withDigest("mine", "x".repeat(22))],
  ["without one, by such a release, is the one that was stored with a digest", withDigest("mine", "x".repeat(22)), "mine"],
])("an id %s, and is answered as it was, also beyond closing events", async (_what, stored, again) => {
  const store = memoryStore<TallyEvent>();
  const tallies = aggregate(store, closingTally, { closeEvery: 3 });
  await tallies.execute("t.1", add("a"), asked(stored));
  const answer = { kind: "already", revision: 1, events: [{ type: "Added", data: { key: "a" } }] };
  expect(await tallies.execute("t.1", add("a"), asked(again))).toMatchObject(answer);
  for (let n = 0; n < 5; n++) await tallies.execute("t.1", add("c"), asked(`c${n}`));
  tallies.forget();
  expect(await tallies.execute("t.1", add("a"), asked(again))).toMatchObject(answer);
  for (let n = 5; n < 260; n++) await tallies.execute("t.1", add("c"), asked(`c${n}`));
  expect(await tallies.execute("t.1", add("a"), asked(again))).toMatchObject({ kind: "appended" }); // remembered no longer
});

test("what was chosen is the id without its digest", () => {
  expect(withoutDigest(withDigest("mine", "x".repeat(22)))).toBe("mine");
  expect(withoutDigest("SMS:12:settle")).toBe("SMS:12:settle");
});

test("executions on one subject run one after another, and a failed one stops none", async () => {
  const store = memoryStore<TallyEvent>();
  const { calls, store: counting } = counted(store);
  const tallies = aggregate(counting, tally);
  const late = tallies.execute("t.1", add("late"), { ...asked("late"), deadline: performance.now() - 1 });
  const outcomes = Promise.all(Array.from({ length: 20 }, (_, n) => tallies.execute("t.1", add(`k${n}`), asked(`c${n}`))));
  await expect(late).rejects.toThrow("deadline");
  expect((await outcomes).every(({ kind }) => kind === "appended")).toBe(true);
  expect(calls.append).toBe(20); // nobody stood in anybody's way
});

test("no answer without an append comes from an old fold", async () => {
  const store = memoryStore<TallyEvent>();
  const [here, there] = [aggregate(store, tally), aggregate(store, tally)];
  await here.execute("t.1", add("a", 600_000), asked("c1"));
  await there.execute("t.1", { type: "AddOnce", key: "b", n: 1 }, asked("c2"));
  const already = await here.execute("t.1", { type: "AddOnce", key: "b", n: 1 }, asked("c3"));
  expect(already).toMatchObject({ kind: "already", revision: 2 });
  await there.execute("t.1", add("c", 399_999), asked("c4"));
  expect(await here.execute("t.1", add("d", 1), asked("c5"))).toMatchObject({ kind: "refused", refusal: "full", revision: 3 });
});

test("a repeated command is answered with the newest state, though this process has not seen what others did since", async () => {
  const store = memoryStore<TallyEvent>();
  const [here, there] = [aggregate(store, tally), aggregate(store, tally)];
  await here.execute("t.1", add("a", 3), asked("c1"));
  await there.execute("t.1", add("b", 4), asked("c2"));
  const again = await here.execute("t.1", add("a", 3), asked("c1"));
  expect(again).toMatchObject({ kind: "already", revision: 1, events: [{ data: { key: "a" } }] });
  expect(total(again.state)).toBe(7);
});

test("an old fold that would refuse is read on before it answers", async () => {
  const store = memoryStore<TallyEvent>();
  const [here, there] = [aggregate(store, tally), aggregate(store, tally)];
  await here.execute("t.1", add("a", 600_000), asked("c1"));
  await there.execute("t.1", add("a", -500_000), asked("c2"));
  // By the fold of here there is no room for it.
  expect((await here.execute("t.1", add("b", 700_000), asked("c3"))).kind).toBe("appended");
});

test("a conflict that never ends is given up at the deadline", async () => {
  const store = memoryStore<TallyEvent>();
  const hopeless: EventStore<TallyEvent> = { ...store, append: async () => ({ kind: "conflict", found: 0 }) };
  const late = { ...asked("c1"), deadline: performance.now() + 50 };
  await expect(aggregate(hopeless, tally).execute("t.1", add("a"), late)).rejects.toThrow(Unavailable);
});

test("a fold that broke in the middle of a message is read anew, and counts nothing twice", async () => {
  const store = memoryStore<TallyEvent>();
  let breaks = false;
  const brittle: typeof tally = {
    ...tally,
    evolve: (state, event, when) => {
      if (breaks && event.type === "Added" && event.data.key === "brittle") throw new Error("a bug");
      return tally.evolve(state, event, when);
    },
  };
  const here = aggregate(store, brittle);
  await here.execute("t.1", add("a"), asked("c1"));
  const [one, two] = [added("b", 2), added("brittle")];
  await store.append("t.1", append([one, two], 1), soon());
  breaks = true;
  await expect(here.execute("t.1", add("c"), asked("c2"))).rejects.toThrow("a bug");
  breaks = false;
  expect([...(await here.execute("t.1", add("c"), asked("c2"))).state]).toEqual([["a", 1], ["b", 2], ["brittle", 1], ["c", 1]]); // biome-ignore format: one line
});

test("a fold that is not to be kept takes no other's place in the cache, and uses what is there", async () => {
  const { calls, store } = counted(memoryStore<TallyEvent>());
  await aggregate(store, tally).execute("t.2", add("a"), asked("c0"));
  const tallies = aggregate(store, tally, { cache: 1 });
  await tallies.execute("t.1", add("a"), asked("c1"));
  const passing = await tallies.fold("t.2", { fresh: false, keep: false });
  expect(passing.revision).toBeGreaterThan(0);
  const before = { ...calls };
  await tallies.fold("t.1", { fresh: false, keep: false });
  expect(calls).toEqual(before);
});

test("a creation reads nothing first, and finds what is there by the conflict", async () => {
  const store = memoryStore<TallyEvent>();
  const { calls, store: counting } = counted(store);
  const creating = aggregate(counting, tally, { creates: true, cache: 1 });
  await creating.execute("t.1", add("a"), asked("c1"));
  expect(calls).toEqual({ read: 0, tail: 0, last: 0, at: 0, append: 1 });
  await creating.execute("t.2", add("a"), asked("c2")); // evicts the fold of t.1
  const second = await creating.execute("t.1", add("b"), asked("c3"));
  expect([...second.state]).toEqual([["a", 1], ["b", 1]]); // biome-ignore format: one line
  creating.forget();
  expect(await creating.execute("t.1", add("a"), asked("c1"))).toMatchObject({ kind: "already", revision: 1 });
  creating.forget();
  expect((await creating.execute("t.1", { type: "AddOnce", key: "b", n: 1 }, asked("c4"))).kind).toBe("already");
  expect(store.messages()).toHaveLength(3);
});

test("one command may be a creation, although others of its aggregate are not", async () => {
  const { calls, store } = counted(memoryStore<TallyEvent>());
  const tallies = aggregate(store, tally);
  await tallies.execute("t.1", add("a"), { ...asked("c1"), creates: true });
  expect(calls.read).toBe(0);
});

test("every so many messages a closing event travels along, and later folds begin there", async () => {
  const memory = memoryStore<TallyEvent>();
  const { calls, store } = counted(memory);
  const tallies = aggregate(store, closingTally, { closeEvery: 10 });
  for (let n = 0; n < 35; n++) await tallies.execute("t.1", add(`k${n}`, n), asked(`c${n}`));
  expect(kinds(memory).filter((type) => type === "TallyClosed")).toHaveLength(3);
  const live = await tallies.fold("t.1");
  const state = new Map(live.state);
  tallies.forget();
  Object.assign(calls, { read: 0, at: 0 });
  const fresh = await tallies.fold("t.1");
  expect(fresh.state).toEqual(state);
  expect(fresh.revision).toBe(live.revision);
  expect(calls).toMatchObject({ read: 2, at: 1 }); // the first page, the closing event, and what came after it
  const read = await store.read("t.1", 0, 100);
  expect(read.at(-1)?.closing).toBe(33);
});

test("a command from before a closing event is answered as it was, without the closing event", async () => {
  const store = memoryStore<TallyEvent>();
  const tallies = aggregate(store, closingTally, { closeEvery: 3 });
  for (let n = 0; n < 8; n++) await tallies.execute("t.1", add(`k${n}`), asked(`c${n}`));
  for (const forget of [false, true]) {
    for (let n = 0; n < 8; n++) {
      if (forget) tallies.forget();
      const again = await tallies.execute("t.1", add(`k${n}`), asked(`c${n}`));
      expect(again).toMatchObject({ kind: "already", revision: n + 1, events: [{ type: "Added", data: { key: `k${n}` } }] });
      expect(again.kind !== "refused" && again.events).toHaveLength(1);
    }
  }
});

test("a long aggregate that was taken for new is read from its closing event on", async () => {
  const memory = memoryStore<TallyEvent>();
  const { calls, store } = counted(memory);
  const tallies = aggregate(store, closingTally, { closeEvery: 10, creates: true });
  for (let n = 0; n < 25; n++) await tallies.execute("t.1", add(`k${n}`), asked(`c${n}`));
  tallies.forget();
  Object.assign(calls, { last: 0 });
  expect(total((await tallies.execute("t.1", add("x"), asked("x"))).state)).toBe(26);
  expect(calls.last).toBe(1);
});

test("a state too large for a closing event stays open, and is not copied for every message", async () => {
  const store = memoryStore<TallyEvent>();
  let made = 0;
  const heavy: typeof closingTally = {
    ...closingTally,
    closing: {
      commands: () => undefined,
      event: (state, commands) => {
        made++;
        return { type: "TallyClosed", data: { state: [...state, ["x".repeat(250_000), 0]], commands } };
      },
    },
  };
  const tallies = aggregate(store, heavy, { closeEvery: 20 });
  for (let n = 0; n < 40; n++) await tallies.execute("t.1", add(`k${n}`), asked(`c${n}`));
  expect(kinds(store)).not.toContain("TallyClosed");
  expect(made).toBe(10);
});

test("history tells the state after each message, from closing events too", async () => {
  const store = memoryStore<TallyEvent>();
  const tallies = aggregate(store, closingTally, { closeEvery: 2 });
  for (let n = 1; n <= 6; n++) await tallies.execute("t.1", add("a"), asked(`c${n}`));
  const steps = await tallies.history("t.1", 2, 3);
  expect(steps.map(({ recorded, state }) => [recorded.revision, state.get("a")])).toEqual([[3, 3], [4, 4], [5, 5]]); // biome-ignore format: one line
});

test("recent tells the last messages of many, without what a closing event repeats", async () => {
  const store = memoryStore<TallyEvent>();
  const tallies = aggregate(store, closingTally, { closeEvery: 100 });
  for (let n = 1; n <= 600; n++) await tallies.execute("t.1", add("a"), asked(`c${n}`));
  expect((await tallies.recent("t.1", 3)).map(({ revision, events }) => [revision, events.length])).toEqual([
    [598, 1],
    [599, 1],
    [600, 1],
  ]);
  expect(await tallies.recent("t.1", 1000)).toHaveLength(600);
  expect(await tallies.recent("t.2", 10)).toEqual([]);
});
