import { expect, test } from "vitest";
import { storm } from "./storm.ts";

const seed = Number(process.env["CHAOS_SEED"] ?? 7);

test(`a run during which everything breaks loses nobody, asks nobody twice, and its credits add up (seed ${seed})`, async () => {
  const { failure, figures, blows } = await storm({
    ...{ seed, contacts: 300, leastMs: 25_000, mostMs: 45_000 },
    serversEveryMs: 10_000,
    reconciled: false,
  });
  expect(failure).toBeUndefined();
  expect(blows).toContainEqual(expect.stringMatching(new RegExp(`the provider decides by seed ${seed}$`)));
  expect(figures["accepted"]).toBeGreaterThan(100);
});
