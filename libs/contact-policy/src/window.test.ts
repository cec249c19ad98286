import fc from "fast-check";
import { expect, test } from "vitest";
import { gate } from "./gate.ts";
import type { NumberFacts } from "./types.ts";
import { lawfulWeekdays, lawfulWindow } from "./window.ts";

const prospecting = { channel: "sms", purpose: "prospecting" } as const;
const paris: NumberFacts = { country: "FR", lineType: "mobile", zones: ["Europe/Paris"], fiction: false };
const windowOf = (now: string, number = paris, request: Parameters<typeof lawfulWindow>[0] = prospecting) =>
  lawfulWindow(request, number, now);

test("a working day in France is open from eight to eight, winter and summer, whatever the hour is now", () => {
  const winter = { from: "2026-11-20T07:00:00.000Z", to: "2026-11-20T19:00:00.000Z" };
  for (const hour of ["03:00", "10:00", "22:30"]) expect(windowOf(`2026-11-20T${hour}:00.000Z`)).toEqual(winter);
  expect(windowOf("2026-07-03T10:00:00.000Z")).toEqual({ from: "2026-07-03T06:00:00.000Z", to: "2026-07-03T18:00:00.000Z" });
});

test("there is none on a Sunday, on a public holiday, without a pack, and for a purpose without hours", () => {
  expect(windowOf("2026-11-22T10:00:00.000Z")).toBeUndefined();
  expect(windowOf("2026-11-11T10:00:00.000Z")).toBeUndefined();
  expect(windowOf("2026-11-20T10:00:00.000Z", { ...paris, country: "ZZ" })).toBeUndefined();
  expect(windowOf("2026-11-20T10:00:00.000Z", paris, { channel: "sms", purpose: "service" })).toBeUndefined();
});

test("inside it the gate never finds the hour unlawful, and right outside it does", () => {
  const request = { ...prospecting, legalBasis: "consent", contact: "c" } as const;
  const numbers: readonly NumberFacts[] = [paris, { ...paris, country: "US", zones: ["America/New_York", "America/Los_Angeles"] }];
  fc.assert(
    fc.property(fc.constantFrom(...numbers), fc.integer({ min: 0, max: 500 }), fc.nat(1000), (number, day, share) => {
      const at = new Date(Date.parse("2026-01-01T12:00:00Z") + day * 86_400_000).toISOString();
      const window = windowOf(at, number);
      if (window === undefined) return;
      const [from, to] = [Date.parse(window.from), Date.parse(window.to)];
      const person = { number, consents: [{ at: "2025-01-01T00:00:00Z", source: "form", basis: "consent" }] } as const;
      const kindAt = (ms: number) => gate(request, person, {}, new Date(ms).toISOString()).kind;
      expect(kindAt(from + Math.floor(((to - from - 1) * share) / 1000))).toBe("allowed");
      expect([kindAt(from - 1), kindAt(to)]).toEqual(["deferred", "deferred"]);
    }),
  );
});

test("France is closed on Sundays, wherever it is; the United States are not, though some of them are", () => {
  const [working, all] = [
    [1, 2, 3, 4, 5, 6],
    [1, 2, 3, 4, 5, 6, 7],
  ];
  expect(lawfulWeekdays(prospecting, "FR")).toEqual(working);
  expect(lawfulWeekdays(prospecting, "RE")).toEqual(working);
  expect(lawfulWeekdays(prospecting, "US")).toEqual(all);
  expect(lawfulWeekdays({ channel: "sms", purpose: "service" }, "FR")).toEqual(all);
  expect(lawfulWeekdays({ channel: "call", purpose: "prospecting" }, "FR")).toBeUndefined();
  expect(lawfulWeekdays(prospecting, "ZZ")).toBeUndefined();
});
