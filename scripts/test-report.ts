import { readFileSync } from "node:fs";
import { relative } from "node:path";

/** What one part of the test run came to. `failures` are names for people, in the order in which they failed. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly string[];
}

interface Assertion {
  readonly status: string;
  readonly fullName: string;
}

interface FileResult {
  readonly name: string;
  readonly status: string;
  readonly message?: string;
  readonly assertionResults: readonly Assertion[];
}

const failed = (name: string): Tally => ({ passed: 0, failed: 1, skipped: 0, failures: [name] });

/** A check without tests of its own counts as one test. */
export const checkTally = (name: string, ok: boolean): Tally => (ok ? { passed: 1, failed: 0, skipped: 0, failures: [] } : failed(name));

/**
 * Counts a report of vitest's JSON reporter. A file that could not be loaded, or whose set-up failed, counts as one failure besides its
 * tests; a run that ended with an error although no test failed counts as one, so that a nonzero exit never reads as "0 failed".
 */
export const vitestTally = (part: string, report: string, exitCode: number | null, root: string): Tally => {
  let files: readonly FileResult[];
  try {
    const { testResults }: { testResults?: readonly FileResult[] } = JSON.parse(readFileSync(report, "utf8"));
    files = testResults ?? [];
  } catch {
    return failed(`${part} wrote no report (vitest ended with ${exitCode ?? "a signal"})`);
  }
  const tallies = files.map((file) => fileTally(file, relative(root, file.name)));
  const total = sum(tallies);
  if (exitCode === 0 || total.failed > 0) return total;
  const why = total.passed + total.skipped === 0 ? "found no tests" : `ended with ${exitCode ?? "a signal"} though no test failed`;
  return sum([total, failed(`${part} ${why}`)]);
};

const fileTally = (file: FileResult, name: string): Tally => {
  const having = (...statuses: string[]) => file.assertionResults.filter(({ status }) => statuses.includes(status));
  const failures = having("failed").map(({ fullName }) => `${name} › ${fullName}`);
  const broken = file.status === "failed" && failures.length === 0;
  const [why = ""] = (file.message ?? "").split("\n");
  return {
    passed: having("passed").length,
    failed: failures.length + (broken ? 1 : 0),
    skipped: file.assertionResults.length - having("passed", "failed").length,
    failures: broken ? [`${name} as a whole${why === "" ? "" : `: ${why}`}`] : failures,
  };
};

export const sum = (tallies: readonly Tally[]): Tally => ({
  passed: tallies.reduce((total, { passed }) => total + passed, 0),
  failed: tallies.reduce((total, { failed }) => total + failed, 0),
  skipped: tallies.reduce((total, { skipped }) => total + skipped, 0),
  failures: tallies.flatMap(({ failures }) => failures),
});

/** `12 passed, 1 failed`, and `, 2 skipped` when there are any. */
export const inWords = ({ passed, failed, skipped }: Tally): string =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
