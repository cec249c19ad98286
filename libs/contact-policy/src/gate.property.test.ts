import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import { expect, test } from "vitest";
import { type AccountPolicy, type ContactRequest, gate, type NumberFacts, nextAllowed, type PersonFacts } from "./index.ts";
import { localDay, localTime, momentOf, weekdayOf } from "./local-time.ts";
import { describeNumber } from "./numbers.ts";

const MINUTE = 60_000;
const iso = (at: number): string => new Date(at).toISOString();
const start = Date.parse("2026-01-01T00:00:00Z");
const moment = fc.integer({ min: 0, max: 2 * 365 * 1440 }).map((minutes) => start + minutes * MINUTE);

const numbers: readonly NumberFacts[] = [
  ["+33639980000", "FR", undefined],
  ["+33639980000", "FR", "75001"],
  ["+33639980000", "FR", "67000"],
  ["+33639980000", "FR", "97400"],
  ["+12025550123", "US", undefined],
  ["+12025550123", "US", "10001"],
  ["+12025550123", "US", "73301"],
  ["+12025550123", "US", "04101"],
].map(([raw = "", defaultCountry, postalCode]) => {
  const described = describeNumber(raw, { defaultCountry, postalCode, fiction: true });
  if (described.kind !== "number") throw new Error(described.reason);
  return described.facts;
});

const past = (now: number) => fc.integer({ min: 0, max: 70 * 1440 }).map((minutes) => iso(now - minutes * MINUTE));

const situation = moment.chain((now) =>
  fc.record({
    now: fc.constant(now),
    request: fc.record({
      channel: fc.constantFrom("sms", "whatsapp"),
      purpose: fc.constantFrom("prospecting", "appointment"),
      legalBasis: fc.constant("consent"),
      hunt: fc.constantFrom("h1", "h2"),
      contact: fc.constantFrom("c1", "c2"),
      attempt: fc.constantFrom(1, undefined),
    }) satisfies fc.Arbitrary<ContactRequest>,
    person: fc.record({
      number: fc.constantFrom(...numbers),
      consents: fc.constant([{ at: "2025-01-01T00:00:00Z", source: "web form" }]),
      refusals: fc.array(fc.record({ at: past(now) }), { maxLength: 1 }),
      attempts: fc.array(
        fc.record({
          at: past(now),
          hunt: fc.constantFrom("h1", "h2"),
          contact: fc.constantFrom("c1", "c3", "c4", "c5"),
          channel: fc.constantFrom("sms", "call"),
        }),
        { maxLength: 6 },
      ),
    }) satisfies fc.Arbitrary<PersonFacts>,
    policy: fc.record({
      sandbox: fc.constant(true),
      recontactAfterDays: fc.constantFrom(0, 7, 30),
      hours: fc.constantFrom(undefined, { from: "09:00", to: "18:30" }),
      weekdays: fc.constantFrom(undefined, [1, 2, 3, 4, 5]),
    }) satisfies fc.Arbitrary<AccountPolicy>,
  }),
);

test("the next allowed moment is allowed, and nothing before it is", () => {
  fc.assert(
    fc.property(situation, ({ now, request, person, policy }) => {
      const next = nextAllowed(request, person, policy, iso(now));
      const at = next === undefined ? now + 10 * 1440 * MINUTE : Date.parse(next);
      if (next !== undefined) expect(gate(request, person, policy, next).kind).toBe("allowed");
      for (let grid = now; grid < at; grid += 15 * MINUTE) expect(gate(request, person, policy, iso(grid)).kind).not.toBe("allowed");
      if (at > now) expect(gate(request, person, policy, iso(at - 1)).kind).not.toBe("allowed");
    }),
    { numRuns: 150 },
  );
});

test("a deferral ends later than now, and its rule no longer stands when it ends", () => {
  fc.assert(
    fc.property(situation, ({ now, request, person, policy }) => {
      const verdict = gate(request, person, policy, iso(now));
      if (verdict.kind !== "deferred") return;
      expect(Date.parse(verdict.until)).toBeGreaterThan(now);
      const later = gate(request, person, policy, verdict.until);
      if (later.kind !== "allowed") expect(later.rule).not.toBe(verdict.rule);
    }),
    { numRuns: 1000 },
  );
});

test("the same question has the same answer, in any order and from any copy", () => {
  fc.assert(
    fc.property(fc.array(situation, { minLength: 2, maxLength: 12 }), (situations) => {
      const ask = ({ now, request, person, policy }: (typeof situations)[number]) => gate(request, person, policy, iso(now));
      const there = situations.map(ask);
      const back = structuredClone(situations).reverse().map(ask).reverse();
      expect(back).toEqual(there);
    }),
    { numRuns: 150 },
  );
});

test("knowing more attempts and refusals never allows what was not", () => {
  fc.assert(
    fc.property(situation, ({ now, request, person, policy }) => {
      if (gate(request, person, policy, iso(now)).kind !== "allowed") return;
      expect(gate(request, { ...person, attempts: [], refusals: [] }, policy, iso(now)).kind).toBe("allowed");
    }),
    { numRuns: 500 },
  );
});

test("what is allowed is between 08:00 and 20:00 of a French weekday or Saturday, by an independent clock", () => {
  const french = numbers.filter(({ country }) => country === "FR");
  fc.assert(
    fc.property(situation, fc.constantFrom(...french), ({ now, request, person, policy }, number) => {
      const asked = { ...request, purpose: "prospecting" as const };
      if (gate(asked, { ...person, number }, policy, iso(now)).kind !== "allowed") return;
      for (const zone of number.zones) {
        const local = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(zone);
        expect(local.hour).toBeGreaterThanOrEqual(8);
        expect(local.hour).toBeLessThan(20);
        expect(local.dayOfWeek).not.toBe(7);
      }
    }),
    { numRuns: 1000 },
  );
});

test("local days and times agree with Temporal, also around changes of clocks", () => {
  const zones = [...new Set(numbers.flatMap((number) => number.zones)), "America/St_Johns", "Australia/Lord_Howe"];
  const changes = ["2026-03-08T07:00:00Z", "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "2026-11-01T06:00:00Z"].map(Date.parse);
  const near = fc.tuple(fc.constantFrom(...changes), fc.integer({ min: -600, max: 600 })).map(([at, minutes]) => at + minutes * MINUTE);
  fc.assert(
    fc.property(fc.oneof(moment, near), fc.constantFrom(...zones), (at, zone) => {
      const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
      const day = localDay(zone, at);
      expect(iso(day * 1440 * MINUTE).slice(0, 10)).toBe(local.toPlainDate().toString());
      expect(localTime(zone, at)).toBe((local.hour * 60 + local.minute) * MINUTE);
      expect(weekdayOf(day)).toBe(local.dayOfWeek);
      const eight = local.toPlainDate().toZonedDateTime({ timeZone: zone, plainTime: Temporal.PlainTime.from("08:00") });
      expect(momentOf(zone, day, 480 * MINUTE)).toBe(eight.epochMilliseconds);
      expect(momentOf(zone, day, 0)).toBe(local.startOfDay().epochMilliseconds);
    }),
    { numRuns: 2000 },
  );
});
