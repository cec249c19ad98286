import { expect, test } from "vitest";
import { walk } from "./any-day/walk.ts";

const seed = Number(process.env["DAY_SEED"] ?? 7);

// Longer than the day's own deadlines together: what does not hold is told by the day, with its seed.
test("whatever an operator does on a day, at its end all is at rest, adds up and is explained", { timeout: 300_000 }, async () => {
  const { failure, figures } = await walk({ seed, decks: 1, patient: false });
  expect(failure).toBeUndefined();
  expect(figures["accepted"]).toBeGreaterThan(5);
});
