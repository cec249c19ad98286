import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type SourceRow, Unreadable } from "../providers/ad-source.ts";
import { csvOf } from "./csv.ts";
import { recordsOf } from "./records.ts";

const now = new Date("2026-11-20T10:00:00Z");

/** Reads a file that comes in pieces of a size. */
const read = (file: string | Buffer, pieceBytes = 65_536, longestLine = 1_000_000): SourceRow[] => {
  const csv = csvOf({ longestLine, now });
  const bytes = Buffer.from(file);
  const rows: SourceRow[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) rows.push(...csv.push(bytes.subarray(at, at + pieceBytes)));
  return [...rows, ...csv.end()];
};
const refusal = (file: string | Buffer): string => {
  try {
    read(file);
  } catch (error) {
    if (error instanceof Unreadable) return error.message;
    throw error;
  }
  throw new Error("the file was read");
};
const titles = (rows: readonly SourceRow[]) => rows.map((row) => (row.kind === "ad" ? row.ad.title : row.reason));
const header = "sourceId,title,description,price,city";
const table = (...rows: string[]) => [header, ...rows, ""].join("\n");

test("an empty file is refused in words", () => {
  expect(refusal("")).toBe("The file is empty.");
  expect(refusal("\n\n")).toBe("The file is empty.");
});

test("a file with headers only has no rows and is no mistake", () => expect(read(`${header}\n`)).toEqual([]));

test("what is not text is named for what it is", () => {
  expect(refusal(Buffer.from("PK\u0003\u0004 and so on"))).toMatch(/spreadsheet/);
  const binary = Buffer.from(Array.from({ length: 5000 }, (_, at) => (at * 7919) % 256));
  expect(refusal(binary)).toMatch(/The file is binary, not CSV: byte \d+ is 0x/);
});

test.each([
  ["UTF-8 with a byte order mark", Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), Buffer.from(table("1,Citroën,,1,"))])],
  ["UTF-16 LE with a byte order mark", Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from(table("1,Citroën,,1,"), "utf16le")])],
  ["UTF-16 BE with a byte order mark", Buffer.concat([Buffer.of(0xfe, 0xff), Buffer.from(table("1,Citroën,,1,"), "utf16le").swap16()])],
  ["UTF-16 LE without one", Buffer.from(table("1,Citroën,,1,"), "utf16le")],
  ["Windows line ends", Buffer.from(table("1,Citroën,,1,").replaceAll("\n", "\r\n"))],
  ["old Mac line ends", Buffer.from(table("1,Citroën,,1,").replaceAll("\n", "\r"))],
  ["no line end at the end", Buffer.from(table("1,Citroën,,1,").trim())],
])("%s is read as what it means", (_, bytes) => {
  for (const pieceBytes of [1, 7, 65_536]) expect(titles(read(bytes, pieceBytes))).toEqual(["Citroën"]);
});

test("a Latin-1 file is refused with the first byte that tells", () => {
  expect(refusal(Buffer.from(table("1,Citroën,,1,"), "latin1"))).toBe(
    "The file is not UTF-8: byte 45 is 0xEB. It looks like Latin-1 or Windows-1252; save it as UTF-8 and import that.",
  );
});

test("one line in another encoding is one bad row", () => {
  const good = Array.from({ length: 30 }, (_, at) => `${at},Car ${at},,1,`);
  const file = Buffer.concat([Buffer.from(table(...good)), Buffer.from("x,Citroën,,1,\n", "latin1"), Buffer.from("y,Last,,1,\n")]);
  const rows = read(file);
  expect(rows).toHaveLength(32);
  expect(titles(rows).slice(-2)).toEqual([
    expect.stringMatching(/^line 32: the line is not UTF-8 at byte \d+ of the file \(0xEB\)$/),
    "Last",
  ]);
});

test("wrong headers are listed with those that are known and the nearest one", () => {
  const message = refusal("titel,prix\n1,2\n");
  expect(message).toContain("Found: titel, prix.");
  expect(message).toContain('Did you mean "title" for "titel"');
  expect(message).toContain("noCanvassing");
  expect(message).toContain("dateCrawled");
});

test("a file without headers does not get its first row repeated", () => {
  expect(refusal("Jean Dupont,+33612345678,jean@example.org\n")).not.toMatch(/33612345678|example/);
});

test.each([",", ";", "\t"])("separator %j is told from the headers", (separator) => {
  expect(titles(read(table("1,A car,,1,").replaceAll(",", separator)))).toEqual(["A car"]);
});

test("rows with too few or too many fields are bad, the rest goes on", () => {
  expect(titles(read(table("1,A,,1,", "2,B", "3,C,,1,,,", "4,D,,1,")))).toEqual([
    "A",
    "line 3: 2 fields where the headers have 5",
    "line 4: 7 fields where the headers have 5",
    "D",
  ]);
});

test("a row with neither title nor id is bad; one of them is enough", () => {
  const rows = read(table(",,,1,", "1,,,1,", ",A car,,1,"));
  expect(rows.map(({ kind }) => kind)).toEqual(["bad", "ad", "ad"]);
  expect(titles(rows)[0]).toBe("line 2: neither a title nor an id: columns title and sourceId are empty");
});

test("NUL bytes make their own row bad", () => {
  expect(titles(read(table("1,A,,1,", "2,B\u0000,,1,", "3,C,,1,").replace("A", "A".repeat(200))))).toEqual([
    "A".repeat(200),
    "line 3: byte 4 of the line is NUL",
    "C",
  ]);
});

test("a line of 40 MB is one bad row and is never held", () => {
  const csv = csvOf({ longestLine: 1_000_000, now });
  const rows = [...csv.push(Buffer.from(`${table("1,A,,1,")}2,`))];
  const megabyte = Buffer.alloc(1 << 20, "x");
  const before = process.memoryUsage();
  for (let sent = 0; sent < 40; sent++) rows.push(...csv.push(megabyte));
  const after = process.memoryUsage();
  rows.push(...csv.push(Buffer.from("\n3,C,,1,\n")), ...csv.end());
  expect(titles(rows)).toEqual(["A", "line 3: the line is longer than 1000000 bytes", "C"]);
  expect(after.arrayBuffers + after.heapUsed - before.arrayBuffers - before.heapUsed).toBeLessThan(20e6);
});

test("a quote that is never closed costs its own row only", () => {
  const rows = read(table('1,"A,,1,', "2,B,,1,", '3,"C",,1,', "4,D,,1,"));
  expect(titles(rows)).toEqual(["line 2: the quote opened in column title is not closed", "B", "C", "D"]);
});

test("two broken quotes do not swallow the rows between them", () => {
  const rows = read(table('1,"A,x,1,', "2,B,,1,", '3,C",x,1,', "4,D,,1,"));
  expect(titles(rows)).toEqual(["line 2: the quote opened in column title is not closed", "B", 'C"', "D"]);
});

test("a quote that never closes at the end of a long file costs one row", () => {
  const rows = read(table('0,"broken,,1,', ...Array.from({ length: 1000 }, (_, at) => `${at + 1},Car,,1,`)), 100);
  expect(rows.filter(({ kind }) => kind === "bad")).toHaveLength(1);
  expect(rows).toHaveLength(1001);
});

test("something behind a closing quote makes the row bad", () => {
  expect(titles(read(table('1,"A"x,,1,', "2,B,,1,")))).toEqual(["line 2: the quotes in column title are broken", "B"]);
});

test("only texts may go on over several lines", () => {
  const rows = read(table('1,A,"first line\nsecond ""line""\n",1,Paris', '2,B,,"1\n2",Paris', "3,C,,1,"));
  expect(rows[0]).toMatchObject({ kind: "ad", line: 2, ad: { description: 'first line\nsecond "line"', city: "Paris" } });
  expect(titles(rows).slice(1)).toEqual([
    "line 5: the quote opened in column price is not closed",
    "line 6: 2 fields where the headers have 5",
    "C",
  ]);
});

test("reasons never repeat a value", () => {
  const rows = read(table("0612345678,Jean Dupont", '"Jean Dupont"x,,,1,'));
  expect(titles(rows).join()).not.toMatch(/Dupont|0612345678/);
});

test("reads any well-formed table as another reader of CSV does, however it is cut", () => {
  const cell = fc.stringMatching(/^[ a-z",;é\n]{0,8}$/);
  const written = (value: string) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  const columns = ["a", "b", "c"];
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell, cell), { maxLength: 20 }), (rows) => {
      const text = rows.map((row) => row.map(written).join(",")).join("\n");
      const ours = recordsOf({ separator: ",", columns, mayBreak: () => true });
      const lines = text.split("\n").map((each, at) => ({ line: at + 1, text: each }));
      const found = [...ours.push(lines.slice(0, 3)), ...ours.push(lines.slice(3)), ...ours.end()];
      const theirs = parse(text, { skip_empty_lines: true }).filter((row) => row.join("").trim() !== "" || row.length === 3);
      expect(found.map((row) => (row.kind === "fields" ? row.fields : row))).toEqual(theirs);
    }),
  );
});
