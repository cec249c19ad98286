import { expect, test } from "vitest";
import { type AccountPolicy, type ContactRequest, gate, type NumberFacts, nextAllowed, type PersonFacts, rules } from "./index.ts";

const french: NumberFacts = { country: "FR", lineType: "mobile", zones: ["Europe/Paris"], area: "FR", fiction: false };
const person: PersonFacts = { number: french, consents: [{ at: "2026-10-01T10:00:00Z", source: "web form" }] };
const request: ContactRequest = { channel: "sms", purpose: "prospecting", legalBasis: "consent", hunt: "h1", contact: "c1" };
const tuesday = "2026-11-24T11:00:00Z";
const at = (who: PersonFacts, policy: AccountPolicy = {}, asked: ContactRequest = request, now = tuesday): string => {
  const verdict = gate(asked, who, policy, now);
  return verdict.kind === "allowed" ? "allowed" : verdict.rule;
};

test("a stop on any channel stops all, for good", () => {
  const stopped = { ...person, optedOut: { at: "2026-11-01T10:00:00Z", by: "keyword" } };
  expect(gate(request, stopped, {}, tuesday)).toMatchObject({
    kind: "denied",
    rule: "opted-out",
    remedy: expect.stringContaining("START"),
  });
  expect(at(stopped, {}, { ...request, channel: "whatsapp" })).toBe("opted-out");
  expect(nextAllowed(request, stopped, {}, tuesday)).toBeUndefined();
});

test("an erased person is never contacted", () => expect(at({ ...person, erased: true })).toBe("erased"));

test("a pause denies", () => expect(at(person, { paused: true })).toBe("paused"));

test("no pack, no contact", () => {
  expect(at({ ...person, number: { country: "DE", lineType: "mobile", zones: ["Europe/Berlin"], fiction: false } })).toBe(
    "no-country-pack",
  );
});

test("a landline, a VoIP number and a premium number are no mobiles", () => {
  for (const lineType of ["landline", "voip", "other"] as const) {
    expect(at({ ...person, number: { ...french, lineType } })).toBe("not-mobile");
  }
});

test("nobody is contacted whose hour is unknown", () => expect(at({ ...person, number: { ...french, zones: [] } })).toBe("unknown-zone"));

test("every possible zone must be open", () => {
  const either: NumberFacts = { ...french, zones: ["Europe/Paris", "Indian/Reunion"] };
  expect(at({ ...person, number: either }, {}, request, "2026-11-24T05:00:00Z")).toBe("outside-hours");
  expect(at({ ...person, number: either }, {}, request, "2026-11-24T07:00:00Z")).toBe("allowed");
  expect(at({ ...person, number: either }, {}, request, "2026-11-24T16:00:00Z")).toBe("outside-hours");
});

test("another hunt waits for recontactAfterDays, the same hunt does not", () => {
  const contacted: PersonFacts = { ...person, attempts: [{ at: "2026-11-10T10:00:00Z", hunt: "h2", contact: "c7", channel: "sms" }] };
  expect(gate(request, contacted, {}, tuesday)).toMatchObject({ rule: "contacted-recently", until: "2026-12-09T23:00:00.000Z" });
  expect(at(contacted, { recontactAfterDays: 14 })).toBe("allowed");
  expect(at(contacted, { recontactAfterDays: 0 })).toBe("allowed");
  expect(at(contacted, {}, { ...request, hunt: "h2" })).toBe("allowed");
});

test("days of rest are over when they are in every zone that may be the recipient's", () => {
  const attempts = [{ at: "2026-11-10T10:00:00Z", hunt: "h2", contact: "c7", channel: "sms" as const }];
  for (const zones of [
    ["Europe/Paris", "America/Guadeloupe"],
    ["America/Guadeloupe", "Europe/Paris"],
  ]) {
    const verdict = gate(request, { ...person, number: { ...french, zones }, attempts }, {}, tuesday);
    expect(verdict).toMatchObject({ rule: "contacted-recently", until: "2026-12-10T04:00:00.000Z" });
  }
});

test("a preview denies a contact that was made; asking again for its attempt does not count the attempt against itself", () => {
  const own: PersonFacts = { ...person, attempts: [{ at: tuesday, hunt: "h1", contact: "c1", channel: "sms" }] };
  expect(at(own)).toBe("already-contacted");
  expect(at(own, {}, { ...request, attempt: 1 })).toBe("allowed");
  const others = ["a", "b", "c"].map((contact) => ({ at: "2026-11-20T10:00:00Z", hunt: "h1", contact, channel: "sms" as const }));
  expect(at({ ...own, attempts: [...(own.attempts ?? []), ...others] }, {}, { ...request, attempt: 1 })).toBe("allowed");
  expect(at({ ...own, attempts: [...(own.attempts ?? []), ...others] }, {}, { ...request, contact: "c2" })).toBe("too-many-attempts");
});

test("asking again after an opt-out denies what was permitted before", () => {
  const own: PersonFacts = {
    ...person,
    attempts: [{ at: tuesday, hunt: "h1", contact: "c1", channel: "sms" }],
    optedOut: { at: tuesday, by: "keyword" },
  };
  expect(at(own, {}, { ...request, attempt: 1 })).toBe("opted-out");
});

test("an account narrows hours and days in the recipient's zone, and can never widen them", () => {
  const hours = { from: "09:30", to: "12:30" };
  expect(at(person, { hours }, request, "2026-11-24T08:29:00Z")).toBe("account-hours");
  expect(at(person, { hours }, request, "2026-11-24T08:30:00Z")).toBe("allowed");
  expect(at(person, { hours: { from: "00:00", to: "24:00" } }, request, "2026-11-24T04:00:00Z")).toBe("outside-hours");
  expect(at(person, { weekdays: [1, 2, 3, 4, 5, 6, 7] }, request, "2026-11-29T11:00:00Z")).toBe("closed-day");
  expect(at(person, { weekdays: [3, 4] })).toBe("account-closed-day");
  expect(at(person, { closedDays: ["2026-11-24"] })).toBe("account-closed-day");
  expect(nextAllowed(request, person, { weekdays: [3, 4], closedDays: ["2026-11-25"], hours }, tuesday)).toBe("2026-11-26T08:30:00.000Z");
});

test("an account that is never open is denied, not deferred for ever", () => {
  expect(gate(request, person, { weekdays: [] }, tuesday)).toMatchObject({ kind: "denied", rule: "account-closed-day" });
  expect(gate(request, person, { weekdays: [7] }, tuesday)).toMatchObject({ kind: "deferred" });
  expect(nextAllowed(request, person, { weekdays: [7] }, tuesday)).toBeUndefined();
});

test("a time that is none is a bug, never an old time", () => {
  expect(() => gate(request, person, {}, "yesterday")).toThrow(RangeError);
  expect(() => gate(request, { ...person, refusals: [{ at: "soon" }] }, {}, tuesday)).toThrow(RangeError);
});

test("the answer does not depend on what was asked before", () => {
  const saturdayNight = "2026-11-28T21:00:00Z";
  const fresh = () => ({ ...person, number: { ...french, zones: [...french.zones] } });
  const first = gate(request, fresh(), {}, saturdayNight);
  gate(request, fresh(), {}, "2026-11-29T11:00:00Z");
  gate(request, fresh(), {}, tuesday);
  expect(gate(request, fresh(), {}, saturdayNight)).toEqual(first);
  expect(at(person, {}, request, "2026-11-29T11:00:00Z")).toBe("closed-day");
});

test("every rule has a slug, a title and words for people", () => {
  for (const { rule, title, explanation, remedy } of rules) {
    expect(rule).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect([title, explanation, remedy].every((text) => text.length > 3)).toBe(true);
  }
});
