import { expect, test } from "vitest";
import { walk } from "./any-day/walk.ts";

const seed = Number(process.env["DAY_SEED"] ?? 7);

// Long enough for a day that is not at rest at its deadline to tell what does not hold.
test(`whatever an operator does on a day, at its end all is at rest, adds up and is explained (seed ${seed})`, {
  timeout: 300_000,
}, async () => {
  const { failure, figures } = await walk({ seed, decks: 1, patient: false });
  expect(failure).toBeUndefined();
  expect(figures["accepted"]).toBeGreaterThan(5);
});
