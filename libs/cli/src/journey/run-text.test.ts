import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { progressIn } from "./run.ts";
import { runText } from "./run-text.ts";

const byStatus = { accepted: 4, sent: 3, failed: 1, unknown: 0, replied: 2, gated: { "opted-out": 1 } };
const answer = {
  settled: true,
  progress: {
    ...{ found: 20, allocated: 5, skipped: { "no-number": 15 }, byStatus },
    hunts: [
      { hunt: "vans", found: 12, allocated: 5, skipped: { "no-number": 7 }, channels: [{ channel: "sms", allocated: 5, byStatus }] },
      { hunt: "bikes", found: 8, allocated: 0, skipped: { "no-number": 8 }, channels: [] },
    ],
  },
};

test("a run is shown by hunt and channel, with what was found, gated, allocated, and what became of it", () => {
  const progress = progressIn("2026-11-23", answer);
  expect(progress.hunts[0]).toMatchObject({
    hunt: "vans",
    channel: "sms",
    found: 12,
    skipped: 7,
    allocated: 5,
    counts: { gated: 1, sent: 3 },
  });
  const text = stripVTControlCharacters(runText(progress));
  expect(text).toContain("found 20, allocated 5\n  skipped, no-number: 15\n");
  expect(text).toContain("  gated, opted-out: 1");
  const [head, vans, bikes] = text.split("\n").slice(-3);
  expect(head?.split(/ +/)).toEqual(["hunt", "channel", "found", "skipped", "allocated", "gated", "accepted", "sent", "failed", "replied"]);
  expect(vans?.split(/ +/)).toEqual(["vans", "sms", "12", "7", "5", "1", "4", "3", "1", "2"]);
  expect(bikes?.trim().split(/ +/).slice(0, 5)).toEqual(["bikes", "none", "8", "8", "0"]);
});
