import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { askedBy } from "./options.ts";

const run = (...words: string[]) =>
  spawnSync(process.execPath, [resolve(import.meta.dirname, "main.ts"), ...words], { encoding: "utf8", timeout: 20_000 });

test("--help prints how it is used", () => {
  const { status, stdout, stderr } = run("--help");
  expect(status).toBe(0);
  expect(stdout).toMatch(/npm run chaos -- .*--contacts[\s\S]*Example:/);
  expect(stderr).toBe("");
});

test.each([
  [["--owners", "5"], /Unknown option '--owners'/],
  [["storm"], /Unexpected argument 'storm'/],
  [["--seed"], /--seed/],
  [["--contacts", "many"], /--contacts is "many": give a whole number/],
  [["--minutes", "-1"], /--minutes/],
])("%j is refused in one sentence with exit code 2", (words, sentence) => {
  const { status, stdout, stderr } = run(...words);
  expect(status).toBe(2);
  expect(stdout).toBe("");
  expect(stderr.trim()).toMatch(sentence);
  expect(stderr.trim().split("\n")).toHaveLength(1);
});

test("takes what was told, and a seed of its own without one", () => {
  expect(askedBy([], 7)).toEqual({ help: false, contacts: 10_000, seed: 7, minutes: 10 });
  expect(askedBy(["--contacts", "500", "--seed=42", "--minutes", "3"], 7)).toEqual({ help: false, contacts: 500, seed: 42, minutes: 3 });
});
