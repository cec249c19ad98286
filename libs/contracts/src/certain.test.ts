import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { certainlyFits } from "./certain.ts";
import { dataOf } from "./testing-arbitraries.ts";
import { declaredEvents } from "./testing-declared.ts";

/** Something else in one place of the value, or one more or one less of something. */
const spoiled = (value: unknown): fc.Arbitrary<unknown> => {
  const other = fc.oneof(fc.constantFrom<unknown>(undefined, null, "", -1, 1.5, Number.NaN, true, {}, []), fc.string(), fc.integer());
  if (typeof value !== "object" || value === null) return other;
  const keys = Object.keys(value);
  const inside = keys.map((key) => spoiled(Reflect.get(value, key)).map((one) => Object.assign(structuredClone(value), { [key]: one })));
  const less = keys.map((key) => fc.constant(Object.fromEntries(Object.entries(value).filter(([name]) => name !== key))));
  return fc.oneof(other, fc.constant({ ...value, surplus: 1 }), ...inside, ...less);
};

describe.each(declaredEvents.map((definition) => [definition.type, definition] as const))("%s", (_type, { schema }) => {
  const fits = certainlyFits(schema);
  const agrees = (data: unknown): void => {
    if (fits?.(data) !== true) return;
    expect(schema.safeParse(data)).toEqual({ success: true, data });
  };
  test("what certainly fits is what its schema reads, and stays as it is", () => {
    fc.assert(fc.property(dataOf(schema), agrees), { numRuns: 50 });
    fc.assert(fc.property(dataOf(schema).chain(spoiled), agrees), { numRuns: 400 });
  });
  test.runIf(fits !== undefined)("what its schema gives back certainly fits", () => {
    fc.assert(
      fc.property(dataOf(schema), (data) => {
        expect(fits?.(JSON.parse(JSON.stringify(schema.parse(data))))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});

test("nearly every event has a quick judge, those of every contact above all", () => {
  const without = declaredEvents.filter(({ schema }) => certainlyFits(schema) === undefined).map(({ type }) => type);
  expect(without.length).toBeLessThan(declaredEvents.length / 4);
  for (const type of [
    "PageAllocated",
    "ContactRequested",
    "AttemptStarted",
    "ContactAccepted",
    "AttemptPermitted",
    "TurnsGiven",
    "AdListed",
  ]) {
    expect(without).not.toContain(type);
  }
});

test.each([
  ["a transformation", z.object({ at: z.string().transform((text) => text.length) })],
  ["a union", z.union([z.object({ a: z.int() }), z.object({ a: z.int(), b: z.int() })])],
  ["fields that it does not name", z.looseObject({ a: z.int() })],
  ["a rule on a choice", z.object({ a: z.enum(["x", "y"]).refine((one) => one !== "y") })],
  [
    "a rule on what may be missing",
    z.object({
      a: z
        .string()
        .optional()
        .refine((one) => one !== "y"),
    }),
  ],
  ["what is filled in although it may be missing", z.object({ a: z.string().default("x").optional() })],
  ["a rule over several fields", z.object({ a: z.int(), b: z.int() }).refine(({ a, b }) => a < b)],
])("%s is left to zod", (_what, schema) => expect(certainlyFits(schema)).toBeUndefined());

test("a rule of a single text is zod's, inside a quick judge", () => {
  const fits = certainlyFits(z.object({ even: z.string().refine((text) => text.length % 2 === 0), trimmed: z.string().trim() }));
  expect(fits?.({ even: "ab", trimmed: "a" })).toBe(true);
  expect(fits?.({ even: "abc", trimmed: "a" })).toBe(false);
  expect(fits?.({ even: "ab", trimmed: " a" })).toBe(false);
});
