import type { Ad, AdEvent, ImportEvent } from "@outrider/contracts/ads";
import type { ContactEvent } from "@outrider/contracts/contact";
import { documents, type ViewName } from "@outrider/contracts/documents";
import type { NumberFacts } from "@outrider/contracts/fields";
import type { HuntEvent, RunEvent } from "@outrider/contracts/hunts";
import { huntDefinition } from "@outrider/contracts/hunts";
import { accountId, adId, contactId, huntId, importId, inboundId, lineId, personId, runId } from "@outrider/contracts/ids";
import type { LedgerEvent } from "@outrider/contracts/ledger";
import { type AccountEvent, accountPolicy, type PersonEvent } from "@outrider/contracts/registry";
import { lineLimits, type SmsEvent } from "@outrider/contracts/sms";
import { subjects } from "@outrider/contracts/streams";
import { type Followed, memoryDocuments, projection } from "@outrider/eventing";
import { describe, expect, test } from "vitest";
import type { ProjectedView, Stamp } from "../view.ts";
import { accounts } from "./accounts.ts";
import { ads } from "./ads.ts";
import { balances } from "./balances.ts";
import { contacts } from "./contacts.ts";
import { hunts } from "./hunts.ts";
import { imports } from "./imports.ts";
import { lines } from "./lines.ts";
import { people } from "./people.ts";
import { replies } from "./replies.ts";
import { runs } from "./runs.ts";
import { statement } from "./statement.ts";
import { unmatched } from "./unmatched.ts";

const account = accountId.parse("garage");
const at = "2026-11-20T10:00:00.000Z";
const sealed = { k: "key", v: "sealed" };
const message = <Event>(subject: string, revision: number, ...events: Event[]): Followed<Event> => ({
  ...{ subject, stream: "TEST", events, revision, at, commandId: `command-${revision}`, executionId: "x", closing: 0 },
});

/** Folds messages as the projector does, checks every document against its contract, and folds all of them again: nothing may change. */
const folded = async <Event>(view: ProjectedView<Event>, ...messages: Followed<Event>[]) => {
  const stored = memoryDocuments<Stamp>();
  const once = projection(view, stored);
  for (const each of messages) await once.apply([each], 1);
  const first = structuredClone(new Map(stored.all));
  for (const [, document] of first) expect(documents[view.name as ViewName].parse(document)).toEqual(document);
  await projection(view, stored).apply(messages, 1);
  expect(new Map(stored.all)).toEqual(first);
  return Object.fromEntries(first);
};

const contact = contactId.parse("c1");
const person = personId.parse("p1");
const paid = { reservation: "r1", credits: 1 };
const requested: ContactEvent = {
  type: "ContactRequested",
  data: {
    ...{ contact, person, channel: "sms", line: lineId.parse("l1"), hunt: huntId.parse("h1"), step: 1, text: sealed },
    ...{ purpose: "prospecting", legalBasis: "consent", noCanvassing: false, ownerType: "private", ...paid },
  },
};
const accepted: ContactEvent = { type: "ContactAccepted", data: { attempt: 1, providerId: "id", by: "answer", ...paid } };
const ofContact = (...steps: ContactEvent[][]) =>
  folded(contacts, ...steps.map((events, index) => message<SmsEvent>(subjects.smsContact(account, contact), index + 1, ...events)));
const id = `${account}.${contact}`;

describe("contacts", () => {
  test("one document from the request to the reply, with the last message in it", async () => {
    const found = await ofContact(
      [requested],
      [{ type: "AttemptStarted", data: { attempt: 1, until: at } }],
      [accepted],
      [{ type: "ContactDelivered", data: { at } }],
      [{ type: "ContactSent", data: { at } }],
      [{ type: "ContactReplied", data: { inbound: inboundId.parse("i1"), at, stop: true } }],
    );
    expect(found).toMatchObject({
      [id]: {
        account,
        _seq: 6,
        status: "delivered",
        outcome: "accepted",
        attempts: 1,
        replies: 1,
        stopped: true,
        sentAt: at,
        text: sealed,
      },
    });
  });

  test("unknown and later accepted is accepted; gated and asked again starts over", async () => {
    const unknown: ContactEvent = { type: "AttemptUnknown", data: { attempt: 1, cause: "timeout" } };
    expect(await ofContact([requested], [unknown])).toMatchObject({ [id]: { status: "unknown", outcome: "unknown", reason: "timeout" } });
    const reconciled = (await ofContact([requested], [unknown], [accepted]))[id];
    expect(reconciled).toMatchObject({ status: "accepted", outcome: "accepted" });
    expect(reconciled).not.toHaveProperty("reason");
    const gated: ContactEvent = { type: "ContactGated", data: { rule: "calling-hours", remedy: "wait", ...paid } };
    expect(await ofContact([requested], [gated])).toMatchObject({ [id]: { status: "gated", rule: "calling-hours", remedy: "wait" } });
    const again = (await ofContact([requested], [gated], [requested]))[id];
    expect(again).toMatchObject({ status: "requested", requests: 2 });
    expect(again).not.toHaveProperty("outcome");
    expect(again).not.toHaveProperty("rule");
  });

  test("the events of one message count together", async () => {
    expect(await ofContact([requested, { type: "RequestRedundant", data: paid }, accepted])).toMatchObject({
      [id]: { _seq: 1, status: "accepted", redundant: 1 },
    });
  });
});

test("replies, lines and unmatched webhooks", async () => {
  const inbound = inboundId.parse("i1");
  const received: SmsEvent = {
    type: "InboundReceived",
    data: { inbound, person, knownSender: true, contact, text: sealed, keyword: "stop", at },
  };
  const marked: SmsEvent = { type: "InboundMarked", data: { as: "interested", by: "ops" } };
  const reply = subjects.smsInbound(account, inbound);
  expect(await folded(replies, message(reply, 1, received), message(reply, 2, marked))).toMatchObject({
    [`${account}.i1`]: { text: sealed, keyword: "stop", mark: "interested", markedBy: "ops", answers: [] },
  });
  const line = lineId.parse("l1");
  const subject = subjects.smsLine(account, line);
  const opened: SmsEvent = {
    type: "LineOpened",
    data: { line, provider: "smsmobileapi", timeZone: "Europe/Paris", limits: lineLimits.parse({}) },
  };
  const turns = (day: string, ...who: string[]): SmsEvent => ({
    type: "TurnsGiven",
    data: { day, turns: who.map((each) => ({ contact: contactId.parse(each), person, at })) },
  });
  const messages = [
    opened,
    turns("2026-11-20", "a", "b"),
    turns("2026-11-21", "c"),
    { type: "LinePaused", data: { reason: "offline", by: "line" } } as const,
  ];
  expect(await folded(lines, ...messages.map((event, index) => message<SmsEvent>(subject, index + 1, event)))).toMatchObject({
    [`${account}.l1`]: { day: "2026-11-21", turnsOfDay: 1, turns: 3, status: "paused", reason: "offline" },
  });
  const lost: SmsEvent = { type: "WebhookUnmatched", data: { event: "INBOX:7", type: "status", at } };
  const other: SmsEvent = { type: "RefRecorded", data: { contact, attempt: 1, providerId: "id" } };
  const ref = subjects.smsRef(account, "ref");
  expect(Object.keys(await folded(unmatched, message(ref, 3, other), message(ref, 4, lost)))).toEqual([`${account}.4.0`]);
});

test("ads keep what is sealed sealed, and lose it when their owner is erased", async () => {
  const ad: Ad = {
    ad: adId.parse("a1"),
    source: "file",
    sourceId: "1",
    title: "Clio",
    ownerType: "private",
    noCanvassing: false,
    publishedAt: at,
    digest: "d",
    price: 100,
    ownerName: sealed,
  };
  const subject = subjects.ad(account, ad.ad);
  const { ownerName: _, ...bare } = ad;
  const events: AdEvent[] = [
    { type: "AdListed", data: { ad, seenAt: at, import: importId.parse("m1") } },
    { type: "AdChanged", data: { ad: { ...ad, price: 90 }, changed: ["price"], previousPrice: 100, seenAt: at } },
  ];
  const messages = events.map((event, index) => message<AdEvent | ImportEvent>(subject, index + 1, event));
  const found = (await folded(ads, ...messages))[`${account}.a1`];
  expect(found).toMatchObject({ price: 90, previousPrice: 100, changes: 1, import: "m1", ownerName: sealed });
  expect(found).not.toHaveProperty("digest");
  const erased = message<AdEvent | ImportEvent>(subject, 3, { type: "AdDepersonalised", data: { ad: { ...bare, price: 90 } } });
  expect((await folded(ads, ...messages, erased))[`${account}.a1`]).not.toHaveProperty("ownerName");
});

test("imports keep their counts and the first thousand bad rows", async () => {
  const counts = { read: 700, new: 0, changed: 0, duplicate: 0, bad: 700 };
  const bad = Array.from({ length: 700 }, (_, line) => ({ line, reason: "no title", row: sealed }));
  const started: ImportEvent = {
    type: "ImportStarted",
    data: {
      import: importId.parse("m1"),
      source: "file",
      format: "csv",
      bytes: 10,
      fileName: sealed,
      defaultCountry: "FR",
      fictionNumbers: false,
    },
  };
  const progressed: ImportEvent = { type: "ImportProgressed", data: { counts, nextRow: 700, nextLine: 701, bad } };
  const finished: ImportEvent = { type: "ImportFinished", data: { counts: { ...counts, read: 1400, bad: 1400 }, sources: ["file"] } };
  const messages = [started, progressed, progressed, finished].map((event, index) =>
    message<AdEvent | ImportEvent>(subjects.import(account, "m1"), index + 1, event),
  );
  const found = documents.imports.parse((await folded(imports, ...messages))[`${account}.m1`]);
  expect(found).toMatchObject({ status: "finished", counts: { read: 1400, bad: 1400 } });
  expect(found.badRows).toHaveLength(1000);
  expect(found.badRows[0]).toEqual({ line: 0, reason: "no title" });
});

test("hunts and the passes of a day", async () => {
  const hunt = huntId.parse("h1");
  const definition = huntDefinition.parse({ name: "Clios", channels: ["sms"], lines: {}, templates: { sms: "Hi" }, legalBasis: "consent" });
  const events: HuntEvent[] = [
    { type: "HuntCreated", data: { hunt, definition } },
    { type: "HuntActivated", data: {} },
    { type: "HuntPaused", data: { by: "ops" } },
  ];
  const messages = events.map((event, index) => message<HuntEvent | RunEvent>(subjects.hunt(account, hunt), index + 1, event));
  expect(await folded(hunts, ...messages)).toMatchObject({ [`${account}.h1`]: { status: "paused", pausedBy: "ops", definition } });
  const run = runId.parse("2026-11-20");
  const tally = { hunt, found: 3, allocated: 0, skipped: { "opted-out": 3 } };
  const pass: RunEvent[] = [
    { type: "PassOpened", data: { run, pass: 1, reservationNumber: 1, by: "cron", hunts: [hunt] } },
    { type: "PassReserved", data: { pass: 1, reservation: "r1", wanted: 5, held: 4 } },
    { type: "PageAllocated", data: { pass: 1, page: 1, reservation: "r1", rows: [] } },
    { type: "DenialsRecorded", data: { pass: 1, denials: [{ person, hunt, rule: "opted-out" }] } },
    {
      type: "PassClosed",
      data: { pass: 1, reservation: "r1", rest: 4, found: 3, allocated: 0, skipped: { "opted-out": 3 }, hunts: [tally] },
    },
  ];
  const days = pass.map((event, index) => message<HuntEvent | RunEvent>(subjects.run(account, run), index + 1, event));
  expect(await folded(runs, ...days)).toMatchObject({
    [`${account}.2026-11-20`]: {
      passes: [{ pass: 1, status: "closed", wanted: 5, held: 4, rest: 4, pages: 1, denials: 1, hunts: [tally], closedAt: at }],
    },
  });
});

test("people without their numbers, accounts without their secrets", async () => {
  const facts: NumberFacts = { country: "FR", lineType: "mobile", zones: ["Europe/Paris"], fiction: true };
  const life: PersonEvent[] = [
    { type: "PersonRegistered", data: { person, number: sealed, facts } },
    { type: "AttemptDenied", data: { contact, attempt: 1, rule: "sunday" } },
    { type: "OptedOut", data: { by: "keyword", channel: "sms", at } },
    { type: "PersonErased", data: { by: "ops" } },
  ];
  const found = await folded(
    people,
    ...life.map((event, index) => message<AccountEvent | PersonEvent>(subjects.person(account, person), index + 1, event)),
  );
  expect(found).toMatchObject({
    [`${account}.p1`]: { status: "erased", denials: 1, lastDenial: { at, rule: "sunday" }, optedOut: { by: "keyword" } },
  });
  expect(JSON.stringify(found)).not.toContain("sealed");
  const policy = accountPolicy.parse({});
  const events: AccountEvent[] = [
    { type: "AccountCreated", data: { account, name: "Garage", timeZone: "Europe/Paris", country: "FR", secret: sealed, policy } },
    { type: "ApiKeyAdded", data: { key: "k1", hash: "f00d", scopes: ["read"], label: "first" } },
    { type: "ApiKeyRevoked", data: { key: "k1" } },
    { type: "ProviderConnected", data: { provider: "smsmobileapi", line: lineId.parse("l1"), credentials: sealed } },
    { type: "AccountPaused", data: { by: "ops" } },
  ];
  const tenants = await folded(
    accounts,
    ...events.map((event, index) => message<AccountEvent | PersonEvent>(subjects.account(account), index + 1, event)),
  );
  expect(tenants).toMatchObject({
    [`${account}.${account}`]: { paused: true, keys: [{ key: "k1", revoked: true }], providers: [{ line: "l1" }] },
  });
  expect(JSON.stringify(tenants)).not.toMatch(/sealed|f00d/);
});

test("a statement has one line per event with its cause; a balance adds up", async () => {
  const outcome = { contact, reservation: "r1", credits: 1, because: "ContactAccepted" };
  const events: LedgerEvent[] = [
    { type: "CreditsGranted", data: { grant: "g1", credits: 10, by: "ops" } },
    { type: "CreditsReserved", data: { reservation: "r1", credits: 4, purpose: "pass" } },
    {
      type: "OutcomesSettled",
      data: {
        stream: "SMS",
        outcomes: [
          { ...outcome, seq: 5, kind: "captured" },
          { ...outcome, seq: 6, kind: "captured" },
          { ...outcome, seq: 7, kind: "refunded" },
          { ...outcome, seq: 8, kind: "released", named: 3 },
        ],
      },
    },
    { type: "BalanceLow", data: { available: 8, held: 1, below: 10 } },
    { type: "ReservationsChecked", data: { kept: ["r0"], released: [{ reservation: "r1", credits: 1 }] } },
  ];
  const messages = events.map((event, index) => message(subjects.balance(account), index + 1, event));
  expect(await folded(statement, ...messages)).toMatchObject({
    [`${account}.1.0`]: { kind: "granted", credits: 10, cause: { command: "command-1" } },
    [`${account}.2.0`]: { kind: "reserved", credits: 4, reservation: "r1" },
    [`${account}.3.0`]: {
      ...{ kind: "settled", credits: 1 },
      settled: {
        stream: "SMS",
        from: 5,
        to: 8,
        captured: { outcomes: 2, credits: 2 },
        released: { outcomes: 1, credits: 1 },
        notCovered: 2,
      },
    },
    [`${account}.4.0`]: { kind: "low", credits: 10 },
    [`${account}.5.0`]: { kind: "given-back", credits: 1, reservations: 1 },
  });
  expect(await folded(balances, ...messages)).toMatchObject({
    [`${account}.${account}`]: { granted: 10, captured: 2, released: 2, refunded: 1, held: 0, available: 9, low: { since: at, below: 10 } },
  });
});
