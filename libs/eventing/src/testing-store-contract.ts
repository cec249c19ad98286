import { expect, test } from "vitest";
import type { EventStore } from "./store.ts";
import { added, append, at, soon, type TallyEvent } from "./testing-tally.ts";

/** What every EventStore promises. `open` gives an empty store; `subject` makes a subject that nobody has used. */
export const storeContract = (open: () => Promise<EventStore<TallyEvent>>, subject: () => string): void => {
  const stored = async (store: EventStore<TallyEvent>, on: string, count: number): Promise<number[]> => {
    const revisions: number[] = [];
    for (let n = 0; n < count; n++) {
      const appended = await store.append(on, append([added(`k${n}`)], revisions.at(-1) ?? 0), soon());
      revisions.push(appended.kind === "appended" ? appended.revision : Number.NaN);
    }
    return revisions;
  };

  test("gives back a decision as it was appended, with its cause", async () => {
    const [store, on] = [await open(), subject()];
    const cause = { correlation: "c", causation: "S:1", actor: "Zoé Ċ", traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` };
    const wanted = append([added("a"), added("b", 2)], 0, { ...cause, closing: 7 });
    const appended = await store.append(on, wanted, soon());
    const { expected: _, ...recorded } = wanted;
    expect(await store.read(on, 0, 10)).toMatchObject([{ ...recorded, revision: appended.kind === "appended" && appended.revision }]);
  });

  test("appends only what expects the subject's last revision", async () => {
    const [store, on] = [await open(), subject()];
    const [first = 0, second = 0] = await stored(store, on, 2);
    expect(second).toBeGreaterThan(first);
    expect((await store.append(on, append([added("stale")], first), soon())).kind).toBe("conflict");
    expect((await store.append(on, append([added("new")], 0), soon())).kind).toBe("conflict");
    expect(await store.tail(on, 0)).toHaveLength(2);
  });

  test("says how far the subject has moved", async () => {
    const [store, on] = [await open(), subject()];
    const [, last] = await stored(store, on, 2);
    expect(await store.append(on, append([added("x")], 0), soon())).toEqual({ kind: "conflict", found: last });
  });

  test("subjects do not stand in each other's way", async () => {
    const [store, a, b] = [await open(), subject(), subject()];
    await stored(store, a, 2);
    expect((await store.append(b, append([added("x")], 0), soon())).kind).toBe("appended");
    expect(await store.tail(b, 0)).toHaveLength(1);
  });

  test("the same execution told twice is one message, and both times its own", async () => {
    const [store, on] = [await open(), subject()];
    const once = append([added("x")], 0);
    const first = await store.append(on, once, soon());
    expect(await store.append(on, once, soon())).toEqual(first);
    expect(await store.tail(on, 0)).toHaveLength(1);
  });

  test("an execution finds its own message although others have moved on since", async () => {
    const [store, on] = [await open(), subject()];
    const mine = append([added("x")], 0);
    const first = await store.append(on, mine, soon());
    const revision = first.kind === "appended" ? first.revision : 0;
    await store.append(on, append([added("y")], revision), soon());
    expect(await store.append(on, mine, soon())).toEqual(first);
  });

  test("another execution of the same command is a conflict, never its own", async () => {
    const [store, on] = [await open(), subject()];
    const mine = append([added("x")], 0, { commandId: "same" });
    await store.append(on, mine, soon());
    expect((await store.append(on, { ...mine, executionId: crypto.randomUUID() }, soon())).kind).toBe("conflict");
  });

  test("reads in pages, from a revision on, oldest first", async () => {
    const [store, on] = [await open(), subject()];
    const revisions = await stored(store, on, 7);
    const page = await store.read(on, revisions[1] ?? 0, 3);
    expect(page.map(({ revision }) => revision)).toEqual(revisions.slice(2, 5));
    expect(await store.read(on, revisions[6] ?? 0, 3)).toEqual([]);
    expect(await store.read(subject(), 0, 3)).toEqual([]);
  });

  test("gives the whole tail, however long", async () => {
    const [store, on] = [await open(), subject()];
    const revisions = await stored(store, on, 20);
    expect((await store.tail(on, revisions[2] ?? 0)).map(({ revision }) => revision)).toEqual(revisions.slice(3));
    expect(await store.tail(on, revisions[19] ?? 0)).toEqual([]);
    expect(await store.tail(subject(), 0)).toEqual([]);
  });

  test("knows the last message, and one by its revision on its own subject only", async () => {
    const [store, on] = [await open(), subject()];
    expect(await store.last(on)).toBeUndefined();
    const [first = 0, last = 0] = await stored(store, on, 2);
    expect(await store.last(on)).toMatchObject({ revision: last, at });
    expect(await store.at(on, first)).toMatchObject({ revision: first, events: [added("k0")] });
    expect(await store.at(subject(), first)).toBeUndefined();
    expect(await store.at(on, last + 1000)).toBeUndefined();
  });

  test("of many writers with the same expectation one wins", async () => {
    const [store, on] = [await open(), subject()];
    const outcomes = await Promise.all(Array.from({ length: 8 }, (_, n) => store.append(on, append([added(`w${n}`)], 0), soon())));
    expect(outcomes.filter(({ kind }) => kind === "appended")).toHaveLength(1);
    expect(await store.tail(on, 0)).toHaveLength(1);
  });
};
