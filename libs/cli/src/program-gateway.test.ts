import { expect, test } from "vitest";
import { against, asked, file, wrote } from "./testing-program.ts";

test("a hunt whose text lacks a word that the law wants is saved, and whoever saves it is told", async () => {
  const saved = { hunt: "Yb3", seq: 1, sms: { segments: 1 }, warnings: ["templates.sms: the text does not say STOP"] };
  const definition = file("hunt.json", "{}");
  expect(await against(saved, "hunts", "create", definition)).toBe(0);
  expect(wrote.out).toBe("Hunt Yb3 is there (1 SMS segment).\nNote: templates.sms: the text does not say STOP.\n");
  expect(await against({ ...saved, warnings: undefined }, "hunts", "change", "Yb3", "--file", definition)).toBe(0);
  expect(wrote.out).toMatch(/Hunt Yb3 is changed \(1 SMS segment\)\.\n$/);
});

test.each([
  ["offline", false, /^✗ The phone of line main is offline: switch it on and open its app\.$/],
  ["offline", true, /^✗ The phone of line main is offline: .*; the line is paused: `outrider sms resume main`\.$/],
  ["key-refused", false, /^✗ The provider refuses the key of line main: connect it anew with `outrider sms connect main`\.$/],
  ["unanswered", false, /^✗ The provider did not say whether the phone of line main is online: try again\.$/],
])("`sms test` says what is wrong with a phone and what to do: %s, line paused: %s", async (phone, paused, sentence) => {
  expect(await against({ line: "main", phone, online: false, paused }, "sms", "test")).toBe(1);
  expect(wrote.err.trim()).toMatch(sentence);
});

test("`sms test` of a phone that is online tells also that its line is paused", async () => {
  expect(await against({ line: "main", phone: "online", online: true, paused: false }, "sms", "test")).toBe(0);
  expect(await against({ line: "main", phone: "online", online: true, paused: true }, "sms", "test")).toBe(0);
  expect(wrote.out).toBe("Line main: online.\nLine main: online, but the line is paused: `outrider sms resume main`.\n");
});

test("a command that fails with what it has found tells both in one document", async () => {
  expect(await against({ line: "main", phone: "offline", online: false }, "sms", "test", "--json")).toBe(1);
  expect(
    wrote.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toEqual([{ line: "main", phone: "offline", online: false, error: expect.stringContaining("is offline"), exitCode: 1 }]);
  wrote.out = "";
  expect(await against({ equal: 3, different: 1, first: ["garage.c1"] }, "views", "verify", "contacts", "--json")).toBe(1);
  expect(
    wrote.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toEqual([{ equal: 3, different: 1, first: ["garage.c1"], error: expect.stringContaining("1 different"), exitCode: 1 }]);
});

test.each([
  [["--spread"], { spread: true }],
  [["--no-spread", "--per-day", "none"], { spread: false, recipientsPerDay: null }],
  [["--gap-ms", "500"], { minGapMs: 500 }],
])("a line's limits change by what is named alone: %j", async (words, change) => {
  expect(await against({ seq: 3 }, "sms", "limits", "main", ...words)).toBe(0);
  expect(asked.map(({ what, body }) => [what, JSON.parse(body)])).toEqual([["PATCH /v1/lines/main/limits", change]]);
});

test("`replies` tells hunt, contact, ad and whether the sender is known; `replies show` what was written to and fro", async () => {
  const reply = {
    inbound: "i1",
    at: "2026-11-20T10:00:00.000Z",
    hunt: "vans",
    contact: "c1",
    ad: "a1",
    adTitle: "Peugeot 207",
    mark: "unread",
  };
  const stranger = { inbound: "i2", at: "2026-11-20T11:00:00.000Z", knownSender: false, mark: "unread", text: "Votre colis" };
  expect(await against({ items: [stranger, { ...reply, knownSender: true, text: "Oui" }] }, "replies", "--hunt", "vans")).toBe(0);
  expect(asked.map(({ what }) => what)).toEqual(["GET /v1/replies?hunt=vans&limit=100"]);
  const [head, first, second] = wrote.out.trim().split("\n");
  expect(head).toMatch(/reply .*sender .*hunt .*contact .*ad /);
  expect(first).toMatch(/i2 .*unknown .*Votre colis/);
  expect(second).toMatch(/i1 .*known .*vans .*c1 .*Peugeot 207 .*Oui/);
  wrote.out = "";
  const thread = [
    { at: "2026-11-20T08:00:00.000Z", by: "us", status: "sent", text: "Disponible ?" },
    { at: "2026-11-20T10:00:00.000Z", by: "them", text: "Oui" },
  ];
  expect(await against({ ...reply, knownSender: true, thread }, "replies", "show", "i1")).toBe(0);
  expect(wrote.out).toMatch(/Peugeot 207 \(a1\)[\s\S]*we \(sent\)[\s\S]*Disponible \?[\s\S]*they[\s\S]*Oui/);
});

test("a dry run tells whom it would contact, whom not and why, and which hunt is at fault", async () => {
  const dry = {
    ...{ found: 3, allocated: 1, skipped: { "not-mobile": 1, "hunt-error": 1 }, credits: 1, balance: 99_500 },
    hunts: [{ hunt: "vans" }, { hunt: "cars", error: "line nope is not connected" }],
    contacts: [{ hunt: "vans", ad: "a1", person: "p1", channel: "sms", line: "main" }],
    denials: [{ hunt: "vans", ad: "a2", person: "p2", rule: "not-mobile" }],
  };
  expect(await against(dry, "runs", "dry-run")).toBe(0);
  expect(wrote.out).toMatch(/credits +1 of 99,500\n/);
  expect(wrote.out).toContain("Hunt cars: line nope is not connected.\n");
  expect(wrote.out).toMatch(/vans +p1 +a1 +sms +main\n[\s\S]*not contacted +why[\s\S]*p2 +not-mobile +vans +a2\n/);
});

test("a list is read page by page up to what is wanted, and says that there is more", async () => {
  const items = Array.from({ length: 500 }, (_, index) => ({ contact: `c${index}` }));
  expect(await against({ items, next: "there" }, "contacts", "list", "--limit", "1000", "--json")).toBe(0);
  const query = "limit=500";
  expect(asked.map(({ what }) => what)).toEqual([`GET /v1/contacts?${query}`, `GET /v1/contacts?${query}&cursor=there`]);
  expect(JSON.parse(wrote.out)).toMatchObject({ items: { length: 1000 }, next: "there" });
  wrote.out = "";
  expect(await against({ items: items.slice(0, 100), next: "there" }, "contacts", "list")).toBe(0);
  expect(wrote.out).toMatch(/\nThe first 100; there are more: --limit 1000\.\n$/);
});

test("who is told about need not be known when they want no message, or have agreed to one", async () => {
  const unknown = { person: "p1", known: false };
  expect(await against(unknown, "people", "opt-out", "06 39 98 00 01")).toBe(0);
  expect(asked.map(({ what, body }) => [what, body])).toEqual([
    ["POST /v1/people/lookup", JSON.stringify({ number: "06 39 98 00 01", register: true })],
    ["POST /v1/people/p1/opt-out", "{}"],
  ]);
  expect(await against(unknown, "people", "consent", "0639980001", "--source", "form")).toBe(0);
  expect(await against(unknown, "people", "erase", "0639980001")).toBe(1);
  expect(await against(unknown, "people", "why", "+33999")).toBe(2);
  expect(wrote.err).toContain('"+33999" is no telephone number');
});

test("lists are asked for a person by number as well", async () => {
  for (const list of ["contacts", "replies"]) {
    expect(await against({ person: "p1", known: true, items: [] }, list, "--person", "0639980001")).toBe(0);
    expect(asked.at(-1)?.what).toBe(`GET /v1/${list}?person=p1&limit=100`);
  }
});

test.each([
  [["--daily-limit", "none", "--no-daily-run"], { dailyLimit: null, dailyRunEnabled: false }],
  [["--daily-run", "30 9 * * *", "--weekdays", "1,5"], { dailyRunCron: "30 9 * * *", dailyRunEnabled: true, runWeekdays: [1, 5] }],
  [["--recontact-after", "60", "--low-balance", "100"], { recontactAfterDays: 60, lowBalanceBelow: 100 }],
])("an account's policy changes by what is named alone: %j", async (words, change) => {
  expect(await against({ seq: 3 }, "accounts", "change", ...words)).toBe(0);
  expect(asked.map(({ what, body }) => [what, JSON.parse(body)])).toEqual([["PATCH /v1/account/policy", change]]);
});

test("a line that is connected without a secret says that its webhooks are taken unsigned", async () => {
  const connected = { line: "main", online: true, webhookUrl: "http://127.0.0.1:1/webhooks/x" };
  expect(await against(connected, "sms", "connect", "--api-key", "k")).toBe(0);
  expect(wrote.out).toMatch(/its phone is online[\s\S]*webhooks to http:\/\/127[\s\S]*taken unsigned/);
  wrote.out = "";
  expect(await against(connected, "sms", "connect", "--api-key", "k", "--webhook-secret", "s")).toBe(0);
  expect(wrote.out).not.toContain("unsigned");
});

test("keys are made and revoked; what is no scope or weekday is told before anything is asked", async () => {
  expect(await against({ key: "k2", apiKey: "or_garage_secret" }, "accounts", "add-key", "dashboard", "--scopes", "read")).toBe(0);
  expect(wrote.out).toContain("or_garage_secret");
  expect(await against({ seq: 3 }, "accounts", "revoke-key", "k2")).toBe(0);
  expect(asked.map(({ what }) => what)).toEqual(["DELETE /v1/account/api-keys/k2"]);
  for (const words of [["add-key", "x", "--scopes", "root"], ["change", "--weekdays", "8"], ["change"]]) {
    expect(await against({}, "accounts", ...words)).toBe(2);
    expect(asked).toEqual([]);
  }
});

test("a grant says whose it is", async () => {
  expect(await against({ available: 1500 }, "credits", "grant", "1000", "--account", "garage")).toBe(0);
  expect(wrote.out).toBe("Granted to garage; 1,500 credits are available there.\n");
});

test("what stands beside a hunt's file is not left out silently", async () => {
  expect(await against({}, "hunts", "create", file("hunt.json", "{}"), "--price-to", "5000")).toBe(2);
  expect(wrote.err).toContain("Give a file or options, not both: --price-to");
  expect(asked).toEqual([]);
});

test("`history` opens an event as histories name it", async () => {
  const entries = [{ seq: 17, at: "2026-11-20T10:00:00.000Z", causation: "SCHEDULE:3", events: [{ type: "PassOpened", data: {} }] }];
  expect(await against({ subject: "hunts.run.54.demo.2026-11-20", entries }, "history", "HUNTS:17")).toBe(0);
  expect(asked.map(({ what }) => what)).toEqual(["GET /v1/history?event=HUNTS%3A17&limit=100"]);
  expect(wrote.out).toMatch(/hunts\.run\.54\.demo\.2026-11-20[\s\S]*17 .*SCHEDULE:3[\s\S]*PassOpened/);
});

test("`history` goes on where a page ends, as far as is wanted, and says that there is more", async () => {
  const entries = [{ seq: 17, at: "2026-11-20T10:00:00.000Z", events: [{ type: "PassOpened", data: {} }] }];
  expect(await against({ subject: "s", entries, next: 17 }, "history", "HUNTS:17", "--limit", "2")).toBe(0);
  expect(asked.map(({ what }) => what)).toEqual([
    "GET /v1/history?event=HUNTS%3A17&limit=2",
    "GET /v1/history?event=HUNTS%3A17&limit=1&from=17",
  ]);
  expect(wrote.out).toContain("The first 2; there are more");
});

test("`history` shows the beginning of what nobody would read to its end, and all of it with --json", async () => {
  const rows = Array.from({ length: 500 }, (_, row) => ({ contact: `contact-${row}` }));
  const entries = [{ seq: 9, events: [{ type: "PageAllocated", data: { rows } }], state: { rows } }];
  expect(await against({ subject: "s", entries }, "history", "HUNTS:9", "--state")).toBe(0);
  expect(wrote.out).toMatch(/PageAllocated .*contact-0.*… \(12,900 characters; --json tells all\)\n {2}= .*--json tells all\)\n$/);
  expect(wrote.out.length).toBeLessThan(2_500);
  wrote.out = "";
  expect(await against({ subject: "s", entries }, "history", "HUNTS:9", "--json")).toBe(0);
  expect(JSON.parse(wrote.out)).toMatchObject({ entries });
});

test("what is named is part of an address as one piece, whatever stands in it", async () => {
  expect(await against({}, "hunts", "show", "a b/c?d")).toBe(0);
  expect(asked.map(({ what }) => what)).toEqual(["GET /v1/hunts/a%20b%2Fc%3Fd"]);
  expect(await against({}, "people", "erase", "é/../x")).toBe(0);
  expect(asked.map(({ what }) => what)).toEqual(["POST /v1/people/%C3%A9%2F..%2Fx/erase"]);
});

test.each([
  ["", "The parameter hunt of /v1/hunts/:hunt is empty."],
  ["..", 'The parameter hunt of /v1/hunts/:hunt is "..", which no path can hold.'],
])("%j is nothing's id: the gateway is not even asked", async (hunt, sentence) => {
  expect(await against({}, "hunts", "show", hunt)).toBe(2);
  expect(wrote.err).toBe(`✗ ${sentence}\n`);
  expect(asked).toEqual([]);
});

test.each([
  [true, /^It was handled, and is no dead letter any more\./],
  [false, /^It could not be handled yet and stays a dead letter/],
])("a retry says whether the letter is gone: %s", async (retried, sentence) => {
  expect(await against({ retried }, "dead", "retry", "sms-sender", "12")).toBe(0);
  expect(wrote.out).toMatch(sentence);
});

test.each(["hunts", "ads", "runs", "contacts", "replies", "dead", "views", "sms", "webhooks"])("`%s` alone is its list", async (group) => {
  expect(await against({ items: [] }, group, "--json")).toBe(0);
  expect(JSON.parse(wrote.out)).toEqual({ items: [] });
});

test("views that are behind say by how much, and one sentence says what nobody can read on from", async () => {
  const stuck = "SMS:9 was written by a newer release (ContactRequested@99); a replica of that release must handle it";
  const shown = (view: string, more: object) => ({
    view,
    stream: "SMS",
    collection: view,
    build: 1,
    version: 1,
    seq: 8,
    head: 12,
    ...more,
  });
  const degraded = { seq: 5, reason: "cannot be read" };
  const views = [shown("contacts", { stuck }), shown("replies", { stuck }), shown("hunts", { stream: "HUNTS", head: 8, degraded })];
  expect(await against({ views }, "views")).toBe(0);
  expect(wrote.out).toMatch(/^view +stream +up to +behind/);
  expect(wrote.out).toMatch(/^contacts +SMS +8 +4 /m);
  expect(wrote.out).toMatch(/^hunts +HUNTS +8 +0 .*HUNTS:5 cannot be read/m);
  expect(wrote.out.match(/✗ .*/g)).toEqual([`✗ SMS is not read on: ${stuck}.`]);
});

test("a dead letter that is not there cannot be dropped", async () => {
  expect(await against({ dropped: false }, "dead", "drop", "sms-sender", "12")).toBe(1);
  expect(wrote.err).toContain("There is no dead letter 12 of sms-sender");
  expect(await against({ dropped: true }, "dead", "drop", "sms-sender", "12")).toBe(0);
});

test("services that did not answer are named below their dead letters", async () => {
  expect(await against({ letters: [], total: 0, unreachable: ["sms-sender"] }, "dead")).toBe(0);
  expect(wrote.out).toContain("No dead letters of the services that answered.");
  expect(wrote.out).toContain("No answer from sms-sender");
});

test("a grant that was there already is told as nothing added", async () => {
  const words = ["credits", "grant", "7000", "--grant", "invoice-1", "--account", "garage"];
  expect(await against({ grant: "invoice-1", added: false, available: 500 }, ...words)).toBe(0);
  expect(wrote.out).toBe("Nothing is added: garage has the grant invoice-1 already; 500 credits are available there.\n");
});

test("lines show every limit, and accounts their lines", async () => {
  const limits = { minGapMs: 100, jitterMs: 15_000, recipientsPerDay: 200, recipientsPerMonth: 4000, spread: false };
  expect(await against({ items: [{ line: "main", provider: "smsmobileapi", status: "open", limits, turns: 3 }] }, "sms")).toBe(0);
  expect(wrote.out).toMatch(/gap ms +jitter ms +a day +a month/);
  expect(wrote.out).toMatch(/100 +15,000 +200 +4,000/);
  wrote.out = "";
  const one = { account: "acme", name: "Acme", paused: false, lines: [{ line: "main", provider: "smsmobileapi" }] };
  expect(await against({ items: [one] }, "accounts", "list")).toBe(0);
  expect(asked.map(({ what }) => what)).toEqual(["GET /v1/accounts?limit=100"]);
  expect(wrote.out).toContain("main (smsmobileapi)");
});
