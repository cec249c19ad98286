import { expect, test } from "vitest";
import { barProgress, cell, count, duration, inLines, jsonText, plainProgress, short } from "./format.ts";

test("numbers are read in groups of three", () => {
  expect(count(1234567)).toBe("1,234,567");
});

test("a duration is as exact as one cares", () => {
  expect([40, 9_940, 9_960, 99_400, 99_600, 185_000, 3_725_000].map(duration)).toEqual([
    "0.0 s",
    "9.9 s",
    "10 s",
    "99 s",
    "1 min 40 s",
    "3 min 05 s",
    "62 min 05 s",
  ]);
  expect(duration(7_500_000)).toBe("2 h 05 min");
});

const moment = { label: "sending", done: 1_200, total: 5_000, elapsedMs: 4_000, rate: 310 };

test("progress tells how far, how fast and how long still", () => {
  expect(plainProgress(moment)).toBe("sending 1,200 of 5,000 (24 %), 310/s, 13 s left");
});

test("progress without a known end or rate claims neither", () => {
  expect(plainProgress({ label: "importing", done: 7, elapsedMs: 1, rate: 0, note: "reading" })).toBe("importing 7, reading");
});

test("progress that is done has no time left", () => {
  expect(plainProgress({ ...moment, done: 5_000 })).toBe("sending 5,000 of 5,000 (100 %), 310/s");
});

test("a bar is never wider than the terminal, nor than its frame when there is more than was announced", () => {
  expect(barProgress(moment, 40)).toHaveLength(39);
  expect(barProgress({ ...moment, done: 9_000 }, 200)).toContain(`${"━".repeat(20)} sending`);
  expect(barProgress({ ...moment, total: 0, done: 0 }, 200)).toContain("0 of 0 (100 %)");
});

test("a cell shows what is not there as a dash", () => {
  expect([undefined, null, "", 0, 1500, true, ["a"]].map(cell)).toEqual(["–", "–", "–", "0", "1,500", "yes", '["a"]']);
});

test("what others write cannot move the terminal's cursor, colour it, break a table or turn its text round", () => {
  const text = "\u001b[2J\u001b[31mOui\u0007\u009b1m\u202e !\r\nÀ\tdemain";
  expect(cell(text)).toBe("[2J[31mOui1m ! À demain");
  expect(inLines(text)).toEqual(["[2J[31mOui1m !", "À demain"]);
});

test("a document in JSON is harmless to a terminal, and the same to a program", () => {
  const document = { text: "\u001b[2JOui\u009b2J\u202e !\u007f", list: ["é😀"] };
  for (const shown of [jsonText(document), jsonText(document, 2), cell(document)]) {
    expect(shown.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u202a-\u202e]/u);
    expect(JSON.parse(shown)).toEqual(document);
  }
});

test("what is too long is cut between characters, and says so", () => {
  expect(short("😀😀😀", 3)).toBe("😀😀😀");
  expect(short("😀😀😀😀", 3)).toBe("😀😀…");
});
