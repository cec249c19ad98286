import { parseConfig } from "@outrider/platform/config";
import { expect, test } from "vitest";
import { definition, graceProblem } from "./config.ts";

const problemOf = (environment: Readonly<Record<string, string>>) => {
  const parsed = parseConfig(definition, environment);
  if (!parsed.ok) throw new Error(parsed.problems.join());
  return graceProblem(parsed.config);
};
const live = { OUTRIDER_PROVIDERS: "live", OUTRIDER_MASTER_KEY: Buffer.alloc(32, 7).toString("base64") };

test("a price is not given back while the request that it pays for may still be written, or the ledger does not start", () => {
  expect(problemOf({ ...live, LEDGER_CLAIM_GRACE_MS: "14999" })).toBe(
    "LEDGER_CLAIM_GRACE_MS must be at least 15000 when OUTRIDER_PROVIDERS is live.",
  );
  expect(problemOf({ ...live, LEDGER_CLAIM_GRACE_MS: "15000" })).toBeUndefined();
  expect(problemOf(live)).toBeUndefined();
  expect(problemOf({ LEDGER_CLAIM_GRACE_MS: "1000" })).toBeUndefined();
});
