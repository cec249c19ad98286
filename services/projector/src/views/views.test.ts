import type { Ad, AdEvent, ImportEvent } from "@outrider/contracts/ads";
import { documents } from "@outrider/contracts/documents";
import type { NumberFacts } from "@outrider/contracts/fields";
import type { HuntEvent, RunEvent } from "@outrider/contracts/hunts";
import { huntDefinition } from "@outrider/contracts/hunts";
import { adId, huntId, importId, lineId, runId } from "@outrider/contracts/ids";
import type { LedgerEvent } from "@outrider/contracts/ledger";
import { type AccountEvent, accountPolicy, type PersonEvent } from "@outrider/contracts/registry";
import { subjects } from "@outrider/contracts/streams";
import { expect, test } from "vitest";
import { accounts } from "./accounts.ts";
import { ads } from "./ads.ts";
import { balances } from "./balances.ts";
import { hunts } from "./hunts.ts";
import { imports } from "./imports.ts";
import { people } from "./people.ts";
import { runs } from "./runs.ts";
import { statement } from "./statement.ts";
import { account, at, contact, folded, message, person, sealed } from "./testing-folded.ts";

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
