import { type HuntTally, huntCommands } from "@outrider/contracts/hunts";
import { huntId } from "@outrider/contracts/ids";
import { expect, test } from "vitest";
import { mostActiveHunts } from "./config.ts";
import { talliesOf } from "./day-tallies.ts";
import { mostPasses, type Pass } from "./run.ts";

const vans = huntId.parse("vans");
const clios = huntId.parse("clios");
const tally = (hunt: HuntTally["hunt"], allocated: number, skipped: Record<string, number>): HuntTally => ({
  ...{ hunt, allocated, skipped },
  found: allocated + Object.values(skipped).reduce((sum, count) => sum + count, 0),
});
const passOf = (pass: number, more: Partial<Pass>): Pass => ({
  ...{ pass, hunts: [vans, clios], reservationNumber: pass, open: false, held: 0, used: 0, pages: 0, denialPages: 0, allocated: 0 },
  ...{ rows: new Map(), channels: new Map(), found: 0, skipped: {}, tallies: [], rest: 0, ...more },
});

test("a hunt's tallies are those of all passes of the day, and of an open one what it has given so far", () => {
  const told = talliesOf([
    passOf(1, {
      tallies: [tally(vans, 2, { "too-old": 1 }), tally(clios, 0, { paused: 4 })],
      channels: new Map([[vans, new Map([["sms", 2]])]]),
    }),
    passOf(2, {
      tallies: [{ ...tally(vans, 1, { "too-old": 1, erased: 1 }), error: "wrong" }],
      channels: new Map([[vans, new Map([["sms", 1]])]]),
    }),
    passOf(3, { open: true, rows: new Map([[vans, 5]]), channels: new Map([[vans, new Map([["sms", 5]])]]) }),
  ]);
  expect(told).toEqual([
    { hunt: vans, found: 11, allocated: 8, skipped: { "too-old": 2, erased: 1 }, error: "wrong", channels: { sms: 8 } },
    { hunt: clios, found: 4, allocated: 0, skipped: { paused: 4 }, channels: {} },
  ]);
  for (const { found, allocated, skipped } of told) {
    expect(found).toBe(allocated + Object.values(skipped).reduce((sum, count) => sum + count, 0));
  }
});

test("the fullest day fits into one answer", () => {
  const skipped = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`${index}`.padStart(20, "rule-"), 123_456]));
  const hunts = Array.from({ length: mostActiveHunts }, (_, index) => huntId.parse(`${index}`.padStart(64, "h")));
  const passes = Array.from({ length: mostPasses }, (_, index) =>
    passOf(index + 1, { skipped, tallies: hunts.map((hunt) => ({ ...tally(hunt, 0, skipped), error: "x".repeat(100) })) }),
  );
  const counts = passes.map(({ pass, open, found, allocated, rest }) => ({ pass, open, found, allocated, rest, skipped, reserved: 0 }));
  const answer = huntCommands.run.reply.parse({ exists: true, passes: counts, hunts: talliesOf(passes), seq: 1 });
  expect(Buffer.byteLength(JSON.stringify(answer))).toBeLessThan(512_000);
});
