import { request as httpRequest } from "node:http";
import { accountId } from "@outrider/contracts/ids";
import { inboxCodec, webhookRequest } from "@outrider/contracts/inbox";
import { streams, subjects } from "@outrider/contracts/streams";
import { ensureStream } from "@outrider/eventing";
import { keyIds } from "@outrider/platform";
import { type ThrowAwayNats, throwAwayNats } from "@outrider/stack/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inboxKeys, limits } from "./config.ts";
import { destroyOldKeys } from "./inbox.ts";
import { webhookSecret } from "./routes/lines.ts";
import { openWorld, type World, webhookKey } from "./testing/world.ts";

const garage = accountId.parse("garage");
const address = `/webhooks/smsmobileapi/garage/${webhookSecret(webhookKey, "smsmobileapi", "garage")}`;
let nats: ThrowAwayNats;
let world: World;

// Without MongoDB: webhooks do not need it.
beforeAll(async () => {
  nats = await throwAwayNats();
  world = await openWorld(nats.url, [], { MONGODB_URL: "mongodb://127.0.0.1:9" });
});
afterAll(async () => {
  await world.close();
  await nats.stop();
});

const count = async (): Promise<number> => (await world.service.jsm.streams.info(streams.inbox.name)).state.messages;
const newest = async () => {
  const message = await world.service.jsm.direct.getMessage(streams.inbox.name, { last_by_subj: subjects.inbox("smsmobileapi", garage) });
  if (message === null) throw new Error("nothing was stored");
  const decoded = inboxCodec.decode(message.data);
  const event = decoded.kind === "events" ? decoded.events[0] : undefined;
  if (event === undefined) throw new Error(decoded.kind);
  const opened = await world.service.keyring.open(event.data.request);
  return { message, event: event.data, request: webhookRequest.parse(JSON.parse(opened)) };
};

test("stores what a provider sends, as it came, sealed by the key of the day, before it answers", async () => {
  const body = '{"event":"sms.received", "text":"yes, call me"}';
  const answer = await fetch(`${world.url}${address}?a=1&a=2`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-smsmobileapi-signature": "v1=aa", authorization: "Bearer hidden", cookie: "a=b" },
    body,
  });
  expect(answer.status).toBe(200);
  const { message, event, request } = await newest();
  expect(request.body).toBe(body);
  expect(request.query).toEqual({ a: "1,2" });
  expect(request.headers).toMatchObject({ "x-smsmobileapi-signature": "v1=aa", "content-type": "application/json" });
  expect(request.headers).not.toHaveProperty("authorization");
  expect(request.headers).not.toHaveProperty("cookie");
  expect(event.request.k).toBe(keyIds.inbox(new Date().toISOString().slice(0, 10)));
  expect(Buffer.from(message.data).toString()).not.toMatch(/call me|hidden/);
  expect(message.header.get("traceparent")).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
});

test("goes on with the trace of the sender", async () => {
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  await fetch(`${world.url}${address}`, { method: "POST", headers: { traceparent }, body: "x" });
  expect((await newest()).message.header.get("traceparent")).toContain("4bf92f3577b34da6a3ce929d0e0e4736");
});

test("takes any content type, none, and GET", async () => {
  for (const [method, type, body] of [
    ["POST", "application/x-www-form-urlencoded", "a=b"],
    ["POST", "text/xml; charset=utf-8", "<a/>"],
    ["POST", "application/json", "{not json"],
    ["POST", undefined, undefined],
    ["GET", undefined, undefined],
  ] as const) {
    const answer = await fetch(`${world.url}${address}`, {
      method,
      ...(type === undefined ? {} : { headers: { "content-type": type } }),
      ...(body === undefined ? {} : { body }),
    });
    expect(answer.status).toBe(200);
    expect((await newest()).request.body).toBe(body ?? "");
  }
});

test("stores an event once that the provider names twice", async () => {
  const headers = { "x-smsmobileapi-event-id": "evt-1" };
  const before = await count();
  for (const body of ["first", "first"])
    expect((await fetch(`${world.url}${address}`, { method: "POST", headers, body })).status).toBe(200);
  expect(await count()).toBe(before + 1);
  // Another account's event may have the same name: it is another event.
  const bakery = `/webhooks/smsmobileapi/bakery/${webhookSecret(webhookKey, "smsmobileapi", "bakery")}`;
  expect((await fetch(`${world.url}${bakery}`, { method: "POST", headers, body: "theirs" })).status).toBe(200);
  expect(await count()).toBe(before + 2);
});

test("knows nothing of another secret, account or provider", async () => {
  const before = await count();
  const good = address.split("/").at(-1) ?? "";
  const changed = `${good.slice(0, -1)}${good.endsWith("A") ? "B" : "A"}`;
  for (const path of [
    `/webhooks/smsmobileapi/garage/${changed}`,
    `/webhooks/smsmobileapi/garage/${good}A`,
    `/webhooks/smsmobileapi/other/${good}`,
    `/webhooks/smsmobileapi/${encodeURIComponent("a.b>")}/${good}`,
    `/webhooks/twilio/garage/${good}`,
    `/webhooks/__proto__/garage/${webhookSecret(webhookKey, "__proto__", "garage")}`,
    `/webhooks/constructor/garage/${webhookSecret(webhookKey, "constructor", "garage")}`,
  ]) {
    const answer = await fetch(`${world.url}${path}`, { method: "POST", body: "x" });
    expect(answer.status, path).toBe(404);
    expect(answer.headers.get("content-type")).toContain("application/problem+json");
  }
  expect(await count()).toBe(before);
});

test("refuses what is too large, told or not", async () => {
  const body = Buffer.alloc(limits.webhookBytes + 1, "x");
  expect((await fetch(`${world.url}${address}`, { method: "POST", body })).status).toBe(413);
  const status = await new Promise<number>((done, failed) => {
    const sent = httpRequest(`${world.url}${address}`, { method: "POST" }, (answer) => {
      answer.resume();
      done(answer.statusCode ?? 0);
    });
    sent.on("error", failed);
    for (let from = 0; from < body.length; from += 65_536) sent.write(body.subarray(from, from + 65_536)); // chunked: no length is told
    sent.end();
  });
  expect(status).toBe(413);
});

test("a key of a day that is over is destroyed with all that came on that day", async () => {
  const { keyring, clock } = world.service;
  const daysAgo = (days: number) => keyIds.inbox(new Date(clock.realNowMs() - days * 86_400_000).toISOString().slice(0, 10));
  const [kept, over] = [daysAgo(inboxKeys.keptDays), daysAgo(inboxKeys.keptDays + 1)];
  await keyring.ensure([kept, over]);
  expect(await destroyOldKeys(world.service)).toEqual([over]);
  expect(await keyring.stateOf(over)).toBe("destroyed");
  expect(await keyring.stateOf(kept)).toBe("live");
  expect(await destroyOldKeys(world.service)).toEqual([]);
});

test("answers 503 when what came was not stored, so that the provider comes again", async () => {
  const { jsm } = world.service;
  await jsm.streams.delete(streams.inbox.name);
  expect((await fetch(`${world.url}${address}`, { method: "POST", body: "x" })).status).toBe(503);
  await ensureStream(jsm, streams.inbox);
  expect((await fetch(`${world.url}${address}`, { method: "POST", body: "x" })).status).toBe(200);
  expect(await count()).toBe(1);
});

test("answers 503 while NATS is away, so that the provider comes again", async () => {
  await nats.standStill();
  try {
    const answer = await fetch(`${world.url}${address}`, { method: "POST", body: "x" });
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe("1");
  } finally {
    nats.kill("SIGCONT");
  }
});
