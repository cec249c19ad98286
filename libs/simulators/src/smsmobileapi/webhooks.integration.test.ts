import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { eventually, receiver, resultOf, type Seen, simulator } from "./testing.ts";

const to = "+33639980001";
const secret = "whsec-1";

const event = (seen: Seen | undefined) => JSON.parse(seen?.body ?? "{}");
/** Written out again after the vendor's sample receiver, so that the sender is not its own judge. */
const signed = (key: string, seen: Seen) =>
  `v1=${createHmac("sha256", key).update(`${seen.headers["x-smsmobileapi-timestamp"]}.`).update(seen.body).digest("hex")}`;

async function setting(answer?: (nth: number) => number | undefined) {
  const hook = await receiver(answer);
  const sim = await simulator({ webhookUrl: hook.url, webhookSecret: secret, webhookBackoffMs: 10, webhookTimeoutMs: 200 });
  await sim.control.setFaults({ sendingMs: 0 });
  const end = async () => {
    await sim.stop();
    await hook[Symbol.asyncDispose]();
  };
  const deliveries = (count: number) => eventually(`${count} deliveries`, () => hook.seen.length >= count && hook.seen);
  return { hook, sim, deliveries, [Symbol.asyncDispose]: end };
}

describe("a status webhook", () => {
  test("tells that the phone sent it, signed as the vendor signs", async () => {
    await using at = await setting();
    const result = await resultOf(await at.sim.send(to));
    const [seen] = await at.deliveries(1);
    expect(event(seen)).toEqual({
      id: seen?.headers["x-smsmobileapi-event-id"],
      type: "sms.sent",
      api_version: "2026-09-22",
      created_at: expect.stringMatching(/Z$/),
      occurred_at: expect.stringMatching(/Z$/),
      data: { guid: result.id, to, device_id: expect.any(String) },
    });
    expect(seen?.headers).toMatchObject({
      "content-type": "application/json",
      "x-smsmobileapi-event": "sms.sent",
      "idempotency-key": event(seen).id,
    });
    expect(seen?.headers["x-smsmobileapi-delivery"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(Math.abs(Number(seen?.headers["x-smsmobileapi-timestamp"]) - Date.now() / 1000)).toBeLessThan(5);
    expect(seen && seen.headers["x-smsmobileapi-signature"] === signed(secret, seen)).toBe(true);
    expect(seen?.headers["x-smsmobileapi-signature-next"]).toBeUndefined();
  });

  test("goes to the key's own destination, with a second signature while its secret is rotated", async () => {
    await using at = await setting();
    await using other = await receiver();
    await at.sim.control.setWebhook({ apiKey: "key-b", url: other.url, secret: "old", nextSecret: "new" });
    await at.sim.send(to, "Bonjour", { apikey: "key-b" });
    const seen = await eventually("a delivery", () => other.seen[0]);
    expect(seen.headers["x-smsmobileapi-signature"]).toBe(signed("old", seen));
    expect(seen.headers["x-smsmobileapi-signature-next"]).toBe(signed("new", seen));
    expect(at.hook.seen).toHaveLength(0);
  });

  test("is tried again after a 500 and after no answer, with the same event id and another delivery id", async () => {
    await using at = await setting((nth) => [500, undefined][nth] ?? (nth < 2 ? undefined : 204));
    await at.sim.send(to);
    const seen = await at.deliveries(3);
    expect(new Set(seen.map((one) => one.headers["x-smsmobileapi-event-id"])).size).toBe(1);
    expect(new Set(seen.map((one) => one.headers["x-smsmobileapi-delivery"])).size).toBe(3);
    expect(new Set(seen.map((one) => one.body)).size).toBe(1);
    const stats = await eventually("the delivery to be counted", async () => {
      const { webhooks } = await at.sim.control.stats();
      return webhooks.delivered === 1 && webhooks;
    });
    expect(stats).toMatchObject({ retried: 2, queued: 0, gaveUp: 0 });
  });

  test("says sms.failed when the phone could not send", async () => {
    await using at = await setting();
    await at.sim.control.setFaults({ failDelivery: 1 });
    const result = await resultOf(await at.sim.send(to));
    const [seen] = await at.deliveries(1);
    expect(event(seen)).toMatchObject({ type: "sms.failed", data: { guid: result.id } });
    expect((await at.sim.read("/log/sent/sms/", { guid_message: result.id })).log).toMatchObject([
      { guid: result.id, sent: "0", error_mobile: "1" },
    ]);
  });

  test("comes twice under one id when doubled", async () => {
    await using at = await setting();
    await at.sim.control.setFaults({ webhookDouble: 1 });
    await at.sim.send(to);
    const [one, two] = await at.deliveries(2);
    expect(event(one).id).toBe(event(two).id);
  });

  test("can overtake the answer of its own request", async () => {
    await using at = await setting();
    await at.sim.control.setFaults({ webhookOutOfOrder: 1 });
    let early = 0;
    for (let i = 0; i < 10; i++) {
      const result = await resultOf(await at.sim.send(`+33639981${100 + i}`));
      if (at.hook.seen.some((one) => event(one).data.guid === result.id)) early++;
    }
    expect(early).toBeGreaterThan(0);
    expect(early).toBeLessThan(10);
  });

  test("comes late by what was asked", async () => {
    await using at = await setting();
    await at.sim.control.setFaults({ webhookLateMs: 250 });
    const begun = performance.now();
    await at.sim.send(to);
    const [seen] = await at.deliveries(1);
    expect((seen?.at ?? 0) - begun).toBeGreaterThanOrEqual(248);
  });

  test.each([{ webhookNever: 1 }, { webhooks: false }, { phoneOffline: 1 }])("never comes with %j", async (faults) => {
    await using at = await setting();
    await at.sim.control.setFaults(faults);
    await at.sim.send(to);
    // A later message without the fault shows that the earlier one's moment has passed.
    await at.sim.control.setFaults({ webhookNever: 0, webhooks: true, phoneOffline: 0 });
    const result = await resultOf(await at.sim.send("+33639980002"));
    const seen = await at.deliveries(1);
    expect(seen.map((one) => event(one).data.guid)).toEqual([result.id]);
  });
});

describe("a person who writes", () => {
  test("is heard by webhook and in the inbox, by the account that last wrote to them", async () => {
    await using at = await setting();
    await at.sim.send(to, "un", { apikey: "key-b" });
    await at.sim.send(to, "deux");
    const { guid } = await at.sim.control.inbound({ from: to, text: "STOP" });
    const seen = await eventually("sms.received", () => at.hook.seen.find((one) => event(one).type === "sms.received"));
    expect(event(seen).data).toEqual({
      guid,
      from: to,
      message: "STOP",
      received_at: expect.any(String),
      alias: null,
      device_id: expect.any(String),
    });
    expect(seen.headers["x-smsmobileapi-signature"]).toBe(signed(secret, seen));
    const result = await at.sim.read("/getsms/", { onlyunread: "yes" });
    expect(result).toEqual({
      error: "0",
      sms: [
        {
          id: 1,
          sIdentifiantPhone: event(seen).data.device_id,
          timestamp_unix: expect.any(Number),
          message: "STOP",
          number: to,
          guid,
          alias: null,
        },
      ],
    });
    expect((await at.sim.read("/getsms/", { onlyunread: "yes" })).sms).toEqual([]);
    expect((await at.sim.read("/getsms/", { after_timestamp_unix: String((result.sms[0]?.timestamp_unix ?? 0) - 1) })).sms).toHaveLength(1);
    expect((await at.sim.read("/getsms/", { apikey: "key-b" })).sms).toEqual([]);
  });

  test("can be told to a phone or a key, and to nobody when nobody knows them", async () => {
    await using at = await setting();
    const result = await at.sim.read("/gateway/mobile/list/");
    await at.sim.control.inbound({ from: to, text: "un", to: result.mobiles[0]?.sIdentifiantPhone ?? "" });
    await at.sim.control.inbound({ from: to, text: "deux", apiKey: "key-a" });
    expect((await at.sim.read("/getsms/")).sms.map((sms: { message: string }) => sms.message)).toEqual(["un", "deux"]);
    await expect(at.sim.control.inbound({ from: "+33639989999", text: "trois" })).rejects.toThrow("no account is known");
  });

  test("answers by itself when told to, once, and only to what was really sent", async () => {
    await using at = await setting();
    await at.sim.control.setReplies({ share: 1, texts: ["STOP"], delayMs: 0 });
    await at.sim.control.setFaults({ failDelivery: 1 });
    await at.sim.send("+33639980002");
    await at.sim.control.setFaults({ failDelivery: 0 });
    await at.sim.send(to);
    await at.sim.send(to);
    await at.deliveries(4);
    const received = at.hook.seen.map(event).filter((one) => one.type === "sms.received");
    expect(received).toMatchObject([{ data: { from: to, message: "STOP" } }]);
  });
});
