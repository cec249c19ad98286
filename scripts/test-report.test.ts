import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { checkTally, inWords, sum, vitestTally } from "./test-report.ts";

const folder = mkdtempSync(join(tmpdir(), "outrider-report-"));
afterAll(() => rmSync(folder, { recursive: true }));

const reportOf = (testResults: readonly unknown[]): string => {
  const file = join(folder, "report.json");
  writeFileSync(file, JSON.stringify({ testResults }));
  return file;
};
const assertion = (status: string, fullName = status) => ({ status, fullName });
const file = (name: string, status: string, assertionResults: readonly unknown[], message = "") => ({
  name: join(folder, name),
  status,
  message,
  assertionResults,
});

test("tests are counted by what became of them, and failures named with their file", () => {
  const report = reportOf([
    file("a.test.ts", "passed", [assertion("passed"), assertion("skipped"), assertion("todo")]),
    file("b.test.ts", "failed", [assertion("passed"), assertion("failed", "adds up")]),
  ]);
  expect(vitestTally("unit", report, 1, folder)).toEqual({ passed: 2, failed: 1, skipped: 2, failures: ["b.test.ts › adds up"] });
});

test("a file that could not be loaded is a failure of its own", () => {
  const report = reportOf([file("a.test.ts", "failed", [], "no such module\nat line 1")]);
  expect(vitestTally("unit", report, 1, folder).failures).toEqual(["a.test.ts as a whole: no such module"]);
});

test("a run that ends badly without a failed test still fails", () => {
  expect(vitestTally("unit", reportOf([file("a.test.ts", "passed", [assertion("passed")])]), 1, folder)).toMatchObject({
    passed: 1,
    failed: 1,
  });
  expect(vitestTally("unit", reportOf([]), 1, folder).failures).toEqual(["unit found no tests"]);
  expect(vitestTally("unit", join(folder, "none.json"), null, folder).failures).toEqual([
    "unit wrote no report (vitest ended with a signal)",
  ]);
});

test("the sum counts checks as one test each and names skipped ones only when there are any", () => {
  expect(inWords(sum([checkTally("types", true), checkTally("lint", false)]))).toBe("1 passed, 1 failed");
  expect(inWords({ passed: 3, failed: 0, skipped: 2, failures: [] })).toBe("3 passed, 0 failed, 2 skipped");
});
