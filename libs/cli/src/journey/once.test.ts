import { expect, test, vi } from "vitest";
import { documentOf } from "../failure.ts";
import { outputOf } from "../output.ts";
import { tell } from "./once.ts";
import type { Summary } from "./summary.ts";

const summary: Summary = {
  ads: { read: 1, new: 1, changed: 0, duplicate: 0, bad: 0 },
  run: { found: 1, skipped: {}, allocated: 1 },
  sms: { accepted: 0, rejected: 0, unknown: 0, gated: 0, failed: 0, delivered: null, replied: 0, optedOut: 0 },
  credits: { granted: 10, captured: 0, released: 0, held: 0, balance: 10 },
  deadLetters: 0,
  seconds: { setUp: 1, start: 2, import: 3, run: 4 },
};

/** What is printed, and the document of the failure that is thrown, if any. */
const told = (json: boolean, problems: readonly string[]): { readonly out: string; readonly failure: object | undefined } => {
  const written = vi.spyOn(process.stdout, "write").mockImplementation(() => true);
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  const out = (): string => written.mock.calls.map(([text]) => String(text)).join("");
  try {
    tell({ output: outputOf(json) }, { summary, problems });
    return { out: out(), failure: undefined };
  } catch (error) {
    return { out: out(), failure: documentOf(error) };
  } finally {
    vi.restoreAllMocks();
  }
};

test("with --json a summary is one line", () => {
  const { out, failure } = told(true, []);
  expect(failure).toBeUndefined();
  expect(JSON.parse(out)).toEqual(summary);
});

test("with --json the summary is the last line, also where both outputs go to one place", () => {
  const lines: string[] = [];
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, "write").mockImplementation((text) => lines.push(String(text)) > 0);
  }
  tell({ output: outputOf(true) }, { summary, problems: [] });
  vi.restoreAllMocks();
  expect(lines).toHaveLength(2);
  expect(JSON.parse(lines.at(-1) ?? "")).toEqual(summary);
});

test("a summary that does not add up is told once, with the failure in it", () => {
  const problem = "allocated = accepted + rejected + unknown + gated does not hold: 1 and 0";
  const { out, failure } = told(true, [problem]);
  expect(out).toBe("");
  expect(failure).toEqual({ ...summary, problems: [problem], error: `The summary does not add up: ${problem}.`, exitCode: 1 });
  expect(told(false, [problem]).out).toContain("allocated");
});
