import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { diceOf } from "../../chaos/seed.ts";
import { operations } from "./operations.ts";
import { wantedBy } from "./options.ts";
import { played } from "./walk.ts";

test("a word that it does not know is refused in one sentence with exit code 2", () => {
  const main = resolve(import.meta.dirname, "main.ts");
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, "--night"], { encoding: "utf8", timeout: 20_000 });
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr.trim()).toMatch(/^Unknown option '--night'; `npm run any-day -- --help`.*$/);
});

test("takes what was told, and a seed of its own without one", () => {
  expect(wantedBy([], 7)).toEqual({ help: false, seed: 7, days: 1, decks: 2, replicas: 2, patient: false });
  const words = ["--seed=42", "--days", "3", "--decks", "1", "--replicas", "1", "--patient"];
  expect(wantedBy(words, 7)).toEqual({ help: false, seed: 42, days: 3, decks: 1, replicas: 1, patient: true });
  expect(() => wantedBy(["--days", "many"], 7)).toThrow('--days is "many": give a whole number.');
  expect(() => wantedBy(["--replicas", "0"], 7)).toThrow("--replicas is 0: give 1 or more.");
  expect(wantedBy(["--seed", "0"], 7).seed).toBe(0);
});

test("a deck has every operation as often as it says, in an order that the seed decides", () => {
  const names = (seed: number) => played(diceOf(seed, 0), 1).map(({ name }) => name);
  expect(names(3)).toEqual(names(3));
  expect(names(3)).not.toEqual(names(4));
  expect(names(3).toSorted()).toEqual(operations.flatMap(({ name, times }) => Array.from({ length: times }, () => name)).toSorted());
});
