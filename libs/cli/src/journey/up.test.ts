import { expect, test } from "vitest";
import { refused } from "../failure.ts";
import type { Output } from "../output.ts";
import { servedAnyway } from "./up.ts";

const said = async (work: Promise<void>, options = {}): Promise<readonly string[]> => {
  const lines: string[] = [];
  const output = { say: (line: string) => lines.push(line) } satisfies Partial<Output>;
  await servedAnyway({ output: { ...silent, ...output }, options }, work);
  return lines;
};
const silent: Output = {
  json: false,
  terminal: false,
  say: () => undefined,
  result: () => undefined,
  found: () => undefined,
  draw: () => undefined,
  columns: () => 80,
};

test("what goes wrong in the first run is one sentence, and serving goes on", async () => {
  const lines = await said(Promise.reject(refused("The summary does not add up: a.", "details")));
  expect(lines).toEqual([expect.stringMatching(/✗.* The first run: The summary does not add up: a\.$/)]);
  expect(await said(Promise.reject(new TypeError("odd")))).toHaveLength(1);
  expect(await said(Promise.resolve())).toEqual([]);
});

test("--verbose shows the details too", async () => {
  expect(await said(Promise.reject(refused("No.", "details")), { verbose: true })).toEqual([expect.any(String), "details"]);
});
