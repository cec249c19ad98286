import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { codecOf, defineEvent } from "./define.ts";
import { dataOf } from "./testing-arbitraries.ts";
import { codecOfOne, declaredEvents, listedEvents } from "./testing-declared.ts";

const at = "2026-11-21T09:00:00.000Z";
const bytes = (message: unknown): Uint8Array => new TextEncoder().encode(typeof message === "string" ? message : JSON.stringify(message));
const stored = (type: string, version: number, data: unknown): Uint8Array => bytes({ at, events: [{ type, version, data }] });

describe.each(declaredEvents.map((definition) => [definition.type, definition] as const))("%s", (type, definition) => {
  test("reads as it was written", () => {
    const codec = codecOfOne(definition);
    fc.assert(
      fc.property(dataOf(definition.schema), (data) => {
        expect(codec.decode(codec.encode(at, [{ type, data }]))).toEqual({ kind: "events", at, events: [{ type, data }] });
      }),
      { numRuns: 25 },
    );
  });
  test("stands in a list of events, so that a codec can write it", () => expect(listedEvents.has(definition)).toBe(true));
});

test("an event's name is used once", () => {
  const names = declaredEvents.map(({ type }) => type);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

// As it would look after two changes: a price in francs, then in cents, then with its currency.
const priced = defineEvent("TestPriced", 3, z.object({ cents: z.int(), currency: z.string().length(3) }), [
  { version: 1, upcast: ({ francs }: { francs: number }) => ({ cents: Math.round((francs / 6.55957) * 100) }) },
  { version: 2, upcast: ({ cents }: { cents: number }) => ({ cents, currency: "EUR" }) },
]);
const codec = codecOf([priced]);
const reads = (data: unknown) => ({ kind: "events", at, events: [{ type: "TestPriced", data }] });

test("every older version reads as today's, step by step", () => {
  expect(codec.decode(stored("TestPriced", 1, { francs: 655.957 }))).toEqual(reads({ cents: 10_000, currency: "EUR" }));
  expect(codec.decode(stored("TestPriced", 2, { cents: 250 }))).toEqual(reads({ cents: 250, currency: "EUR" }));
  expect(codec.decode(stored("TestPriced", 3, { cents: 1, currency: "USD" }))).toEqual(reads({ cents: 1, currency: "USD" }));
});

test("is written in today's version", () => {
  const message: unknown = JSON.parse(
    new TextDecoder().decode(codec.encode(at, [{ type: "TestPriced", data: { cents: 1, currency: "EUR" } }])),
  );
  expect(message).toEqual({ at, events: [{ type: "TestPriced", version: 3, data: { cents: 1, currency: "EUR" } }] });
});

test("a declaration that forgets a version is refused at once", () => {
  const upcast = (data: unknown) => data;
  for (const past of [
    [],
    [{ version: 2, upcast }],
    [
      { version: 2, upcast },
      { version: 1, upcast },
    ],
  ]) {
    expect(() => defineEvent("TestForgetful", 3, z.object({}), past)).toThrow(TypeError);
  }
  expect(() => codecOf([priced, priced])).toThrow(TypeError);
});

test("what a later release wrote is newer, and no more is guessed about it", () => {
  expect(codec.decode(stored("TestPriced", 4, { anything: true }))).toEqual({ kind: "newer", what: "TestPriced@4" });
  expect(codec.decode(stored("TestUnheardOf", 1, {}))).toEqual({ kind: "newer", what: "TestUnheardOf" });
});

test("what no release can have written is unreadable, and the reason names fields, never values", () => {
  const secret = "+33639980000";
  const unreadable = [
    "not json",
    "",
    "null",
    { at },
    { at, events: [{ type: "TestPriced", data: {} }] },
    { at, events: [{ type: "TestPriced", version: 0, data: { cents: 1 } }] },
    { at, events: [{ type: "TestPriced", version: 3, data: { cents: secret, currency: secret } }] },
    { at, events: [{ type: "TestPriced", version: 2, data: null }] },
  ];
  for (const message of unreadable) {
    const decoded = codec.decode(bytes(message));
    expect(decoded.kind).toBe("unreadable");
    expect(JSON.stringify(decoded)).not.toContain(secret);
  }
  expect(codec.decode(stored("TestPriced", 3, { cents: 1.5, currency: "EUR" }))).toMatchObject({
    reason: expect.stringContaining("cents"),
  });
  expect(codec.decode(stored("TestPriced", 0, {}))).toMatchObject({ reason: "there is no TestPriced@0" });
});

test("what could never be read again is not written, and what is not declared does not reach the disk", () => {
  const hidden = "+33639980000";
  const wrong = { cents: hidden, currency: "EUR" } as unknown as { cents: number; currency: string };
  expect(() => codec.encode(at, [{ type: "TestPriced", data: wrong }])).toThrow("event TestPriced does not fit its shape: cents");
  const more = { cents: 1, currency: "EUR", number: hidden };
  expect(new TextDecoder().decode(codec.encode(at, [{ type: "TestPriced", data: more }]))).not.toContain(hidden);
});
