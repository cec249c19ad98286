import { heldAlone, memoryDocuments } from "@outrider/eventing";
import { expect, test } from "vitest";
import { knowingIds, type Most } from "./known-ids.ts";

const setUp = (before: readonly string[], most?: Most) => {
  const stored = memoryDocuments<{ n: number }>();
  const asked: string[] = [];
  const counted = {
    ...stored,
    load: (ids: readonly string[]) => {
      asked.push(...ids);
      return stored.load(ids);
    },
  };
  const existing = {
    count: async () => before.length,
    ids: async function* () {
      yield* before;
    },
  };
  return { stored, asked, documents: knowingIds(counted, existing, most) };
};
const many = Array.from({ length: 10_000 }, (_, index) => `garage.contact-${index}`);

test("asks for what was there before and for what it has written, and hardly for anything else", async () => {
  const { documents, asked, stored } = setUp(many);
  await stored.write(new Map([["garage.contact-7", { n: 7 }]]), heldAlone(1));
  expect(await documents.load(["garage.contact-7", "garage.new"])).toEqual(new Map([["garage.contact-7", { n: 7 }]]));
  expect(asked).toEqual(["garage.contact-7"]);
  await documents.write(new Map([["garage.new", { n: 1 }]]), heldAlone(1));
  expect(await documents.load(["garage.new"])).toEqual(new Map([["garage.new", { n: 1 }]]));
  asked.length = 0;
  await documents.load(many);
  expect(asked).toHaveLength(many.length);
  asked.length = 0;
  await documents.load(many.map((id) => `${id}-absent`));
  expect(asked.length).toBeLessThan(many.length / 100);
});

test("knows as well when it has grown many times over what it began with", async () => {
  const { documents, asked } = setUp([]);
  await documents.load(["garage.first"]);
  const written = Array.from({ length: 60_000 }, (_, index) => `garage.${index}`);
  for (let from = 0; from < written.length; from += 10_000) {
    await documents.write(new Map(written.slice(from, from + 10_000).map((id) => [id, { n: from }])), heldAlone(1));
  }
  await documents.load(written);
  expect(asked).toHaveLength(written.length);
  asked.length = 0;
  await documents.load(written.map((id) => `${id}-absent`));
  expect(asked.length).toBeLessThan(written.length / 100);
});

test("asks for everything when too much is there to know", async () => {
  const { documents, asked } = setUp(many, { read: 100, known: 100 });
  await documents.load(["garage.new"]);
  expect(asked).toEqual(["garage.new"]);
});

test("asks for everything, and misses nothing, once it has grown beyond what it may remember", async () => {
  const { documents, asked } = setUp([], { read: 100, known: 5_000 });
  await documents.load(["garage.first"]);
  const written = new Map(many.map((id) => [id, { n: 1 }]));
  await documents.write(new Map([...written].slice(0, 4_000)), heldAlone(1));
  asked.length = 0;
  await documents.load(["garage.absent"]);
  expect(asked).toEqual([]);
  await documents.write(new Map([...written].slice(4_000)), heldAlone(1));
  expect((await documents.load(many)).size).toBe(many.length);
  asked.length = 0;
  await documents.load(["garage.absent"]);
  expect(asked).toEqual(["garage.absent"]);
});
