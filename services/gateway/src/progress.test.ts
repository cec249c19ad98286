import { accountId, runId } from "@outrider/contracts/ids";
import { expect, test } from "vitest";
import { progressIn } from "./progress.ts";
import type { ReadModels, Tally } from "./read-models.ts";

const account = accountId.parse("garage");
const pass = { pass: 1, open: false, found: 2, allocated: 2, skipped: {}, reserved: 2, rest: 0 };
const run = { run: runId.parse("2026-11-20"), passes: [pass, { ...pass, pass: 2, allocated: 1 }], hunts: [], seq: 9 };
const ofHunt = { hunt: "h1", channel: "sms" };

/** Read models that note what is counted, each count a turn later. */
const counting = (contacts: () => Tally[], earlier: () => Tally[]) => {
  const asked: string[] = [];
  const models: Pick<ReadModels, "tally" | "tallyEach"> = {
    tally: async () => {
      asked.push("contacts");
      await Promise.resolve();
      return contacts();
    },
    tallyEach: async () => {
      asked.push("earlier");
      await Promise.resolve();
      return earlier();
    },
  };
  return { asked, progress: progressIn(models) };
};
const accepted = (count: number): Tally => ({ by: { ...ofHunt, status: "accepted", replies: 0, stopped: false }, count });
const inVain = (count: number): Tally => ({ by: { ...ofHunt, "earlier.rule": "paused" }, count });

test("all who watch a run whose contacts were asked for anew share one count of them, too", async () => {
  const { asked, progress } = counting(
    () => [accepted(2)],
    () => [inVain(1)],
  );
  const seen = await Promise.all(Array.from({ length: 20 }, () => progress.of(account, run)));
  await progress.of(account, run);
  for (const { settled, progress: counts } of seen) expect([settled, counts.byStatus.gated]).toEqual([true, { paused: 1 }]);
  expect(asked).toEqual(["contacts", "earlier", "contacts"]);
});

test("a contact that is asked for anew while a run is counted is never counted twice", async () => {
  let moved = false;
  const { progress } = counting(
    () => {
      const found = moved
        ? [accepted(1)]
        : [accepted(1), { by: { ...ofHunt, status: "gated", rule: "paused", replies: 0, stopped: false }, count: 1 }];
      moved = true; // by a later run, right after the first count
      return found;
    },
    () => (moved ? [inVain(1)] : []),
  );
  const { settled, progress: counts } = await progress.of(account, run);
  expect(counts.byStatus).toMatchObject({ accepted: 1, gated: { paused: 1 } });
  expect(settled).toBe(false);
});
