import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { noFaults, presets, requestFaults } from "./control.ts";
import { answerAfterMs, fingerprint, fingerprintOfNumber, phoneFate, replyOf, requestFate, webhookFate } from "./fate.ts";

const number = (i: number) => `+336${String(39_980_000 + i).padStart(8, "0")}`;
const prints = Array.from({ length: 20_000 }, (_, i) => fingerprint(1, number(i % 10_000), "Bonjour", 1 + Math.floor(i / 10_000)));
const share = (hits: number) => hits / prints.length;

describe("the fate of a message", () => {
  test("is the same for the same seed, number, text and attempt", () => {
    fc.assert(
      fc.property(fc.nat(), fc.string(), fc.string(), fc.nat(9), (seed, to, text, attempt) => {
        const [one, two] = [fingerprint(seed, to, text, attempt), fingerprint(seed, to, text, attempt)];
        expect(requestFate(one, presets.many)).toBe(requestFate(two, presets.many));
        expect(phoneFate(one, presets.many)).toBe(phoneFate(two, presets.many));
      }),
    );
  });

  test("differs with the seed, the number, the text and the attempt", () => {
    const base = fingerprint(1, "+33639980001", "a", 1);
    expect(new Set([base, fingerprint(2, "+33639980001", "a", 1), fingerprint(1, "+33639980002", "a", 1)]).size).toBe(3);
    expect(new Set([base, fingerprint(1, "+33639980001", "b", 1), fingerprint(1, "+33639980001", "a", 2)]).size).toBe(3);
  });

  test("takes each share that was asked for", () => {
    for (const name of requestFaults) {
      const hits = prints.filter((print) => requestFate(print, presets.many) === name).length;
      expect(Math.abs(share(hits) - presets.many[name]), name).toBeLessThan(0.01);
    }
  });

  test("is always acceptance without faults, and always the fault at a share of 1", () => {
    for (const print of prints) {
      expect(requestFate(print, noFaults)).toBe("accepted");
      expect(requestFate(print, { ...noFaults, cutAfter: 1 })).toBe("cutAfter");
      expect(phoneFate(print, { ...noFaults, failDelivery: 1 })).toBe("failed");
    }
  });

  test("draws phone, webhooks and request independently", () => {
    const faults = { ...noFaults, refuse: 0.5, failDelivery: 0.5, webhookDouble: 0.5 };
    const all = prints.filter(
      (print) => requestFate(print, faults) === "refuse" && phoneFate(print, faults) === "failed" && webhookFate(print, faults).double,
    );
    expect(Math.abs(share(all.length) - 0.125)).toBeLessThan(0.015);
  });

  test("waits between latency and latency plus jitter", () => {
    for (const print of prints.slice(0, 1000)) {
      const wait = answerAfterMs(print, { ...noFaults, latencyMs: 10, latencyJitterMs: 20 });
      expect(wait >= 10 && wait < 30).toBe(true);
    }
  });
});

describe("a recipient", () => {
  const replies = { share: 0.3, texts: ["STOP", "Oui toujours disponible"], delayMs: 0 };

  test("answers the same thing whatever was written to it, and only its share answers", () => {
    const answered = Array.from({ length: 10_000 }, (_, i) => replyOf(1, number(i), replies));
    expect(answered).toEqual(Array.from({ length: 10_000 }, (_, i) => replyOf(1, number(i), replies)));
    const given = answered.filter((text) => text !== undefined);
    expect(Math.abs(given.length / 10_000 - 0.3)).toBeLessThan(0.02);
    expect(Math.abs(given.filter((text) => text === "STOP").length / given.length - 0.5)).toBeLessThan(0.05);
  });

  test("is a number of its own", () => expect(fingerprintOfNumber(1, number(1))).not.toBe(fingerprintOfNumber(1, number(2))));
});
