import fc from "fast-check";
import { expect, test } from "vitest";
import type { Followed } from "./follow.ts";
import { type Held, heldAlone } from "./lease.ts";
import { type Documents, memoryDocuments, projection, type View } from "./project.ts";
import { added, at, type TallyEvent } from "./testing-tally.ts";

interface Sum {
  readonly seq: number;
  readonly keys: readonly string[];
}

/** All events of a message change a document together, and its `seq` then says that they are in: reading them again changes nothing. */
const view: View<Sum, TallyEvent> = {
  ...{ name: "sums", version: 1 },
  changes: (event, message) =>
    event !== message.events[0]
      ? []
      : [{ id: message.subject, fold: (before) => (message.revision <= (before?.seq ?? 0) ? before : folded(before, message)) }],
};
const folded = (before: Sum | undefined, { events, revision }: Followed<TallyEvent>): Sum | undefined => {
  const keys = [...(before?.keys ?? []), ...events.flatMap((event) => (event.type === "Added" ? [event.data.key] : []))];
  return { seq: revision, keys };
};

const messages: fc.Arbitrary<readonly Followed<TallyEvent>[]> = fc
  .array(
    fc.record({
      subject: fc.constantFrom("a", "b", "c", "d"),
      keys: fc.array(fc.constantFrom("x", "y", "z"), { minLength: 1, maxLength: 3 }),
    }),
  )
  .map((list) =>
    list.map(({ subject, keys }, index) => ({
      ...{ subject, stream: "S", events: keys.map((key) => added(key)), revision: (index + 1) * 3, at },
      ...{ commandId: `c${index}`, executionId: `e${index}`, expected: 0, closing: 0 },
    })),
  );

type Step =
  | { readonly kind: "batch"; readonly size: number; readonly ends: "well" | "before the position is saved" | "in the middle of the write" }
  /** The reader starts anew, with or without what it kept in memory being void. */
  | { readonly kind: "restart" }
  /** Another reader takes over; the one before was paused with a batch in hand. */
  | { readonly kind: "successor"; readonly heldBatch: number }
  /** The paused one wakes up and writes what it held. */
  | { readonly kind: "old one wakes" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("batch" as const),
      size: fc.integer({ min: 1, max: 6 }),
      ends: fc.constantFrom("well", "well", "before the position is saved", "in the middle of the write"),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("successor" as const), heldBatch: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "old one wakes" as const }) },
);

/** Writes only some of the documents, then breaks, as an unordered bulk does. */
const breaking = (documents: Documents<Sum>): Documents<Sum> & { breakNext: boolean } => {
  const self = {
    ...documents,
    breakNext: false,
    write: async (changed: ReadonlyMap<string, Sum | undefined>, lease: Held) => {
      if (!self.breakNext) return documents.write(changed, lease);
      self.breakNext = false;
      await documents.write(new Map([...changed].filter((_, index) => index % 2 === 1)), lease);
      throw new Error("broke in the middle");
    },
  };
  return self;
};

const play = async (stream: readonly Followed<TallyEvent>[], steps: readonly Step[], cache: number) => {
  const stored = memoryDocuments<Sum>();
  const store = breaking(stored);
  let [position, epoch, refusals, wakes] = [0, 1, 0, 0];
  let reader = projection(view, store, { cache });
  let old: { readonly wake: () => Promise<void> } | undefined;
  const next = (size: number) => stream.filter(({ revision }) => revision > position).slice(0, size);
  const batch = async (size: number, ends: Extract<Step, { kind: "batch" }>["ends"]): Promise<void> => {
    const taken = next(size);
    store.breakNext = ends === "in the middle of the write" && taken.length > 0;
    try {
      await reader.apply(taken, heldAlone(epoch));
      if (ends === "well") position = taken.at(-1)?.revision ?? position;
      else reader.forget(); // as the follower does when it starts again from its position
    } catch {
      reader.forget();
    }
  };
  for (const each of steps) {
    if (each.kind === "batch") await batch(each.size, each.ends);
    else if (each.kind === "restart") reader.forget();
    else if (each.kind === "successor") {
      const [held, from, by] = [next(each.heldBatch), reader, epoch];
      old = held.length === 0 ? undefined : { wake: () => from.apply(held, heldAlone(by)) };
      epoch++;
      reader = projection(view, store, { cache });
      await batch(1, "well"); // its first write tells the documents of the new epoch
    } else if (old !== undefined && stored.epoch() === epoch) {
      wakes++;
      await old.wake().then(
        () => undefined,
        () => refusals++,
      );
    }
  }
  while (next(1).length > 0) await batch(3, "well");
  return { documents: stored.all, refusals, wakes };
};

test("any split into batches, restart, break and change of reader gives the documents of one clean pass", async () => {
  await fc.assert(
    fc.asyncProperty(messages, fc.array(step, { maxLength: 30 }), fc.integer({ min: 0, max: 3 }), async (stream, steps, cache) => {
      const clean = memoryDocuments<Sum>();
      await projection(view, clean).apply(stream, heldAlone(1));
      const { documents, refusals, wakes } = await play(stream, steps, cache);
      expect(documents).toEqual(clean.all);
      expect(refusals).toBe(wakes); // whoever had been overtaken wrote nothing
    }),
    { numRuns: 500 },
  );
});

test("a lower epoch never overwrites", async () => {
  const documents = memoryDocuments<number>();
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(5), fc.nat(100)), { minLength: 1 }), async (writes) => {
      let highest = documents.epoch();
      for (const [lead, value] of writes) {
        const epoch = Math.max(0, highest + lead - 3);
        const before = documents.all.get("d");
        const write = documents.write(new Map([["d", value]]), heldAlone(epoch));
        if (epoch < highest) await expect(write).rejects.toThrow("came after");
        else await write;
        expect(documents.all.get("d")).toBe(epoch < highest ? before : value);
        highest = Math.max(highest, epoch);
      }
    }),
  );
});

test("the most recent documents are kept, so many and no more: others are loaded again", async () => {
  const documents = memoryDocuments<Sum>();
  const loaded: string[][] = [];
  const load: Documents<Sum>["load"] = (ids) => {
    loaded.push([...ids].toSorted());
    return documents.load(ids);
  };
  const counting: Documents<Sum> = { ...documents, load };
  const into = projection(view, counting, { cache: 2 });
  const message = (subject: string, revision: number): Followed<TallyEvent> => ({
    ...{ subject, stream: "S", events: [added("x")], revision, at },
    ...{ commandId: `c${revision}`, executionId: `e${revision}`, expected: 0, closing: 0 },
  });
  await into.apply(
    ["a", "b", "c", "d"].map((subject, index) => message(subject, index + 1)),
    heldAlone(1),
  );
  await into.apply(
    ["d", "c"].map((subject, index) => message(subject, index + 5)),
    heldAlone(1),
  );
  await into.apply(
    ["a", "c"].map((subject, index) => message(subject, index + 7)),
    heldAlone(1),
  );
  expect(loaded).toEqual([["a", "b", "c", "d"], ["a"]]);
  expect(documents.all.get("a")).toEqual({ seq: 7, keys: ["x", "x"] });
});

test("what was loaded before its reader lost the lease is not written: another one has made more of it since", async () => {
  const documents = memoryDocuments<Sum>();
  const lost = new AbortController();
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  const slow: Documents<Sum> = { load: (ids) => answered.then(() => documents.load(ids)), write: documents.write };
  const message = {
    ...{ subject: "a", stream: "S", events: [added("x")], revision: 1, at },
    ...{ commandId: "c1", executionId: "e1", expected: 0, closing: 0 },
  };
  const applied = projection(view, slow).apply([message], { epoch: 1, lost: lost.signal });
  lost.abort();
  answer();
  await expect(applied).rejects.toThrow("the lease of epoch 1 is lost");
  expect(documents.all).toEqual(new Map());
});
