import { expect, test } from "vitest";
import { type ProviderCounts, problemsOf, type Summary } from "./summary.ts";

const summary: Summary = {
  ads: { read: 500, new: 480, changed: 5, duplicate: 10, bad: 5 },
  run: { found: 900, skipped: { "contacted-recently": 380, "no-number": 40 }, allocated: 480 },
  sms: { accepted: 460, rejected: 8, unknown: 7, gated: 5, failed: 12, delivered: null, replied: 44, optedOut: 9 },
  credits: { granted: 1000, captured: 896, released: 26, held: 14, balance: 90 },
  deadLetters: 0,
  seconds: { setUp: 1, start: 2, import: 3, run: 4 },
};
const provider: ProviderCounts = { accepted: 460, twice: 0 };
const price = 2;

test("a summary that adds up has no problem", () => {
  expect(problemsOf(summary, provider, price)).toEqual([]);
});

test.each<[string, Partial<Summary>, Partial<ProviderCounts>, readonly string[]]>([
  [
    "a row that was lost",
    { ads: { ...summary.ads, read: 501 } },
    {},
    ["read = new + changed + duplicate + bad does not hold: 501 and 500"],
  ],
  [
    "a pair that was neither allocated nor skipped",
    { run: { ...summary.run, skipped: { "contacted-recently": 380 } } },
    {},
    ["found = allocated + skipped does not hold: 900 and 860"],
  ],
  [
    "a contact without an ending",
    { sms: { ...summary.sms, gated: 4 } },
    {},
    ["allocated = accepted + rejected + unknown + gated does not hold: 480 and 479"],
  ],
  [
    "a credit that vanished",
    { credits: { ...summary.credits, balance: 89 } },
    {},
    ["granted = captured + held + balance does not hold: 1000 and 999"],
  ],
  [
    "a failed message that was not refunded",
    { credits: { ...summary.credits, captured: 898, balance: 88 } },
    {},
    ["captured = price × (accepted − failed) does not hold: 898 and 896"],
  ],
  [
    "a hold that was let go of too early",
    { credits: { ...summary.credits, held: 12, balance: 92 } },
    {},
    ["held = price × unknown does not hold: 12 and 14"],
  ],
  [
    "a message that the provider took and we do not know of",
    {},
    { accepted: 461 },
    ["accepted = messages that the provider accepted and answered does not hold: 460 and 461"],
  ],
  ["a person who was written to twice", {}, { twice: 1 }, ["nobody was sent two messages does not hold: 1 and 0"]],
])("%s is named with both numbers", (_what, change, log, problems) => {
  expect(problemsOf({ ...summary, ...change }, { ...provider, ...log }, price)).toEqual(problems);
});
