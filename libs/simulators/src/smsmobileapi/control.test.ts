import { expect, test } from "vitest";
import { noFaults, parseFaults, parseInbound, parseReplies, parseWebhook, presets } from "./control.ts";

test("lays the given faults over the present ones", () => {
  expect(parseFaults({ ...noFaults, refuse: 0.1 }, { cutAfter: 0.2, latencyMs: 5, webhooks: false })).toEqual({
    ok: true,
    value: { ...noFaults, refuse: 0.1, cutAfter: 0.2, latencyMs: 5, webhooks: false },
  });
});

test.each([
  [{ refused: 0.1 }, "unknown fault refused"],
  [{ refuse: 2 }, "refuse must be a share from 0 to 1"],
  [{ latencyMs: -1 }, "latencyMs must be a number"],
  [{ webhooks: 1 }, "webhooks must be true or false"],
  [{ refuse: 0.6, cutAfter: 0.6 }, "more than 1"],
  [{ failDelivery: 0.6, phoneOffline: 0.6 }, "more than 1"],
  [[], "a JSON object is expected"],
])("refuses %j by name", (body, error) =>
  expect(parseFaults(noFaults, body)).toMatchObject({ ok: false, error: expect.stringContaining(error) }),
);

test("has presets that it would itself accept", () => {
  for (const preset of Object.values(presets)) expect(parseFaults(noFaults, preset)).toEqual({ ok: true, value: preset });
});

test("checks replies, webhooks and inbound messages", () => {
  expect(parseReplies({ share: 0.5, texts: [] }).ok).toBe(false);
  expect(parseReplies({ share: 0.5, texts: ["STOP"] })).toEqual({ ok: true, value: { share: 0.5, texts: ["STOP"], delayMs: 500 } });
  expect(parseWebhook({ apiKey: "k", url: "https://example.test" }).ok).toBe(false);
  expect(parseWebhook({ apiKey: "k", url: null })).toEqual({ ok: true, value: { apiKey: "k", url: null } });
  expect(parseInbound({ from: "+33639980001" }).ok).toBe(false);
});
