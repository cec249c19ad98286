import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createSocketServer, type Socket } from "node:net";
import { Personal } from "@outrider/platform";
import { controlOf, type Faults, noFaults, startSmsMobileApi } from "@outrider/simulators";
import { describe, expect, test } from "vitest";
import type { WebhookToRead } from "./sms-provider.ts";
import { smsMobileApi } from "./smsmobileapi.ts";
import { smsProviderContract, type Treatment } from "./testing-sms-provider-contract.ts";

const faultOf: Readonly<Record<Treatment, Partial<Faults>>> = {
  accepts: {},
  refuses: { refuse: 1 },
  "finds-invalid": { badRequest: 1 },
  "refuses-key": { forbidden: 1 },
  "limits-rate": { tooMany: 1, retryAfterS: 7 },
  "fails-before": { serverErrorBefore: 1 },
  "fails-after": { serverErrorAfter: 1 },
  "cuts-before": { cutBefore: 1 },
  "cuts-after": { cutAfter: 1 },
  "hangs-after": { hangAfter: 1 },
  "answers-nonsense-after": { nonJson: 1 },
};

/** A port that was free a moment ago. */
const deadPort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
};

smsProviderContract("SMSMobileAPI", async () => {
  const simulator = await startSmsMobileApi({ seed: 7 });
  const control = controlOf(simulator.url);
  const [provider, unreachable] = [smsMobileApi(simulator.url, 8), smsMobileApi(`http://127.0.0.1:${await deadPort()}`, 1)];
  return {
    provider,
    unreachable,
    access: { apiKey: "key-a" },
    retryAfterMs: 7000,
    treat: async (how) => void (await control.setFaults({ ...noFaults, ...faultOf[how] })),
    reached: async (to) => {
      const calls = (await Array.fromAsync(control.log())).filter((row) => row.operation === "sendsms" && row.to === to);
      return { calls: calls.length, taken: calls.filter(({ accepted }) => accepted).length, ids: calls.flatMap(({ id }) => id ?? []) };
    },
    goesOffline: async (offline) => void (await control.setFaults({ phoneOffline: offline ? 1 : 0 })),
    cannotBeRead: async (broken) => void (await control.setFaults({ readError: broken ? 1 : 0 })),
    writes: async (from, text) => void (await control.inbound({ from, text, apiKey: "key-a" })),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([provider.close(), unreachable.close()]);
      await simulator.stop();
    },
  };
});

/** Answers every request with these bodies in turn. */
const answering = async (...bodies: readonly string[]) => {
  let next = 0;
  const server = createServer((request, response) => {
    request.resume().on("end", () => response.end(bodies[Math.min(next++, bodies.length - 1)]));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const provider = smsMobileApi(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 1);
  const close = async () => {
    await provider.close();
    server.closeAllConnections();
    server.close();
  };
  return { provider, [Symbol.asyncDispose]: close };
};
const guard = { until: AbortSignal.timeout(60_000), beforeWriting: () => true };
const message = { to: new Personal("+33639980001"), text: new Personal("Bonjour") };
const since = "2026-03-20T21:00:00.000Z";

describe("what the vendor answers", () => {
  test.each([
    ['{"result":{"error":0,"sent":"1","id":"a1"}}', { kind: "accepted", providerId: "a1" }],
    ['{"result":{"error":"0","sent":1,"id":17}}', { kind: "accepted", providerId: "17" }],
    ['{"result":{"error":7,"sent":"api_error","id":""}}', { kind: "rejected", reason: "the provider's error 7" }],
    ['{"result":{"error":"7","sent":"api_error","id":""}}', { kind: "rejected", reason: "the provider's error 7" }],
    ['{"result":{"error":0,"sent":"0","id":""}}', { kind: "rejected", reason: "the provider did not send it" }],
    ['{"result":{"error":0,"sent":"1"}}', { kind: "unknown", cause: "accepted without an id" }],
    ["[]", { kind: "unknown", cause: "an answer in no known form" }],
    ["", { kind: "unknown", cause: "an answer in no known form" }],
  ])("%s", async (body, outcome) => {
    await using vendor = await answering(body);
    expect(await vendor.provider.send({ apiKey: "k" }, message, guard)).toEqual(outcome);
  });
  test("an answer without end is unknown, and is not kept", async () => {
    await using vendor = await answering("x".repeat(5_000_000));
    expect(await vendor.provider.send({ apiKey: "k" }, message, guard)).toMatchObject({ kind: "unknown" });
  });
  test("a row that cannot be read hides no other, of replies as of the sent log", async () => {
    const good = { id: 1, guid: "g1", number: "+33639980001", message: "Oui", timestamp_unix: "1774040864" };
    const rows = [null, { ...good, message: null }, { ...good, guid: "" }, { ...good, timestamp_unix: "soon" }, good];
    const sent = { guid: "g1", number: 33639980001, message: "Bonjour", datetime_unix: 1774040864 };
    await using vendor = await answering(
      JSON.stringify({ result: { error: "0", sms: rows } }),
      JSON.stringify({ result: { error: "0", log: [null, { ...sent, datetime_unix: "soon" }, { ...sent, message: null }, sent] } }),
    );
    const read = await vendor.provider.inboundSince({ apiKey: "k" }, since);
    expect(read?.map(({ key, text, at }) => [key, text.reveal(), at])).toContainEqual(["g1", "Oui", "2026-03-20T21:07:44.000Z"]);
    const found = await vendor.provider.findSent({ apiKey: "k" }, { ...message, since });
    expect(found?.map(({ providerId }) => providerId)).toEqual(["g1"]);
  });
  test("a status is believed when it is clear, and of the message that was asked for", async () => {
    const row = { guid: "g1", number: "+33639980001", message: "Bonjour", datetime_unix: 1774040864 };
    const rows = [
      { ...row, sent: 1 },
      { ...row, sent: "1", error_mobile: "1" },
      { ...row, sent: "0" },
      row,
      { ...row, guid: "g2", sent: 1 },
    ];
    await using vendor = await answering(...rows.map((each) => JSON.stringify({ result: { error: "0", log: [each] } })));
    const at = "2026-03-20T21:07:44.000Z";
    const pending = { kind: "pending" };
    for (const told of [{ kind: "sent", at }, { kind: "failed", at }, pending, pending, pending]) {
      expect(await vendor.provider.statusOf({ apiKey: "k" }, "g1")).toEqual(told);
    }
  });
  test("a time without a zone may be of any zone, and one that is older than that is no answer to this attempt", async () => {
    const at = (datetime?: string) => ({ guid: datetime ?? "none", number: "+33639980001", message: "Bonjour", datetime });
    const log = [at("2026-03-20 21:07:44"), at("2026-03-20T10:00:00"), at("2026-03-20 09:07:42"), at("20/03/2026"), at()];
    await using vendor = await answering(JSON.stringify({ result: { error: "0", log } }));
    const found = await vendor.provider.findSent({ apiKey: "k" }, { ...message, since: "2026-03-20T21:07:44.500Z" });
    expect(found?.map(({ at: time }) => time)).toEqual(["2026-03-20T21:07:44.000Z", "2026-03-20T10:00:00.000Z"]);
  });
  test("an application error instead of a list is no empty list", async () => {
    await using vendor = await answering('{"result":{"error":"12"}}', '{"result":{"error":12,"log":[]}}');
    expect(await vendor.provider.inboundSince({ apiKey: "k" }, since)).toBeUndefined();
    expect(await vendor.provider.findSent({ apiKey: "k" }, { ...message, since })).toBeUndefined();
  });
});

/** Takes connections and does with each what it is told. */
const listening = async (treat: (socket: Socket) => void) => {
  const bytes: number[] = [];
  const sockets = new Set<Socket>();
  const server = createSocketServer((socket) => {
    const place = bytes.push(0) - 1;
    sockets.add(socket);
    socket.on("data", (chunk) => {
      bytes[place] = (bytes[place] ?? 0) + chunk.length;
    });
    socket.on("error", () => undefined); // the reset that we asked for
    treat(socket);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const provider = smsMobileApi(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 1);
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await provider.close();
  };
  return { provider, bytes, [Symbol.asyncDispose]: close };
};

test("a connection that is reset before it took a byte never makes a message accepted, and none is written twice", async () => {
  await using vendor = await listening((socket) => socket.resetAndDestroy());
  const outcome = await vendor.provider.send({ apiKey: "k" }, message, guard);
  expect(["not-sent", "unknown"]).toContain(outcome.kind);
  expect(vendor.bytes.length).toBe(1);
});

test("what waits behind a message without an answer is not sent when its own time is over", async () => {
  await using vendor = await listening(() => undefined);
  const first = vendor.provider.send({ apiKey: "k" }, message, { ...guard, until: AbortSignal.timeout(600) });
  const second = vendor.provider.send({ apiKey: "k" }, message, { ...guard, until: AbortSignal.timeout(200) });
  expect(await second).toMatchObject({ kind: "not-sent" });
  expect(await first).toMatchObject({ kind: "unknown" });
});

describe("a webhook", () => {
  const { readWebhook } = smsMobileApi("http://127.0.0.1:1", 1);
  const receivedAt = "2026-11-20T10:00:00.000Z";
  const [now, secret] = [Date.parse(receivedAt) / 1000, "first"];
  const bodyOf = (type: string, data: object, more: object = {}) =>
    JSON.stringify({ id: "e-1", type, api_version: "2026-09-22", occurred_at: "2026-11-20T09:59:58Z", data, ...more });
  const signed = (body: string, { by = secret, at = String(now), name = "signature" } = {}) => ({
    "x-smsmobileapi-timestamp": at,
    [`x-smsmobileapi-${name}`]: `v1=${createHmac("sha256", by).update(`${at}.${body}`).digest("hex")}`,
  });
  const sent = bodyOf("sms.sent", { guid: "g-1" });
  const read = (body: string, headers: WebhookToRead["headers"] = signed(body), secrets: readonly string[] = [secret]) =>
    readWebhook({ body, headers, secrets, receivedAt });
  const refused = { kind: "ignored", because: "bad-signature" };

  test("is read when one of the account's secrets has signed it, the next one too while they change", () => {
    const news = { kind: "sent", providerId: "g-1", event: "e-1", at: "2026-11-20T09:59:58.000Z" };
    expect(read(sent)).toEqual(news);
    expect(read(sent, signed(sent), ["other", secret])).toEqual(news);
    expect(read(sent, { ...signed(sent, { by: "old" }), ...signed(sent, { name: "signature-next" }) })).toEqual(news);
    expect(read(sent, {}, [])).toEqual(news);
  });
  test("is not believed with a wrong signature, a changed body, or an old or strange time", () => {
    expect(read(sent, signed(sent, { by: "guess" }))).toEqual(refused);
    expect(read(`${sent} `, signed(sent))).toEqual(refused);
    expect(read(sent, {})).toEqual(refused);
    expect(read(sent, signed(sent, { at: String(now - 301) }))).toEqual(refused);
    expect(read(sent, signed(sent, { at: String(now + 301) }))).toEqual(refused);
    expect(read(sent, signed(sent, { at: "yesterday" }))).toEqual(refused);
    expect(read(sent, signed(sent, { at: "" }))).toEqual(refused);
  });
  test("with a signature of the right length in other letters is refused like any other", () => {
    expect(read(sent, { ...signed(sent), "x-smsmobileapi-signature": `v1=${"é".repeat(64)}` })).toEqual(refused);
  });
  test("says sent, failed or received; everything else is left alone", () => {
    expect(read(bodyOf("sms.failed", { guid: "g-1" }))).toMatchObject({ kind: "failed", providerId: "g-1" });
    expect(read(bodyOf("sms.mobile.sent", { id: "g-1" }))).toMatchObject({ kind: "sent", providerId: "g-1" });
    expect(read(bodyOf("sms.sent", { guid: 17 }))).toMatchObject({ kind: "sent", providerId: "17" });
    const inbound = read(
      bodyOf("sms.received", { guid: "i-1", from: "+33639980001", message: "STOP", received_at: "2026-11-20T09:59:00Z" }),
    );
    if (inbound.kind !== "inbound") throw new Error(inbound.kind);
    expect([inbound.message.key, inbound.message.from.reveal(), inbound.message.text.reveal(), inbound.message.at]).toEqual([
      ...["i-1", "+33639980001", "STOP"],
      "2026-11-20T09:59:00.000Z",
    ]);
    for (const type of ["call.missed", "whatsapp.sent", "sms.api.submitted", "of.tomorrow"])
      expect(read(bodyOf(type, { guid: "g-1" }))).toEqual({ kind: "ignored", because: "not-for-us" });
  });
  test("in another form is ignored, never an error", () => {
    const ignored = (body: string) => expect(read(body)).toMatchObject({ kind: "ignored" });
    for (const body of ["", "null", "[]", "\u0000", "{", '{"id":1}', bodyOf("sms.sent", {}), bodyOf("sms.received", { guid: "i" })])
      ignored(body);
    expect(read(bodyOf("sms.sent", { guid: "g" }, { occurred_at: "soon" }))).toMatchObject({ kind: "sent", at: receivedAt });
  });
});
