import { connect } from "node:net";
import { huntCommands } from "@outrider/contracts/hunts";
import { accountId } from "@outrider/contracts/ids";
import { inboxCodec } from "@outrider/contracts/inbox";
import { projectorCommands } from "@outrider/contracts/projector";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { smsCommands } from "@outrider/contracts/sms";
import { subjects } from "@outrider/contracts/streams";
import { type ThrowAwayNats, throwAwayNats } from "@outrider/stack/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hashOfKey } from "./caller.ts";
import { adminKey, no, openWorld, play, type World } from "./testing/world.ts";

const reader = `or_garage_${"r".repeat(43)}`;
const writer = `or_garage_${"w".repeat(43)}`;
const scopes = new Map([
  [hashOfKey(reader), ["read" as const]],
  [hashOfKey(writer), ["write" as const]],
]);
let nats: ThrowAwayNats;
let world: World;

const letter = (id: number, account: string) => ({
  ...{ id, at: "2026-11-20T10:00:00.000Z", service: "sms-sender", consumer: "sms-sender-webhooks", stream: "INBOX", seq: 70 + id },
  ...{ subject: `due.sms-sender.turn.03.${account}.c${id}`, reason: "unreadable", deliveries: 1 },
});
const contacts = { view: "contacts" as const, collection: "contacts_2", build: 2 };
/** As a replica of an earlier release does, whoever asks. */
let listsAll = false;
const played = [
  play(registryCommands.authenticate, ({ hash }) => ({ scopes: scopes.get(hash) ?? no("unauthorised", "no such account and key") })),
  play(registryCommands.pause, ({ account }) => (account === "system" ? { seq: 2 } : no("refused", "no", "already-paused"))),
  play(huntCommands.activateHunt, () => no("not-found", "there is no such hunt")),
  play(huntCommands.archiveHunt, () => no("conflict", "the hunt is over", "archived")),
  play(huntCommands.createHunt, () => no("invalid-request", "unknown variable ad.colour", "unknown-variable")),
  play(smsCommands.history, () => ({ entries: [] })),
  play(smsCommands.deadList, ({ account }) => {
    const letters = [letter(1, "garage"), letter(2, "other")].filter(({ subject }) => listsAll || subject.includes(`.${account ?? ""}`));
    return { letters, total: letters.length };
  }),
  play(smsCommands.deadShow, ({ seq }) => ({ letter: letter(seq, seq === 1 ? "garage" : "other") })),
  play(smsCommands.deadDrop, () => ({ dropped: true })),
  play(projectorCommands.views, () => ({ views: [{ ...contacts, stream: "SMS", version: 1, seq: 7 }] })),
  play(projectorCommands.rebuild, () => ({ ...contacts, build: 3 })),
  play(projectorCommands.verify, async ({ view }) => {
    await new Promise((over) => setTimeout(over, 1_200)); // longer than other commands may take here
    return { view, seq: 7, equal: 4, moved: 0, different: 0, missing: 1, unexpected: 0, first: ["garage.c1"] };
  }),
];

beforeAll(async () => {
  nats = await throwAwayNats();
  world = await openWorld(nats.url, played, { MONGODB_URL: "mongodb://127.0.0.1:9", GATEWAY_COMMAND_TIMEOUT_MS: "1000" });
});
afterAll(async () => {
  await world.close();
  await nats.stop();
});

const slugOf = (answer: Awaited<ReturnType<World["call"]>>): string => String(answer.json.type).split("/").at(-1) ?? "";

describe("who is asking", () => {
  test.each([
    ["no key", {}],
    ["another scheme", { authorization: "Basic YTpi" }],
    ["a wrong key", { authorization: `Bearer or_garage_${"x".repeat(43)}` }],
    ["a key of no form", { authorization: "Bearer hello" }],
    ["a key that would break a subject", { authorization: `Bearer or_a.b_${"x".repeat(43)}` }],
  ])("%s is 401", async (_what, headers) => {
    const answer = await world.call("GET", "/v1/credits", { headers });
    expect([answer.status, slugOf(answer)]).toEqual([401, "unauthorised"]);
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
  });
  test("a key without the scope is 403, and the operator's routes are for nobody else", async () => {
    expect(await world.call("POST", "/v1/pause", { key: reader })).toMatchObject({ status: 403, json: { rule: "scope-missing" } });
    expect((await world.call("GET", "/v1/people/p/export", { key: writer })).status).toBe(403);
    const register = { number: "06 39 98 00 01", register: true };
    expect((await world.call("POST", "/v1/people/lookup", { key: reader, body: register })).json).toMatchObject({ rule: "scope-missing" });
    expect((await world.call("POST", "/v1/system/pause", { key: writer })).status).toBe(403);
    expect(await world.call("POST", "/v1/system/pause", { key: adminKey })).toMatchObject({ status: 200, json: { seq: 2 } });
  });
  test("registry is asked once for a key that is used often", async () => {
    const asked = () => world.asked.filter(({ name }) => name === "registry.authenticate").length;
    await world.call("GET", "/v1/dead?service=sms-sender", { key: reader });
    const before = asked();
    await Promise.all(Array.from({ length: 20 }, () => world.call("GET", "/v1/dead?service=sms-sender", { key: reader })));
    expect(asked()).toBe(before);
  });
  test("a key is for its own account, and no other may be named with it", async () => {
    const named = (account: string) =>
      world.call("GET", "/v1/dead?service=sms-sender", { key: reader, headers: { "outrider-account": account } });
    expect(await named("other")).toMatchObject({
      status: 403,
      json: { rule: "another-account", detail: expect.stringContaining("garage") },
    });
    expect((await named("garage")).status).toBe(200);
  });
  test("the operator names the account", async () => {
    expect(await world.call("POST", "/v1/pause", { key: adminKey })).toMatchObject({ status: 400 });
    expect((await world.call("POST", "/v1/pause", { key: adminKey, headers: { "outrider-account": "a.b" } })).status).toBe(400);
  });
});

const inLists = (levels: number): string => `${"[".repeat(levels)}${"]".repeat(levels)}`;

describe("what cannot be understood", () => {
  test("names the fields that do not fit", async () => {
    const body = { name: "", channels: ["pigeon"], lines: {}, templates: { sms: "x" }, legalBasis: "because" };
    const answer = await world.call("POST", "/v1/hunts", { key: writer, body });
    expect(answer.status).toBe(400);
    expect(answer.headers.get("content-type")).toContain("application/problem+json");
    expect(answer.json.errors.map(({ field }: { field: string }) => field).sort()).toEqual(["channels.0", "legalBasis", "name"]);
    expect(answer.json.request).toBe(answer.headers.get("x-request-id"));
  });
  test("a method that an address does not take is told with those that it does", async () => {
    for (const [method, path, allow] of [
      ["DELETE", "/v1/hunts?limit=3", "GET, POST"],
      ["HEAD", "/v1/hunts/h1", "GET, PUT"],
      ["PATCH", "/v1/account", "GET"],
      ["POST", "/v1/openapi.json", "GET"],
    ] as const) {
      const answer = await fetch(`${world.url}${path}`, { method });
      expect([path, answer.status, answer.headers.get("allow")]).toEqual([path, 405, allow]);
    }
    expect((await fetch(`${world.url}/v1/openapiXjson`)).status).toBe(404);
  });
  test("a query's field that a route does not know is told with those that it does", async () => {
    const misspelt = await world.call("GET", "/v1/dead?servce=sms-sender&limit=1", { key: reader });
    expect([misspelt.status, slugOf(misspelt)]).toEqual([400, "invalid-request"]);
    expect(misspelt.json.errors).toEqual([{ field: "servce", message: "unknown: this route knows service, limit" }]);
    const two = await world.call("POST", "/v1/pause?hunt=h1&why=", { key: writer });
    expect(two.json.errors.map(({ field }: { field: string }) => field)).toEqual(["hunt", "why"]);
    expect(two.json.detail).toContain("this route takes no query");
    // Nobody without a key learns what a route knows.
    expect((await world.call("GET", "/v1/dead?servce=x")).status).toBe(401);
  });
  test("an account's zone and country are told by name when they are none", async () => {
    const body = { account: "nowhere", name: "Nowhere", timeZone: "Mars/Olympus", country: "Germany" };
    const answer = await world.call("POST", "/v1/accounts", { key: adminKey, body });
    expect(answer.status).toBe(400);
    expect(answer.json.errors).toEqual([
      { field: "timeZone", message: "use an IANA time zone such as Europe/Paris" },
      { field: "country", message: "write it as two capital letters, such as FR" },
    ]);
  });
  test.each([
    ["a query", "GET", "/v1/contacts?limit=9999", {}, 400],
    ["a path", "GET", "/v1/hunts/a%20b", {}, 400],
    ["broken JSON", "POST", "/v1/pause", { "content-type": "application/json" }, 400, "{"],
    ["a poisoned prototype", "POST", "/v1/pause", { "content-type": "application/json" }, 400, '{"__proto__":{"x":1}}'],
    ["another content type", "POST", "/v1/pause", { "content-type": "text/xml" }, 415, "<a/>"],
    [
      "a body that is too large",
      "POST",
      "/v1/pause",
      { "content-type": "application/json" },
      413,
      JSON.stringify({ by: "x".repeat(1_100_000) }),
    ],
    ["a body of lists in lists", "POST", "/v1/hunts", { "content-type": "application/json" }, 400, inLists(100_000)],
    [
      "the same with a key to repeat it by",
      "POST",
      "/v1/hunts",
      { "content-type": "application/json", "idempotency-key": "deep" },
      400,
      inLists(100_000),
    ],
    ["an unknown route", "GET", "/v1/nowhere", {}, 404],
    ["a broken address", "GET", "/v1/hunts/%ff", {}, 400],
    ["a line break for an id", "POST", "/v1/pause", { "idempotency-key": "a b" }, 400],
  ])("%s", async (_what, method, path, headers, status, body?: string) => {
    const answer = await fetch(`${world.url}${path}`, {
      ...{ method, headers: { authorization: `Bearer ${writer}`, ...headers } },
      ...(body === undefined ? {} : { body }),
    });
    expect(answer.status).toBe(status);
    expect(answer.headers.get("content-type")).toContain("application/problem+json");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  });
  test("what is no HTTP at all does not stop it", async () => {
    const { hostname, port } = new URL(world.url);
    await new Promise<void>((done) => {
      const socket = connect(Number(port), hostname, () => socket.write("\0\u0001garbage\r\n\r\n"));
      socket.on("close", () => done());
      socket.on("error", () => done());
      socket.resume();
    });
    expect((await world.call("GET", "/v1/openapi.json")).status).toBe(200);
  });
});

describe("what a service refuses", () => {
  test.each([
    ["/v1/hunts/h/activate", 404, undefined],
    ["/v1/hunts/h/archive", 409, "archived"],
    ["/v1/pause", 409, "already-paused"],
  ])("%s is %s with its rule", async (path, status, rule) => {
    const { status: told, json } = await world.call("POST", path, { key: writer });
    expect([told, json.rule]).toEqual([status, rule]);
  });
  test("a service that does not run is 503, at once, and comes back with the id to repeat it", async () => {
    const answer = await world.call("POST", "/v1/runs", { key: writer, headers: { "idempotency-key": "again" } });
    expect([answer.status, slugOf(answer)]).toEqual([503, "unavailable"]);
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(answer.headers.get("idempotency-key")).toBe("again");
  });
});

describe("what is looked into", () => {
  const mine = subjects.smsContact(accountId.parse("garage"), "c1");
  const theirs = subjects.smsContact(accountId.parse("other"), "c1");
  test("an account sees the history of its own subjects", async () => {
    const path = (subject: string) => `/v1/history?subject=${encodeURIComponent(subject)}`;
    expect((await world.call("GET", path(mine), { key: reader })).status).toBe(200);
    expect((await world.call("GET", path(theirs), { key: reader })).status).toBe(403);
    expect((await world.call("GET", path(theirs), { key: adminKey })).status).toBe(200);
    for (const subject of ["sms.contact.>", "sms", "ledger.balance.00.garage", "other.x.00.garage.a"]) {
      expect((await world.call("GET", path(subject), { key: reader })).status).toBe(400);
    }
  });
  test("an event is opened by its place in its stream, by the account that it belongs to", async () => {
    const path = (event: string) => `/v1/history?event=${event}`;
    const at = "2026-11-20T10:00:00.000Z";
    const webhook = { provider: "smsmobileapi", receivedAt: at, request: { k: "k", v: "v" } };
    const stored = inboxCodec.encode(at, [{ type: "WebhookReceived", data: webhook }]);
    const { seq } = await world.service.js.publish(subjects.inbox("smsmobileapi", accountId.parse("garage")), stored);
    const other = await world.service.js.publish(subjects.inbox("smsmobileapi", accountId.parse("other")), stored);
    const { status, json } = await world.call("GET", path(`INBOX:${seq}`), { key: reader });
    expect(status).toBe(200);
    expect(json).toMatchObject({ subject: expect.stringMatching(/^inbox\.smsmobileapi\..*\.garage$/), entries: [{ seq, at }] });
    expect(json.entries[0].events).toEqual([{ type: "WebhookReceived", data: webhook }]);
    for (const missing of [`INBOX:${other.seq}`, `INBOX:${other.seq + 1}`, "NOWHERE:1", "SCHEDULE:1"]) {
      expect((await world.call("GET", path(missing), { key: reader })).status).toBe(404);
    }
    expect((await world.call("GET", path(`INBOX:${other.seq}`), { key: adminKey })).status).toBe(200);
    for (const wrong of ["INBOX", "INBOX:0", "inbox:1", "INBOX:1&subject=sms.contact.00.garage.c1"]) {
      expect((await world.call("GET", path(wrong), { key: reader })).status).toBe(400);
    }
    expect((await world.call("GET", "/v1/history", { key: reader })).status).toBe(400);
  });
  test("dead letters by their own number, each account its own", async () => {
    const all = await world.call("GET", "/v1/dead", { key: adminKey });
    expect(all.json.letters).toMatchObject([
      { seq: 1, of: "INBOX:71" },
      { seq: 2, of: "INBOX:72" },
    ]);
    expect(all.json.unreachable).toContain("scheduler");
    const own = await world.call("GET", "/v1/dead?service=sms-sender", { key: reader });
    expect(own.json).toMatchObject({ letters: [{ seq: 1 }], total: 1 });
    listsAll = true;
    const fromAll = await world.call("GET", "/v1/dead?service=sms-sender", { key: reader });
    listsAll = false;
    expect(fromAll.json.letters.map(({ seq }: { seq: number }) => seq)).toEqual([1]);
    expect((await world.call("GET", "/v1/dead/sms-sender/1", { key: reader })).status).toBe(200);
    expect((await world.call("GET", "/v1/dead/sms-sender/2", { key: reader })).status).toBe(404);
    expect((await world.call("DELETE", "/v1/dead/sms-sender/1", { key: writer })).status).toBe(403);
    expect((await world.call("DELETE", "/v1/dead/sms-sender/2", { key: adminKey })).json).toEqual({ dropped: true });
  });
});

describe("read models", () => {
  test("are listed, rebuilt and verified for the operator", async () => {
    const listed = await world.call("GET", "/v1/views", { key: adminKey });
    expect(listed).toMatchObject({ status: 200, json: { views: [{ view: "contacts", seq: 7 }] } });
    const rebuilt = await world.call("POST", "/v1/views/contacts/rebuild", { key: adminKey });
    expect(rebuilt).toMatchObject({ status: 202, json: { view: "contacts", build: 3 } });
    const verified = await world.call("POST", "/v1/views/contacts/verify", { key: adminKey });
    expect(verified).toMatchObject({ status: 200, json: { equal: 4, missing: 1, first: ["garage.c1"] } });
    expect((await world.call("POST", "/v1/views/horses/rebuild", { key: adminKey })).status).toBe(400);
  });
  test("are nobody else's", async () => {
    for (const [method, path] of [
      ["GET", "/v1/views"],
      ["POST", "/v1/views/contacts/rebuild"],
      ["POST", "/v1/views/contacts/verify"],
    ] as const) {
      expect((await world.call(method, path, { key: writer })).status).toBe(403);
    }
  });
});

test("the page of the API loads nothing from elsewhere", async () => {
  const page = await fetch(`${world.url}/docs`);
  expect(page.status).toBe(200);
  expect(new URL(page.url).pathname).toBe("/docs/");
  expect(page.headers.get("content-type")).toContain("text/html");
  expect(page.headers.get("content-security-policy")).toContain("connect-src 'self'");
  const html = await page.text();
  expect(html).toContain("/v1/openapi.json");
  const loaded = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address = ""]) => address);
  expect(loaded).toEqual(["js/scalar.js"]);
  const script = await fetch(`${world.url}/docs/js/scalar.js`);
  expect(script.headers.get("content-type")).toContain("javascript");
  expect((await script.text()).length).toBeGreaterThan(100_000);
});
