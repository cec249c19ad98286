import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { InvalidField } from "./problems.ts";
import { digestOf } from "./repeats.ts";

const shown = { fingerprint: (text: string) => text };
const asks = (body: unknown, more: object = {}) => digestOf({ method: "POST", url: "/v1/hunts", repeatable: true, body, ...more }, shown);

test("the same is asked, in whatever order its fields come", () => {
  expect(asks({ name: "Vans", criteria: { from: 1, to: 2 } })).toBe(asks({ criteria: { to: 2, from: 1 }, name: "Vans" }));
  expect(asks(Readable.from("a file"))).toBe(asks({}));
});

test("another address, method, value or order of a list is something else", () => {
  const all = [
    asks({ name: "Vans" }),
    asks({ name: "Vans" }, { url: "/v1/hunts?x=1" }),
    asks({ name: "Vans" }, { method: "PUT" }),
    ...[{ name: "Cars" }, { name: ["a", "b"] }, { name: ["b", "a"] }, { name: null }, {}].map((body) => asks(body)),
  ];
  expect(new Set(all).size).toBe(all.length);
});

/** `[[…]]`, as many levels. */
const nested = (levels: number): unknown => JSON.parse(`${"[".repeat(levels)}${"]".repeat(levels)}`);

test("a body is told by its digest up to fifty levels, and refused beyond, however deep", () => {
  expect(asks(nested(50))).not.toBe(asks(nested(49)));
  for (const deep of [nested(51), nested(100_000), { criteria: nested(50) }]) expect(() => asks(deep)).toThrow(InvalidField);
});

test("what only reads, or cannot come again, has no digest", () => {
  expect(asks({}, { method: "GET" })).toBeUndefined();
  expect(asks({}, { repeatable: false })).toBeUndefined();
});
