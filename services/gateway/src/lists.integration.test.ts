import type { DocumentOf } from "@outrider/contracts/documents";
import { huntCommands } from "@outrider/contracts/hunts";
import { accountId, type RunId, runId } from "@outrider/contracts/ids";
import { inboxCodec } from "@outrider/contracts/inbox";
import { aliasFreshMs, positionsCollection, readerOf, viewsCollection } from "@outrider/contracts/projector";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { smsCommands } from "@outrider/contracts/sms";
import { subjects } from "@outrider/contracts/streams";
import { keyIds } from "@outrider/platform";
import { afterAll, beforeAll, expect, test } from "vitest";
import { adminKey, openReadingWorld, openWorld, play, type ReadingWorld, type Row, type World } from "./testing/world.ts";

const garage = accountId.parse("garage");
const key = `or_garage_${"s".repeat(43)}`;
const run = runId.parse("2026-11-20");
let world: ReadingWorld;
let passOpen = true;
let allocated = 6;

const played = [
  play(registryCommands.authenticate, () => ({ scopes: ["read" as const, "write" as const] })),
  play(smsCommands.markInbound, () => ({ seq: 50 })),
  play(huntCommands.run, ({ run: asked }: { run: RunId }) => ({
    exists: asked === run,
    passes: [{ pass: 1, open: passOpen, found: 9, allocated, skipped: { "no-number": 2, "too-old": 1 }, reserved: 6, rest: 0 }],
    hunts: [{ hunt: "vans" as never, found: 9, allocated, skipped: { "no-number": 2, "too-old": 1 }, channels: { sms: allocated } }],
    seq: 12,
  })),
];

beforeAll(async () => {
  world = await openReadingWorld(played);
});
afterAll(() => world.close());

const contact = (id: string, more: Partial<DocumentOf<"contacts">> & { readonly at?: string }, account = "garage"): Row => {
  const { at = "2026-11-20T10:00:00.000Z", ...rest } = more;
  return {
    ...{ _id: `${account}.${id}`, account, contact: id, person: `p-${id}`, channel: "sms", line: "phone-1", hunt: "vans", run, step: 1 },
    ...{ text: { k: "k", v: "v" }, purpose: "prospecting", legalBasis: "consent", noCanvassing: false, ownerType: "unknown" },
    ...{ reservation: "r", credits: 1, status: "requested", attempts: 0, requests: 1, redundant: 0, replies: 0, stopped: false },
    ...{ requestedAt: at, _seq: 5, ...rest },
  };
};

test("pages newest first, each contact once, and never another account's", async () => {
  const rows = Array.from({ length: 25 }, (_, index) =>
    contact(`c${index}`, { at: `2026-11-19T10:00:${String(index >> 1).padStart(2, "0")}.000Z`, run: runId.parse("2026-11-19") }),
  );
  await world.put("contacts", [...rows, contact("other", { run: runId.parse("2026-11-19") }, "garage2")]);
  const seen: string[] = [];
  for (let next: string | undefined = ""; next !== undefined; ) {
    const { status, json }: Awaited<ReturnType<World["call"]>> = await world.call(
      "GET",
      `/v1/contacts?run=2026-11-19&limit=10${next && `&cursor=${next}`}`,
      { key },
    );
    expect(status).toBe(200);
    for (const item of json.items) {
      expect(item).not.toHaveProperty("text");
      expect(item).not.toHaveProperty("_id");
      seen.push(item.contact);
    }
    next = json.next;
  }
  expect(seen).toHaveLength(25);
  expect(new Set(seen).size).toBe(25);
  expect(seen[0]).toMatch(/c24/);
  const cursor = (told: unknown) => Buffer.from(JSON.stringify(told)).toString("base64url");
  for (const made of [
    "nonsense",
    cursor(["", null]),
    cursor(["garage2.other", "2026"]),
    cursor(["garage", null]),
    cursor([{ $gt: "" }, null]),
  ]) {
    for (const list of ["contacts", "hunts", "ads"]) {
      expect((await world.call("GET", `/v1/${list}?cursor=${made}`, { key })).status).toBe(400);
    }
  }
});

test("pages lists that have no order of their own by id", async () => {
  const ad = (account: string, id: string): Row => ({ _id: `${account}.${id}`, account, ad: id, title: id, person: "p1", _seq: 2 });
  await world.put("ads", [...["a1", "a2", "a3"].map((id) => ad("garage", id)), ad("garag", "x"), ad("garage2", "x"), ad("garage-x", "x")]);
  for (const filter of ["", "&person=p1"]) {
    const first = await world.call("GET", `/v1/ads?limit=2${filter}`, { key });
    const rest = await world.call("GET", `/v1/ads?limit=2${filter}&cursor=${first.json.next}`, { key });
    expect([...first.json.items, ...rest.json.items].map(({ ad: id }: { ad: string }) => id)).toEqual(["a1", "a2", "a3"]);
    expect(rest.json).not.toHaveProperty("next");
  }
});

test("the operator lists all accounts page by page, without their keys, and nobody else does", async () => {
  const row = (account: string, more: object): Row => ({
    ...{ _id: `${account}.${account}`, account, paused: false, providers: [], _seq: 3 },
    ...{ keys: [{ key: "k", label: "first", scopes: ["admin"], revoked: false }], ...more },
  });
  const providers = [{ provider: "smsmobileapi", line: "main", connectedAt: "2026-11-20T10:00:00.000Z" }];
  const named = ["ann", "bob", "cleo"].map((name) => row(name, { name, country: "FR", providers }));
  await world.put("accounts", [...named, row("system", { paused: true })]); // paused by an administrator, made by nobody
  const first = await world.call("GET", "/v1/accounts?limit=2", { key: adminKey });
  expect(first.json.items).toMatchObject([
    { account: "ann", name: "ann", country: "FR", paused: false, lines: [{ line: "main", provider: "smsmobileapi" }], seq: 3 },
    { account: "bob" },
  ]);
  expect(JSON.stringify(first.json)).not.toContain("scopes");
  const rest = await world.call("GET", `/v1/accounts?limit=2&cursor=${first.json.next}`, { key: adminKey });
  expect([rest.json.items.map(({ account }: { account: string }) => account), rest.json.next]).toEqual([["cleo"], undefined]);
  expect((await world.call("GET", "/v1/accounts?cursor=nonsense", { key: adminKey })).status).toBe(400);
  expect((await world.call("GET", "/v1/accounts", { key })).status).toBe(403);
});

test("reads from the collection that an alias names", async () => {
  await world.put("hunts_2", [
    { _id: "garage.h1", account: "garage", hunt: "h1", definition: {}, status: "active", createdAt: "x", changedAt: "x", _seq: 3 },
  ]);
  await world.collection(viewsCollection).insertOne({ _id: "hunts", collection: "hunts_2" });
  // Where a view is may be known from before, for as long as a swapped collection stays readable.
  await expect
    .poll(() => world.call("GET", "/v1/hunts/h1", { key }), { timeout: 2 * aliasFreshMs })
    .toMatchObject({ status: 200, json: { hunt: "h1", status: "active", seq: 3 } });
  expect((await world.call("GET", "/v1/hunts/h2", { key })).status).toBe(404);
});

test("tells a change that was waited for, though it is in a collection that serves since a moment ago alone", async () => {
  const hunt = { account: "garage", hunt: "swapped", definition: {}, createdAt: "x", changedAt: "x" };
  await world.put("hunts_3", [{ _id: "garage.swapped", ...hunt, status: "paused", _seq: 59 }]);
  const aliases = world.collection(viewsCollection);
  await aliases.updateOne({ _id: "hunts" }, { $set: { collection: "hunts_3" } }, { upsert: true });
  const shown = (query = "") => world.call("GET", `/v1/hunts${query}`, { key });
  await expect.poll(() => shown(), { timeout: 2 * aliasFreshMs }).toMatchObject({ json: { items: [{ status: "paused" }] } });
  await world.put("hunts_4", [{ _id: "garage.swapped", ...hunt, status: "active", _seq: 60 }]);
  await aliases.updateOne({ _id: "hunts" }, { $set: { collection: "hunts_4" } });
  const positions = world.collection(positionsCollection);
  await positions.updateOne({ _id: readerOf("HUNTS") }, { $set: { seq: 60, created: "x", epoch: 1 } }, { upsert: true });
  expect(await shown("?waitFor=60")).toMatchObject({ json: { items: [{ status: "active", seq: 60 }] } });
});

test("waits for the change that was named, and says so when it does not come", async () => {
  const positions = world.collection(positionsCollection);
  await positions.updateOne({ _id: readerOf("SMS") }, { $set: { seq: 40, created: "x", epoch: 1 } }, { upsert: true });
  let answered = false;
  const waiting = world.call("GET", "/v1/replies?waitFor=50", { key }).then((answer) => {
    answered = true;
    return answer;
  });
  await world.call("GET", "/v1/replies?waitFor=40", { key });
  expect(answered).toBe(false);
  await positions.updateOne({ _id: readerOf("SMS") }, { $set: { seq: 50 } });
  expect((await waiting).status).toBe(200);
  const late = await world.call("GET", "/v1/replies?waitFor=51", { key });
  expect(late).toMatchObject({ status: 503, json: { rule: "read-model-behind" } });
}, 20_000);

test("opens replies for the holder of a key, and tells what was erased", async () => {
  const { keyring } = world.service;
  const text = await keyring.seal(keyIds.account(garage), "Oui, rappelez-moi");
  const gone = await keyring.seal("person.garage.gone", "secret");
  await keyring.destroy("person.garage.gone");
  const reply = (id: string, sealed: unknown, at: string): Row => ({
    ...{ _id: `garage.${id}`, account: "garage", inbound: id, knownSender: true, text: sealed, at, mark: "unread", answers: [], _seq: 4 },
  });
  await world.put("replies", [reply("i1", text, "2026-11-20T10:00:00.000Z"), reply("i2", gone, "2026-11-20T11:00:00.000Z")]);
  const { json } = await world.call("GET", "/v1/replies?mark=unread", { key });
  expect(json.items.map(({ inbound, text }: { inbound: string; text: string }) => [inbound, text])).toEqual([
    ["i2", "erased"],
    ["i1", "Oui, rappelez-moi"],
  ]);
});

test("tells a run's progress, and watches it until it has settled", async () => {
  await world.put("contacts", [
    contact("r1", { status: "requested" }),
    contact("r2", { status: "sent", outcome: "accepted", replies: 2, stopped: true }),
    contact("r3", { status: "failed", outcome: "accepted", replies: 1 }),
    contact("r4", { status: "gated", outcome: "gated", rule: "opted-out" }),
    contact("r5", { status: "unknown", outcome: "unknown" }),
    contact("r6", { status: "deferred", rule: "quiet-hours" }),
  ]);
  const { status, json } = await world.call("GET", `/v1/runs/${run}`, { key });
  expect(status).toBe(200);
  const counts = {
    ...{ requested: 2, attempting: 0, accepted: 2, rejected: 0, unknown: 1, gated: { "opted-out": 1 } },
    ...{ sent: 1, delivered: 0, failed: 1, replied: 2, optedOut: 1 },
  };
  expect(json).toMatchObject({
    settled: false,
    progress: { found: 9, allocated: 6, skipped: { "no-number": 2, "too-old": 1 }, byStatus: counts },
  });
  const channels = [{ channel: "sms", allocated: 6, byStatus: counts }];
  expect(json.progress.channels).toEqual(channels);
  expect(json.progress.hunts).toMatchObject([{ hunt: "vans", found: 9, byStatus: counts, channels }]);
  expect((await world.call("GET", "/v1/runs/2026-01-01", { key })).status).toBe(404);

  const watching = fetch(`${world.url}/v1/runs/${run}/events`, { headers: { authorization: `Bearer ${key}` } });
  const stream = (await watching).body?.pipeThrough(new TextDecoderStream());
  if (stream == null) throw new Error("there is no stream");
  const told: { settled: boolean; progress: { byStatus: Record<string, number> } }[] = [];
  for await (const chunk of stream) {
    for (const event of chunk.split("\n\n").filter(Boolean)) {
      expect(event).toMatch(/^event: progress\ndata: \{/);
      told.push(JSON.parse(event.slice(event.indexOf("{"))));
    }
    if (told.length === 1) {
      passOpen = false;
      await world.collection("contacts").updateMany({ run, status: { $in: ["requested", "deferred"] } }, { $set: { status: "accepted" } });
    }
  }
  expect(told.slice(0, -1).map(({ settled }) => settled)).not.toContain(true);
  expect(told.at(-1)?.settled).toBe(true);
  expect(told.at(-1)?.progress.byStatus["accepted"]).toBe(4);
  allocated = 7;
  expect((await world.call("GET", `/v1/runs/${run}`, { key })).json.settled).toBe(false);
  // The seventh was gated here, and a later day's run asked for it anew.
  const earlier = [
    { run: runId.parse(run), rule: "paused" },
    { run: runId.parse("2026-11-22"), rule: "quiet-hours" },
  ];
  await world.put("contacts", [contact("r7", { run: runId.parse("2026-11-23"), status: "sent", outcome: "accepted", earlier })]);
  const now = async () => (await world.call("GET", `/v1/runs/${run}`, { key })).json;
  // A count is good for a moment, also one of those that were asked for anew.
  await expect.poll(now, { timeout: 10_000 }).toMatchObject({
    settled: true,
    progress: { allocated: 7, byStatus: { accepted: 4, sent: 1, gated: { "opted-out": 1, paused: 1 } } },
  });
  expect((await now()).progress.hunts[0].byStatus.gated).toEqual({ "opted-out": 1, paused: 1 });
});

test("without MongoDB lists say so at once, and commands go on", async () => {
  const lone = await openWorld(world.nats.url, [], { MONGODB_URL: "mongodb://127.0.0.1:9", GATEWAY_PORT: "0" });
  try {
    const began = performance.now();
    for (const path of ["/v1/contacts", "/v1/hunts", "/v1/runs", "/v1/replies?waitFor=3", `/v1/runs/${run}`]) {
      const answer = await lone.call("GET", path, { key });
      expect(answer).toMatchObject({ status: 503, json: { type: "https://outrider.dev/problems/unavailable" } });
      expect(answer.headers.get("retry-after")).toBe("1");
    }
    expect(performance.now() - began).toBeLessThan(2000);
    expect(await lone.call("POST", "/v1/replies/i1/mark", { key, body: { as: "done" } })).toMatchObject({ status: 200, json: { seq: 50 } });
    expect(lone.service.health.reasons()).toEqual([]);
  } finally {
    await lone.close();
  }
}, 30_000);

test("webhooks that matched nothing are told with what the provider sent, newest first, to their own account", async () => {
  const seal = async (body: string, account = garage) => {
    const request = await world.service.keyring.seal(keyIds.inbox("2026-11-20"), JSON.stringify({ headers: {}, query: {}, body }));
    const data = { provider: "smsmobileapi", receivedAt: "2026-11-20T10:00:00.000Z", request };
    const stored = inboxCodec.encode(data.receivedAt, [{ type: "WebhookReceived", data }]);
    const { seq } = await world.service.js.publish(subjects.inbox("smsmobileapi", account), stored);
    return seq;
  };
  const [mine, theirs] = [await seal('{"status":"sent","id":"77"}'), await seal("not for you", accountId.parse("garage2"))];
  const row = (id: string, more: object, account = "garage") => ({
    ...{ _id: `${account}.${id}`, account, ref: "r", event: `event-${id}`, type: "sent", at: "2026-11-20T10:00:00.000Z", ...more },
  });
  await world.put("unmatched", [
    row("1", { _seq: 11, inbox: mine }),
    row("2", { _seq: 12 }), // of a release that did not note where it stands
    row("3", { _seq: 13, inbox: theirs }),
    row("4", { _seq: 14, inbox: 999_999 }),
    row("5", { _seq: 15, inbox: theirs }, "garage2"),
  ]);
  const { status, json } = await world.call("GET", "/v1/webhooks/unmatched", { key });
  expect(status).toBe(200);
  expect(json.items.map(({ event, text }: { event: string; text?: string }) => [event, text])).toEqual([
    ["event-4", undefined],
    ["event-3", undefined],
    ["event-2", undefined],
    ["event-1", '{"status":"sent","id":"77"}'],
  ]);
  expect(json.items[3]).toEqual({
    ...{ ref: "r", event: "event-1", type: "sent", at: "2026-11-20T10:00:00.000Z", seq: 11 },
    text: '{"status":"sent","id":"77"}',
  });
});
