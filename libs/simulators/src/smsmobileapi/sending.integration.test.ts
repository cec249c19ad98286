import { request } from "node:http";
import { describe, expect, test } from "vitest";
import type { Faults, RequestFate } from "./control.ts";
import { eventually, resultOf, simulator } from "./testing.ts";

const to = "+33639980001";

describe("a message that goes well", () => {
  test("is accepted with the vendor's strings, by form and by query, with and without the last slash", async () => {
    await using sim = await simulator();
    const query = new URLSearchParams({ apikey: "key-a", recipients: to, message: "Bonjour" });
    const answers = [
      await sim.send(to),
      await fetch(`${sim.url}/sendsms?${query}`),
      await fetch(`${sim.url}/sendsms`, { method: "POST", body: query }),
    ];
    const ids = new Set<string>();
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      const result = await resultOf(answer);
      expect(String(result.error)).toBe("0");
      expect(result).toMatchObject({
        sent: "1",
        note: "sent by mobile",
        send_with_whatsapp: "0",
        trial_account: { status: "0", sms_sent: 0 },
      });
      expect(result.id).toMatch(/^[0-9a-f]{40}$/);
      expect(result.datetime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect(Date.parse(result.datetimeLocal)).toBe(Date.parse(result.datetime));
      ids.add(result.id);
    }
    expect(ids.size).toBe(3);
    expect(await sim.sends()).toMatchObject(
      [...ids].map((id, i) => ({ to, text: "Bonjour", id, accepted: true, answered: true, status: 200, attempt: i + 1 })),
    );
  });

  test("says error 0 as a number and as a text, as the vendor allows itself", async () => {
    await using sim = await simulator();
    const errors = new Set<unknown>();
    for (let i = 0; i < 20; i++) errors.add((await resultOf(await sim.send(`+3363998${1000 + i}`))).error);
    expect(errors).toEqual(new Set([0, "0"]));
  });
});

describe("a call that the platform turns away by itself", () => {
  test.each<[string, Record<string, string>, number]>([
    ["no key", { apikey: "" }, 400],
    ["a key that is not accepted", { apikey: "bad-key" }, 403],
    ["no recipient", { recipients: "" }, 400],
    ["a plus that was not escaped", { recipients: " 33639980001" }, 400],
    ["no text", { message: "" }, 400],
  ])("%s", async (_, fields, status) => {
    await using sim = await simulator();
    const answer = await sim.send(to, "Bonjour", fields);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toEqual({ error: expect.anything(), message: expect.any(String) });
    expect(await sim.sends()).toMatchObject([{ accepted: false, answered: true, status, id: null }]);
  });

  test("a key outside the list, a body that is no form, a blocked and a WhatsApp message", async () => {
    await using sim = await simulator({ apiKeys: ["key-a"] });
    expect((await sim.send(to, "x", { apikey: "key-b" })).status).toBe(403);
    expect((await fetch(`${sim.url}/sendsms/`, { method: "POST", body: JSON.stringify({ apikey: "key-a" }) })).status).toBe(400);
    expect((await resultOf(await sim.send(to, "x", { sendsms: "0" }))).sent).toBe("0");
    expect(String((await resultOf(await sim.send(to, "x", { waonly: "yes" }))).error)).not.toBe("0");
    expect((await sim.sends()).some((row) => row.accepted)).toBe(false);
  });
});

/** What the caller sees of one send: a status with a body, or how the connection ended. */
async function seen(
  sim: Awaited<ReturnType<typeof simulator>>,
): Promise<{ status: number; body: string; retryAfter: string | null } | { failed: string }> {
  try {
    const answer = await sim.send(to, "Bonjour", {}, AbortSignal.timeout(300));
    return { status: answer.status, body: await answer.text(), retryAfter: answer.headers.get("retry-after") };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const cause = error.cause instanceof Error && "code" in error.cause ? String(error.cause.code) : error.name;
    return { failed: cause };
  }
}

describe("each fault", () => {
  test.each<[RequestFate & keyof Faults, object, { accepted: boolean; answered: boolean; status: number | null }]>([
    ["refuse", { status: 200, body: expect.stringContaining('"sent":"api_error"') }, { accepted: false, answered: true, status: 200 }],
    ["badRequest", { status: 400 }, { accepted: false, answered: true, status: 400 }],
    ["forbidden", { status: 403 }, { accepted: false, answered: true, status: 403 }],
    ["tooMany", { status: 429, retryAfter: "7" }, { accepted: false, answered: true, status: 429 }],
    ["serverErrorBefore", { status: 500 }, { accepted: false, answered: true, status: 500 }],
    ["serverErrorAfter", { status: 500 }, { accepted: true, answered: false, status: 500 }],
    ["cutBefore", { failed: "ECONNRESET" }, { accepted: false, answered: false, status: null }],
    ["cutAfter", { failed: "ECONNRESET" }, { accepted: true, answered: false, status: null }],
    ["hangAfter", { failed: "TimeoutError" }, { accepted: true, answered: false, status: null }],
    ["nonJson", { status: 200, body: expect.stringContaining("<b>Warning</b>") }, { accepted: true, answered: false, status: 200 }],
  ])("%s looks to the caller as it would, and to the log as it was", async (fault, appearance, logged) => {
    await using sim = await simulator();
    await sim.control.setFaults({ [fault]: 1, retryAfterS: 7 });
    expect(await seen(sim)).toMatchObject(appearance);
    expect(await sim.sends()).toMatchObject([{ fate: fault, to, ...logged, id: logged.accepted ? expect.any(String) : null }]);
    const result = await sim.read("/log/sent/sms/", { keyword: to, error_api: "0" });
    expect(result.log).toHaveLength(logged.accepted ? 1 : 0);
  });

  test("the two server errors are the same bytes", async () => {
    await using sim = await simulator();
    await sim.control.setFaults({ serverErrorBefore: 1 });
    const before = await seen(sim);
    await sim.control.setFaults({ serverErrorBefore: 0, serverErrorAfter: 1 });
    expect(await seen(sim)).toEqual(before);
  });

  test("latency delays the answer, and a caller that goes away meanwhile was accepted without an answer", async () => {
    await using sim = await simulator();
    await sim.control.setFaults({ latencyMs: 150 });
    const begun = performance.now();
    expect((await sim.send(to)).status).toBe(200);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(148);
    await expect(sim.send(to, "Bonjour", {}, AbortSignal.timeout(30))).rejects.toThrow();
    const rows = await eventually("the end of both calls", async () => (await sim.control.stats()).pending === 0 && sim.sends());
    expect(rows).toMatchObject([{ answered: true }, { accepted: true, answered: false, status: null }]);
  });

  test("a reading endpoint can fail, and the sent log can lag", async () => {
    await using sim = await simulator();
    await sim.send(to);
    await sim.control.setFaults({ readError: 1 });
    await expect(sim.read("/getsms/")).rejects.toThrow("HTTP 500");
    await sim.control.setFaults({ readError: 0, sentLogLateMs: 60_000 });
    expect((await sim.read("/log/sent/sms/", { keyword: to })).log).toEqual([]);
  });
});

test("two simulators with one seed do the same, whatever the order of arrival", async () => {
  const numbers = Array.from({ length: 60 }, (_, i) => `+336399810${10 + i}`);
  const fates = async (order: string[]) => {
    await using sim = await simulator({ seed: 42 });
    await sim.control.setFaults({ latencyMs: 0, latencyJitterMs: 0, hangAfter: 0 }, "many");
    for (const number of order) await sim.send(number).catch(() => undefined);
    for (const number of order.slice(0, 20)) await sim.send(number).catch(() => undefined);
    const rows = await sim.sends();
    return new Map(rows.map((row) => [`${row.to} ${row.attempt}`, `${row.fate} ${row.phone}`]));
  };
  const [forwards, backwards] = await Promise.all([
    fates(numbers),
    fates([...numbers.slice(0, 20).reverse(), ...numbers.slice(20).reverse()]),
  ]);
  expect(forwards.size).toBe(80);
  expect(backwards).toEqual(forwards);
});

test("a request in two pieces and a body that is too large are read as HTTP allows", async () => {
  await using sim = await simulator();
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const call = request(`${sim.url}/sendsms/`, { method: "POST" }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    call.on("error", reject);
    call.write("apikey=key-a&recipients=%2B33639980001&mess", () => call.end("age=Bonjour"));
  });
  expect(status).toBe(200);
  expect((await sim.send(to, "x".repeat(100_000))).status).toBe(400);
});
