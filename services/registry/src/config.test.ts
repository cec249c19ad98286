import { parseConfig } from "@outrider/platform/config";
import { expect, test } from "vitest";
import { definition, graceProblem } from "./config.ts";

const problemOf = (environment: Readonly<Record<string, string>>) => {
  const parsed = parseConfig(definition, environment);
  if (!parsed.ok) throw new Error(parsed.problems.join());
  return graceProblem(parsed.config);
};

test("an erased person's key outlives every attempt that was permitted before, or the registry does not start", () => {
  expect(problemOf({ ATTEMPT_TIMEOUT_MS: "20000", ERASURE_KEY_GRACE_MS: "84999" })).toBe(
    "ERASURE_KEY_GRACE_MS must be at least 85000 while ATTEMPT_TIMEOUT_MS is 20000.",
  );
  expect(problemOf({ ATTEMPT_TIMEOUT_MS: "20000", ERASURE_KEY_GRACE_MS: "85000" })).toBeUndefined();
});

test("by default it does for any timeout that a sender may be given, also one that the registry is not told", () => {
  for (const timeout of ["500", "120000"]) expect(problemOf({ ATTEMPT_TIMEOUT_MS: timeout })).toBeUndefined();
  expect(problemOf({})).toBeUndefined();
});
