import { offerToBuyNotice } from "@outrider/contact-policy";
import { contactId, huntId, personId } from "@outrider/contracts/ids";
import { type PermitRequest, type PersonEvent, permitRequest, personCodec } from "@outrider/contracts/registry";
import { scenario } from "@outrider/eventing/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type PersonCommand, person, verdictOn } from "./person.ts";

const at = "2026-11-20T10:00:00.000Z"; // a Friday, 11:00 in Paris
const { given } = scenario(person, at);
const number = { k: "person.garage.p1", v: "sealed" };
const facts = { country: "FR", lineType: "mobile", zones: ["Europe/Paris"], fiction: true } as const;
const register: PersonCommand = {
  type: "Register",
  person: personId.parse("p1"),
  number,
  facts: { ...facts, zones: [...facts.zones] },
};
const registered: PersonEvent = { type: "PersonRegistered", data: { person: personId.parse("p1"), number, facts: register.facts } };
const policy = { recontactAfterDays: 30, offerToBuyConfirmed: { by: "Anne", at, notice: offerToBuyNotice }, sandbox: true };
const contact = contactId.parse("c1");
const request = (changes: Partial<Record<keyof PermitRequest, unknown>> = {}): PermitRequest =>
  permitRequest.parse({ contact, attempt: 1, hunt: "h1", channel: "sms", purpose: "prospecting", legalBasis: "offer-to-buy", ...changes });
const ask = (changes: Partial<Record<keyof PermitRequest, unknown>> = {}, more: object = {}, now = at): PersonCommand => ({
  type: "AskPermit",
  request: request(changes),
  policy: { ...policy, ...more },
  now,
});
const permitted: PersonEvent = { type: "AttemptPermitted", data: request() };
const denied = (rule: string, until?: string): PersonEvent => ({
  type: "AttemptDenied",
  data: { contact, attempt: 1, hunt: huntId.parse("h1"), rule, until },
});
const optOut: PersonCommand = { type: "OptOut", by: "keyword", channel: "sms", at };
const optedOut: PersonEvent = { type: "OptedOut", data: { by: "keyword", channel: "sms", proof: undefined, at } };
const erased: PersonEvent = { type: "PersonErased", data: { by: "api" } };
const giveBack: PersonCommand = { type: "ReturnPermit", contact, attempts: { only: 1 }, countedBy: at, because: "AttemptAbandoned" };
const returned: PersonEvent = { type: "PermitReturned", data: { contact, attempt: 1, because: "AttemptAbandoned" } };

test("knows a number once", () => {
  given().when(register).then(registered);
  given(registered).when(register).thenNothing();
  given().when(optOut).thenRefused("unknown-person");
});

describe("a permit", () => {
  test("counts an attempt", () => given(registered).when(ask()).then(permitted));
  test("counts the same attempt once, however often it is asked for", () => given(registered, permitted).when(ask()).thenNothing());
  test("counts the next attempt of the same contact", () =>
    given(registered, permitted)
      .when(ask({ attempt: 2 }))
      .then({ type: "AttemptPermitted", data: request({ attempt: 2 }) }));
  test("is not given to somebody who is unknown", () => given().when(ask()).thenRefused("unknown-person"));
  test("is denied to another hunt within the account's days", () => {
    const { decision } = given(registered, permitted).when(ask({ contact: "c2", hunt: "h2" }));
    expect(decision).toMatchObject({ accepted: true, events: [{ type: "AttemptDenied", data: { rule: "contacted-recently" } }] });
  });
  test("is denied again after it was given, when the person has said stop meanwhile", () =>
    given(registered, permitted, optedOut).when(ask()).then(denied("opted-out")));
  test("is denied while something is paused", () =>
    given(registered)
      .when(ask({}, { paused: true }))
      .then(denied("paused")));
  test("is put off until the recipient's morning", () =>
    given(registered)
      .when(ask({}, {}, "2026-11-20T22:00:00.000Z"))
      .then(denied("outside-hours", "2026-11-21T07:00:00.000Z")));
  test("is told about once per rule and attempt", () => {
    given(registered, optedOut, denied("opted-out")).when(ask()).thenNothing();
    given(registered, optedOut, denied("paused")).when(ask()).then(denied("opted-out"));
  });
});

describe("a permit that was not used", () => {
  test("no longer counts", () => {
    given(registered, permitted).when(giveBack).then(returned);
    given(registered, permitted, returned)
      .when(ask({ contact: "c2", hunt: "h2" }))
      .then({ type: "AttemptPermitted", data: request({ contact: "c2", hunt: "h2" }) });
  });
  test("is given back once", () => given(registered, permitted, returned).when(giveBack).thenNothing());
  test("is kept when it was counted after what is told", () =>
    given(registered, permitted)
      .when({ ...giveBack, countedBy: "2026-11-20T09:59:59.999Z" })
      .thenNothing());
  test("goes back with all of a contact's that cannot have reached the person", () => {
    const second: PersonEvent = { type: "AttemptPermitted", data: request({ attempt: 2 }) };
    given(registered, permitted, second)
      .when({ ...giveBack, attempts: { allBut: [1] } })
      .then({ type: "PermitReturned", data: { contact, attempt: 2, because: "AttemptAbandoned" } });
  });
});

test("says stop once, on any channel for all, and may say start again", () => {
  given(registered).when(optOut).then(optedOut);
  given(registered, optedOut).when({ type: "OptOut", by: "voice", channel: "call", at }).thenNothing();
  given(registered, optedOut)
    .when({ type: "OptIn", by: "keyword", at })
    .then({ type: "OptedIn", data: { by: "keyword", proof: undefined, at } });
  given(registered).when({ type: "OptIn", by: "keyword", at }).thenNothing();
  given(registered, optedOut, { type: "OptedIn", data: { by: "keyword", at } })
    .when(ask())
    .then(permitted);
});

test("keeps consents until they are withdrawn", () => {
  const record: PersonCommand = { type: "RecordConsent", source: "web form", basis: "consent", at };
  const recorded: PersonEvent = { type: "ConsentRecorded", data: { source: "web form", basis: "consent", text: undefined, at } };
  const asked = ask({ legalBasis: "consent" });
  given(registered).when(asked).then(denied("no-consent"));
  given(registered).when(record).then(recorded);
  given(registered, recorded).when(record).thenNothing();
  given(registered, recorded)
    .when(asked)
    .then({ type: "AttemptPermitted", data: request({ legalBasis: "consent" }) });
  const withdrawn: PersonEvent = { type: "ConsentWithdrawn", data: { at } };
  given(registered, recorded).when({ type: "WithdrawConsent", at }).then(withdrawn);
  given(registered, recorded, withdrawn).when(asked).then(denied("no-consent"));
  given(registered).when({ type: "WithdrawConsent", at }).thenNothing();
});

test("remembers the last consents and denials alone, so that no history makes a person large", () => {
  const consents = Array.from({ length: 100 }, (_, n): PersonEvent => {
    return { type: "ConsentRecorded", data: { source: `form-${n}`, basis: "consent", text: undefined, at } };
  });
  const denials = Array.from({ length: 200 }, (_, n): PersonEvent => {
    return { type: "AttemptDenied", data: { contact: contactId.parse(`c${n}`), attempt: 1, rule: "opted-out", until: undefined } };
  });
  const { state } = given(registered, ...consents, ...denials).when({ type: "WithdrawConsent", at });
  if (state.status === "unknown") throw new TypeError("the person is known");
  expect(state.consents.map(({ source }) => source)).toEqual(Array.from({ length: 20 }, (_, n) => `form-${n + 80}`));
  expect(state.denials.map(({ contact: denied }) => denied)).toEqual(Array.from({ length: 50 }, (_, n) => `c${n + 150}`));
});

test("is left in peace after a no", () => {
  const refused: PersonEvent = { type: "RefusalRecorded", data: { channel: "sms", at } };
  given(registered).when({ type: "RecordRefusal", channel: "sms", at }).then(refused);
  given(registered, refused).when({ type: "RecordRefusal", channel: "sms", at }).thenNothing();
  const { decision } = given(registered, refused).when(ask());
  expect(decision).toMatchObject({ events: [{ type: "AttemptDenied", data: { rule: "refused-recently" } }] });
});

describe("an erased person", () => {
  const destroyed: PersonEvent = { type: "PersonKeyDestroyed", data: {} };
  test("is erased once, and its key destroyed once", () => {
    given(registered).when({ type: "Erase", by: "api" }).then(erased);
    given(registered, erased).when({ type: "Erase", by: "api" }).thenNothing();
    given(registered).when({ type: "KeyDestroyed" }).thenRefused("not-erased");
    given(registered, erased).when({ type: "KeyDestroyed" }).then(destroyed);
    given(registered, erased, destroyed).when({ type: "KeyDestroyed" }).thenNothing();
  });
  test("is denied everything", () =>
    given(registered, erased)
      .when(ask({ purpose: "service" }))
      .then(denied("erased")));
  test("gets no new key and no new number", () => given(registered, erased, destroyed).when(register).thenNothing());
  test("keeps its opt-out, can opt out, and cannot be opted in", () => {
    given(registered, optedOut, erased).when(optOut).thenNothing();
    given(registered, erased).when(optOut).then(optedOut);
    given(registered, optedOut, erased).when({ type: "OptIn", by: "api", at }).thenRefused("erased");
  });
});

const days = (count: number): string => new Date(Date.parse("2026-01-05T10:00:00.000Z") + count * 86_400_000).toISOString();

test("what is forgotten would have changed no verdict", () => {
  const past = fc.record({
    day: fc.integer({ min: 0, max: 400 }),
    contact: fc.constantFrom("a", "b", "c", "d", "e", "f"),
    hunt: fc.constantFrom("h1", "h2", "h3", undefined),
    attempt: fc.integer({ min: 1, max: 3 }),
    purpose: fc.constantFrom("prospecting", "service"),
  });
  const property = fc.property(
    fc.array(past, { maxLength: 20 }),
    fc.constantFrom("h1", "h2", "h3", undefined),
    fc.constantFrom(0, 30, 120, 3650),
    (history, hunt, recontactAfterDays) => {
      const state = person.evolve(person.initial(), registered, days(0));
      const all = [];
      for (const { day, ...rest } of history.toSorted((a, b) => a.day - b.day)) {
        const data = request(rest);
        all.push({ ...data, at: days(day) });
        person.evolve(state, { type: "AttemptPermitted", data }, days(day));
      }
      if (state.status === "unknown") throw new Error("registered above");
      const asked = request({ contact: "new", hunt });
      const now = days(400);
      const own = { ...policy, recontactAfterDays };
      expect(verdictOn(state, asked, own, now)).toEqual(verdictOn({ ...state, attempts: all }, asked, own, now));
      const last = Math.max(0, ...history.map(({ day }) => day));
      expect(state.attempts.filter(({ at: when }) => when < days(last - 40)).length).toBeLessThanOrEqual(2);
    },
  );
  fc.assert(property, { numRuns: 500 });
});

test("goes on from a closing event as if it had never been closed", () => {
  const state = [registered, permitted, optedOut].reduce((before, event) => person.evolve(before, event, at), person.initial());
  const closed = person.closing?.event(state, ["command-1"]);
  if (closed === undefined) throw new Error("people are closed");
  const stored = personCodec.decode(personCodec.encode(at, [closed]));
  if (stored.kind !== "events") throw new Error(stored.kind);
  expect(stored.events.reduce((before, event) => person.evolve(before, event, at), person.initial())).toEqual(state);
  expect(stored.events.map((event) => person.closing?.commands(event))).toEqual([["command-1"]]);
});

test("every event of a person survives being stored", () => {
  const all: PersonEvent[] = [
    registered,
    optedOut,
    { type: "OptedIn", data: { by: "api", at } },
    { type: "ConsentRecorded", data: { source: "form", basis: "existing-customer", at, text: number } },
    { type: "ConsentWithdrawn", data: { at } },
    { type: "RefusalRecorded", data: { channel: "sms", at } },
    permitted,
    denied("outside-hours", at),
    returned,
    erased,
    { type: "PersonKeyDestroyed", data: {} },
  ];
  expect(personCodec.decode(personCodec.encode(at, all))).toEqual({ kind: "events", at, events: all });
});
