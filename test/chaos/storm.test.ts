import { expect, test } from "vitest";
import { storm } from "./storm.ts";

const seed = Number(process.env["CHAOS_SEED"] ?? 7);

test("a run during which everything breaks loses nobody, asks nobody twice, and its credits add up", async () => {
  const { failure, figures } = await storm({
    ...{ seed, contacts: 300, leastMs: 25_000, mostMs: 45_000 },
    serversEveryMs: 10_000,
    reconciled: false,
  });
  expect(failure).toBeUndefined();
  expect(figures["accepted"]).toBeGreaterThan(100);
});
