import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { apiOf } from "../api.ts";
import type { Output } from "../output.ts";
import { file } from "../testing-program.ts";
import { importedText, importFile, lineCount } from "./import.ts";

const none = { read: 0, new: 0, changed: 0, duplicate: 0, bad: 0 };

test.each([
  [none, "imported 0 rows"],
  [{ ...none, read: 1, new: 1 }, "imported 1 row: 1 new"],
  [{ ...none, read: 1200, new: 1100, duplicate: 99, bad: 1 }, "imported 1,200 rows: 1,100 new, 99 duplicate, 1 bad"],
])("what became of %j is told in a line", (counts, text) => expect(importedText(counts)).toBe(text));

test.each(["utf8", "utf16le"] as const)("lines of a file are counted however it is cut, in %s", (encoding) => {
  for (const [text, lines] of [
    ["", 0],
    ["head", 1],
    ["head\n", 1],
    ["head\r\none\r\ntwo", 3],
    ["head\none\ntwo\n", 3],
  ] as const) {
    const bytes = Buffer.from(text, encoding);
    for (const size of [2, 6, 1000]) {
      const count = lineCount();
      for (let at = 0; at < bytes.length; at += size) count.add(bytes.subarray(at, at + size));
      expect(count.count()).toBe(lines);
    }
  }
});

test("while a file is read, rate and time left are told", async () => {
  const rows = 1_000;
  const path = file("ads.csv", `title\n${"Peugeot\n".repeat(rows)}`);
  let read = 0;
  const gateway = createServer((request, response) => {
    request.resume().on("end", () => {
      read = Math.min(rows, read + 100);
      const status = read === rows ? "finished" : "reading";
      response.end(JSON.stringify({ import: "i1", status, counts: { ...none, read, new: read } }));
    });
  });
  await new Promise<void>((listening) => gateway.listen(0, "127.0.0.1", listening));
  onTestFinished(() => void gateway.close());
  const { port } = gateway.address() as AddressInfo;
  const drawn: string[] = [];
  const output: Output = {
    ...{ json: false, terminal: true, columns: () => 200, draw: (line) => drawn.push(line) },
    ...{ say: () => undefined, result: () => undefined, found: () => undefined },
  };
  const api = apiOf({ url: `http://127.0.0.1:${port}`, key: "k" });
  await importFile(api, output, { path, bytes: 8 * rows + 6 }, { fictionNumbers: false });
  expect(drawn).toContainEqual(expect.stringMatching(/importing \d+ of 1,000 \(\d+ %\), \d+\/s, [\d.]+ s left, \d+ new$/));
});
