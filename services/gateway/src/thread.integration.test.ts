import type { ContactRequest } from "@outrider/contracts/contact";
import { huntCommands } from "@outrider/contracts/hunts";
import { accountId, contactIdOf, huntId, idFromKey, lineId, personId, runId } from "@outrider/contracts/ids";
import { ledgerCommands } from "@outrider/contracts/ledger";
import { accountPolicy } from "@outrider/contracts/registry";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { smsCommands } from "@outrider/contracts/sms";
import { type ThrowAwayNats, testMongo, throwAwayNats } from "@outrider/stack/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hashOfKey } from "./caller.ts";
import { adminKey, no, openWorld, play, type World } from "./testing/world.ts";

const garage = accountId.parse("garage");
const person = personId.parse("p1");
const secret = "s".repeat(43);
const key = `or_garage_${secret}`;
const readKey = `or_garage_${"r".repeat(43)}`;
const line = lineId.parse("phone-1");
const facts = { country: "FR", lineType: "mobile" as const, zones: ["Europe/Paris"], fiction: true };
const created = new Set<string>();
const requested = new Map<string, ContactRequest>();

let nats: ThrowAwayNats;
let world: World;

/** Whoever is looked up by a number. */
let isErased = false;
const registry = [
  play(registryCommands.createAccount, ({ account }, { commandId }) => {
    const known = created.has(commandId);
    created.add(commandId);
    return { account, created: !known, seq: 1 };
  }),
  play(registryCommands.authenticate, ({ account, hash }) => {
    if (account === garage && hash === hashOfKey(key)) return { scopes: ["read" as const, "write" as const, "admin" as const] };
    if (account === garage && hash === hashOfKey(readKey)) return { scopes: ["read" as const] };
    return no("unauthorised", "no such account and key");
  }),
  play(registryCommands.account, ({ account }) =>
    account === garage
      ? {
          ...{ account, name: "Garage", timeZone: "Europe/Paris", country: "FR", policy: accountPolicy.parse({}), paused: false },
          ...{ providers: [{ provider: "smsmobileapi" as const, line, credentials: { k: "k", v: "v" } }], revision: 3 },
        }
      : no("not-found", "there is no such account"),
  ),
  play(registryCommands.people, ({ numbers }) => ({
    people: numbers.map(() => ({ kind: "person" as const, person, facts, erased: isErased })),
  })),
];
const others = [
  play(ledgerCommands.reserve, ({ reservation, most }) => ({ reservation, credits: most, until: "2026-11-20T10:01:00.000Z" })),
  play(ledgerCommands.grant, ({ credits, grant }) => ({ seq: 4, available: credits, added: grant !== "invoice-1" })),
  play(smsCommands.request, ({ request }) => {
    requested.set(request.contact, request);
    return { contact: request.contact, outcome: "requested" as const, seq: 9 };
  }),
  play(smsCommands.contact, ({ contact }) => {
    const request = requested.get(contact);
    return request === undefined
      ? { exists: false, status: "none", credits: 0, revision: 0 }
      : { exists: true, status: "requested", credits: request.credits, request, revision: 9 };
  }),
  play(smsCommands.connect, ({ line }) => ({ line, online: true, seq: 2 })),
  play(huntCommands.createHunt, ({ hunt }) => ({ hunt, seq: 5 })),
  play(huntCommands.startPass, () => ({ run: runId.parse("2026-11-20"), pass: 1, seq: 6, open: true })),
];

beforeAll(async () => {
  nats = await throwAwayNats();
  const mongo = await testMongo();
  world = await openWorld(nats.url, [...registry, ...others], { MONGODB_URL: mongo.url, MONGODB_DATABASE: mongo.database });
});
afterAll(async () => {
  await world.close();
  await nats.stop();
});

describe("accounts", () => {
  test("are created by the operator, and their key is shown once", async () => {
    const body = { account: "garage", name: "Garage" };
    const headers = { "idempotency-key": "create-1" };
    const first = await world.call("POST", "/v1/accounts", { key: adminKey, body, headers });
    expect(first).toMatchObject({
      status: 201,
      json: { account: "garage", apiKey: expect.stringMatching(/^or_garage_[A-Za-z0-9_-]{43}$/) },
    });
    const again = await world.call("POST", "/v1/accounts", { key: adminKey, body, headers });
    expect(again).toMatchObject({ status: 200, json: { account: "garage", apiKeyShownOnce: true } });
    expect(again.json).not.toHaveProperty("apiKey");
  });
  test("are not created by anybody else", async () => {
    const body = { account: "garage", name: "Garage" };
    expect((await world.call("POST", "/v1/accounts", { key, body })).status).toBe(403);
    expect((await world.call("POST", "/v1/accounts", { body })).status).toBe(401);
    expect((await world.call("POST", "/v1/accounts", { key: `${adminKey}x`, body })).status).toBe(401);
  });
  test("are shown to their own keys without credentials", async () => {
    const { status, json } = await world.call("GET", "/v1/account", { key });
    expect(status).toBe(200);
    expect(json).toMatchObject({ account: "garage", lines: [{ line: "phone-1", provider: "smsmobileapi" }] });
    expect(JSON.stringify(json)).not.toContain("credentials");
  });
});

describe("a hunt, a line and a run", () => {
  test("a new hunt has an id of its idempotency key", async () => {
    const body = {
      ...{ name: "Vans", channels: ["sms"], lines: { sms: "phone-1" }, templates: { sms: "Hello" } },
      ...{ legalBasis: "offer-to-buy", activate: true },
    };
    const { status, json } = await world.call("POST", "/v1/hunts", { key, body, headers: { "idempotency-key": "h" } });
    expect(status).toBe(201);
    expect(json).toEqual({ hunt: idFromKey("hunt", garage, "h"), seq: 5 });
    expect(world.lastAsked("hunt-allocator.create-hunt")).toMatchObject({ activate: true, definition: { name: "Vans", priority: 5 } });
  });
  test("a misspelt setting is told", async () => {
    const body = { name: "x", channels: ["sms"], lines: {}, templates: { sms: "x" }, legalBasis: "consent", criteria: { priceform: 3 } };
    const { status, json } = await world.call("POST", "/v1/hunts", { key, body: { ...body, dailylimit: 3 } });
    expect(status).toBe(400);
    expect(json.detail).toMatch(/dailylimit/);
    expect(json.detail).toMatch(/priceform/);
    expect((await world.call("PATCH", "/v1/account/policy", { key, body: { dailylimit: 3 } })).status).toBe(400);
  });
  test("a connected line is told where its webhooks go", async () => {
    const body = { line: "phone-1", provider: "smsmobileapi", apiKey: "secret" };
    const { status, json } = await world.call("POST", "/v1/lines", { key, body });
    expect(status).toBe(201);
    expect(json.webhookUrl).toMatch(new RegExp(`^${world.url}/webhooks/smsmobileapi/garage/[A-Za-z0-9_-]{32}$`));
  });
  test("a pass is started by hand without any body", async () => {
    expect(await world.call("POST", "/v1/runs", { key })).toMatchObject({ status: 202, json: { run: "2026-11-20", pass: 1, open: true } });
    expect(world.lastAsked("hunt-allocator.start-pass")).toEqual({ account: "garage", by: "hand" });
  });
  test("credits are granted by the operator to the account that is named", async () => {
    const headers = { "outrider-account": "garage" };
    const granted = await world.call("POST", "/v1/credits/grants", { key: adminKey, headers, body: { credits: 10 } });
    expect(granted).toMatchObject({ status: 201, json: { available: 10, added: true } });
    const again = await world.call("POST", "/v1/credits/grants", { key: adminKey, headers, body: { credits: 10, grant: "invoice-1" } });
    expect(again).toMatchObject({ status: 200, json: { grant: "invoice-1", added: false } });
    const stranger = { "outrider-account": "nobody" };
    expect((await world.call("POST", "/v1/credits/grants", { key: adminKey, headers: stranger, body: { credits: 10 } })).status).toBe(404);
  });
});

describe("one contact", () => {
  test("asked for again with its key is the one that there is, however late, and pays nothing; another request with that key is told", async () => {
    const body = { number: "+33639980001", text: "Is it still for sale?", purpose: "prospecting", legalBasis: "offer-to-buy" };
    const post = (more: object = {}) =>
      world.call("POST", "/v1/contacts", { key, body: { ...body, ...more }, headers: { "idempotency-key": "repeated" } });
    const first = await post();
    expect(first.status).toBe(202);
    const before = world.asked.length;
    expect(await post({ line: "phone-1" })).toMatchObject({ status: 202, json: first.json });
    for (const other of [{ text: "Is it sold?" }, { purpose: "service" }, { legalBasis: "consent" }, { line: "phone-2" }]) {
      const { status, json, headers } = await post(other);
      expect(status).toBe(409);
      expect(headers.get("content-type")).toMatch("application/problem+json");
      expect(json).toMatchObject({ type: "https://outrider.dev/problems/idempotency-key-reused", status: 409 });
    }
    const names = world.asked.slice(before).map(({ name }) => name);
    expect(names).not.toContain("credit-ledger.reserve");
    expect(names).not.toContain("sms-sender.request");
  });
  test("leaves the gateway sealed, paid for and known by its idempotency key", async () => {
    const body = { number: "+33639980001", text: "Is it still for sale?", purpose: "prospecting", legalBasis: "offer-to-buy" };
    const headers = { "idempotency-key": "c-1" };
    const { status, json } = await world.call("POST", "/v1/contacts", { key, body, headers });
    expect(status).toBe(202);
    const contact = idFromKey("contact", garage, "c-1");
    expect(json).toEqual({ contact, person: "p1", outcome: "requested", seq: 9 });
    const [reserve, request] = world.asked.slice(-2);
    expect(reserve?.request).toMatchObject({ reservation: `contact-${contact}`, most: 1, atLeast: 1, purpose: "request", contact });
    expect(request?.request).toMatchObject({
      request: { contact, person: "p1", line: "phone-1", credits: 1, reservation: `contact-${contact}` },
      reservedUntil: "2026-11-20T10:01:00.000Z",
    });
    expect(JSON.stringify(world.asked)).not.toMatch(/639980001|still for sale/);
    const { numbers } = world.lastAsked<{ numbers: { k: string; v: string }[] }>("registry.people");
    expect(await world.service.keyring.openMany(numbers)).toEqual(["+33639980001"]);
    expect(numbers[0]?.k).toBe("account.garage");
  });
  test("goes to a person who is known, and to nobody else", async () => {
    const { keyring } = world.service;
    await keyring.ensure(["person.garage.known", "person.garage.gone"]);
    await keyring.destroy("person.garage.gone");
    const to = (whom: string) =>
      world.call("POST", "/v1/contacts", { key, body: { person: whom, text: "x", purpose: "service", legalBasis: "consent" } });
    expect((await to("known")).status).toBe(202);
    const before = world.asked.length;
    expect(await to("nobody")).toMatchObject({ status: 404, json: { rule: "unknown-person" } });
    expect(await to("gone")).toMatchObject({ status: 409, json: { rule: "erased" } });
    // Also while the key of who was erased is not destroyed yet.
    isErased = true;
    const body = { number: "+33639980001", text: "x", purpose: "service", legalBasis: "consent" };
    const erased = await world.call("POST", "/v1/contacts", { key, body });
    isErased = false;
    expect(erased).toMatchObject({ status: 409, json: { rule: "erased" } });
    expect(world.asked.slice(before).map(({ name }) => name)).not.toContain("credit-ledger.reserve");
  });
  test("is one trace from its caller to every service", async () => {
    const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    const headers = { traceparent: `00-${trace}-00f067aa0ba902b7-01` };
    const before = world.asked.length;
    const body = { number: "+33639980002", text: "x", purpose: "service", legalBasis: "consent" };
    expect((await world.call("POST", "/v1/contacts", { key, body, headers })).status).toBe(202);
    const asked = world.asked.slice(before);
    expect(asked.map(({ name }) => name)).toContain("sms-sender.request");
    for (const { context } of asked) expect(context.traceparent).toContain(trace);
  });
  test("needs a number or a person, not both", async () => {
    const body = { text: "x", purpose: "prospecting", legalBasis: "offer-to-buy" };
    for (const who of [{}, { number: "+33639980001", person: "p1" }]) {
      const { status, json } = await world.call("POST", "/v1/contacts", { key, body: { ...body, ...who } });
      expect(status).toBe(400);
      expect(json).toMatchObject({ type: "https://outrider.dev/problems/invalid-request", errors: [{ field: "number" }] });
    }
  });
});

describe("lists", () => {
  test("are empty before anything was projected", async () => {
    for (const path of ["/v1/contacts", "/v1/hunts", "/v1/lines", "/v1/imports", "/v1/ads", "/v1/runs", "/v1/credits/statement"]) {
      expect(await world.call("GET", path, { key: readKey })).toMatchObject({ status: 200, json: { items: [] } });
    }
  });
});

test("contact ids of hunts are never taken by requests", () => {
  expect(contactIdOf(garage, huntId.parse("h"), person, 1)).not.toBe(idFromKey("contact", garage, "h"));
});
