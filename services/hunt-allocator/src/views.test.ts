import type { Ad, AdEvent } from "@outrider/contracts/ads";
import { type ContactEvent, type ContactRequest, contactCodec } from "@outrider/contracts/contact";
import type { Allocation, HuntEvent, RunEvent } from "@outrider/contracts/hunts";
import { accountId, adId, contactIdOf, huntId, personId, runId } from "@outrider/contracts/ids";
import type { PersonEvent } from "@outrider/contracts/registry";
import { subjects } from "@outrider/contracts/streams";
import { type Followed, heldAlone, memoryDocuments, projection, type View } from "@outrider/eventing";
import { expect, test } from "vitest";
import { gatedOrByHand } from "./only.ts";
import { huntDefinitionOf, line } from "./testing-definitions.ts";
import { adsView, contactedView, gatedView, huntsView, idOf, peopleView, requestedView, requestedWhile } from "./views.ts";

const account = accountId.parse("garage");
const person = personId.parse("p1");
const hunt = huntId.parse("clios");
const contact = contactIdOf(account, hunt, person, 1);
const at = "2026-11-20T10:00:00.000Z";
const later = "2026-11-21T10:00:00.000Z";
const message = <Event>(subject: string, revision: number, when: string, ...events: Event[]): Followed<Event> => ({
  ...{ subject, stream: "S", revision, at: when, events, commandId: `c${revision}`, executionId: `e${revision}`, expected: 0, closing: 0 },
});
/** Folds messages in batches of a size, forgetting in between as a restart would. */
const folded = async <Document, Event>(view: View<Document, Event>, messages: readonly Followed<Event>[], size = 1) => {
  const documents = memoryDocuments<Document>();
  for (let from = 0; from < messages.length; from += size) {
    await projection(view, documents).apply(messages.slice(from, from + size), heldAlone(1));
  }
  return documents.all;
};

const ad: Ad = {
  ...{ ad: adId.parse("a1"), source: "lobstr", sourceId: "1", person, title: "Clio", description: { k: "k", v: "v" } },
  ...{ ownerType: "private", noCanvassing: false, publishedAt: at, digest: "d", pictures: ["x"] },
};
const run = runId.parse("2026-11-20");
const row: Allocation = {
  ...{ contact, person, ad: ad.ad, hunt, step: 1, channel: "sms", line, credits: 1, text: { k: "k", v: "v" } },
  ...{ purpose: "prospecting", legalBasis: "offer-to-buy", noCanvassing: false, ownerType: "private" },
};
const page = (pass: number): RunEvent => ({ type: "PageAllocated", data: { pass, page: 1, reservation: "r", rows: [row] } });
const denied = (rule: string): RunEvent => ({ type: "DenialsRecorded", data: { pass: 1, denials: [{ person, hunt, rule }] } });

test("an ad is what its last message says, with what matching needs and no sealed description", async () => {
  const of = (revision: number, event: AdEvent) => message(subjects.ad(account, "a1"), revision, at, event);
  const cheaper: AdEvent = { type: "AdChanged", data: { ad: { ...ad, price: 4000 }, changed: ["price"], seenAt: later } };
  const all = await folded(adsView, [of(1, { type: "AdListed", data: { ad, seenAt: at } }), of(2, cheaper)]);
  const document = all.get(idOf(account, "a1"));
  expect(document).toMatchObject({ account, person, price: 4000, publishedMs: Date.parse(at), seenMs: Date.parse(later) });
  expect(document).not.toHaveProperty("description");
  expect(document).not.toHaveProperty("digest");
});

test("an ad without a number has nobody", async () => {
  const { person: _, ...without } = ad;
  const all = await folded(adsView, [
    message<AdEvent>(subjects.ad(account, "a1"), 1, at, { type: "AdListed", data: { ad: without, seenAt: at } }),
  ]);
  expect(all.get(idOf(account, "a1"))?.person).toBeNull();
});

test("a person keeps the last contact of each hunt and the last denial by hunt, in batches of any size", async () => {
  const subject = subjects.run(account, run);
  const messages = [message(subject, 1, at, denied("no-consent")), message(subject, 2, at, page(1)), message(subject, 3, later, page(2))];
  const expected = {
    ...{ account, person, denials: { clios: { at, rule: "no-consent" } } },
    contacts: [{ hunt, contact, at: later, channel: "sms", purpose: "prospecting", run, pass: 2 }],
    lastMs: Date.parse(later),
  };
  for (const size of [1, 2, 3]) expect((await folded(contactedView, messages, size)).get(idOf(account, person))).toEqual(expected);
  // Read again from an older position, as after a crash: the same document.
  expect((await folded(contactedView, [...messages, ...messages.slice(1)])).get(idOf(account, person))).toEqual(expected);
});

test("hunts are folded by their own rule", async () => {
  const definition = huntDefinitionOf("Clios");
  const events: HuntEvent[] = [
    { type: "HuntCreated", data: { hunt, definition } },
    { type: "HuntActivated", data: {} },
  ];
  const all = await folded(huntsView, [message<HuntEvent | RunEvent>(subjects.hunt(account, hunt), 1, at, ...events)]);
  expect(all.get(idOf(account, hunt))).toEqual({ account, hunt, status: "active", definition });
});

test("what people said counts, and what they took back does not", async () => {
  const events: PersonEvent[] = [
    { type: "OptedOut", data: { by: "api", at } },
    { type: "ConsentRecorded", data: { source: "form", at, basis: "consent" } },
    { type: "RefusalRecorded", data: { channel: "sms", at: later } },
    { type: "RefusalRecorded", data: { channel: "sms", at } },
    { type: "OptedIn", data: { by: "api", at: later } },
  ];
  const messages = events.map((event, index) => message(subjects.person(account, person), index + 1, at, event));
  const consents = [{ at, source: "form", basis: "consent" }];
  expect((await folded(peopleView, messages)).get(idOf(account, person))).toEqual({ account, person, consents, refusedAt: later });
  const erased = message<PersonEvent>(subjects.person(account, person), 9, later, { type: "PersonErased", data: { by: "api" } });
  expect((await folded(peopleView, [...messages, erased])).get(idOf(account, person))).toMatchObject({ erased: true, consents: [] });
});

test("only gated contacts are remembered as such", async () => {
  const subject = subjects.smsContact(account, contact);
  const gated: ContactEvent = { type: "ContactGated", data: { rule: "paused", reservation: "r", credits: 1 } };
  const accepted: ContactEvent = {
    type: "ContactAccepted",
    data: { attempt: 1, providerId: "x", by: "answer", reservation: "r", credits: 1 },
  };
  const all = await folded(gatedView, [message(subject, 1, at, gated), message(subject, 2, later, accepted)]);
  expect([...all.values()]).toEqual([{ account, contact, at, atMs: Date.parse(at), rule: "paused" }]);
});

const byHand: ContactRequest = {
  ...{ contact, person, channel: "sms", line, step: 1, text: { k: "k", v: "v" }, purpose: "service", legalBasis: "consent" },
  ...{ noCanvassing: false, ownerType: "unknown", reservation: "r", credits: 1 },
};
const requested = (more: Partial<ContactRequest> = {}): ContactEvent => ({ type: "ContactRequested", data: { ...byHand, ...more } });

test("contacts that no pass has asked for are counted once, by account, hunt and quarter of an hour, in batches of any size", async () => {
  const subject = subjects.smsContact(account, contact);
  const messages = [
    message(subject, 1, "2026-11-20T10:00:00.000Z", requested()),
    message(subject, 2, "2026-11-20T10:14:59.999Z", requested({ hunt })),
    message(subject, 3, "2026-11-20T22:59:00.000Z", requested()),
    message(subject, 4, "2026-11-20T23:00:00.000Z", requested()), // midnight in Paris
    message(subject, 5, "2026-11-20T10:00:00.000Z", requested({ run, pass: 1 })),
  ];
  const parisDay = (ms: number) => new Date(ms + 3_600_000).toISOString().startsWith("2026-11-20");
  for (const size of [1, 2, 5]) {
    const all = [...(await folded(requestedView, [...messages, ...messages.slice(1)], size)).values()];
    expect(all).toHaveLength(1);
    expect(requestedWhile(all, () => true)).toEqual({ all: 4, hunts: { clios: 1 } });
    expect(requestedWhile(all, parisDay)).toEqual({ all: 3, hunts: { clios: 1 } });
  }
});

test("what a pass asks for is not even parsed, what ended gated and what was asked for by hand is", () => {
  const codec = gatedOrByHand(contactCodec);
  const read = (event: ContactEvent) => {
    const decoded = codec.decode(contactCodec.encode(at, [event]));
    return decoded.kind === "events" ? decoded.events.length : decoded.kind;
  };
  expect(read(requested())).toBe(1);
  expect(read(requested({ run, pass: 1 }))).toBe(0);
  expect(read({ type: "ContactGated", data: { rule: "paused", reservation: "r", credits: 1 } })).toBe(1);
  expect(read({ type: "AttemptStarted", data: { attempt: 1, until: at } })).toBe(0);
});
