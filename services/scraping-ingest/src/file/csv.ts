import { type SourceRow, Unreadable } from "../providers/ad-source.ts";
import type { Cell } from "./format.ts";
import { type Table, tableOf } from "./headers.ts";
import { type Line, linesOf, shownOfBad } from "./lines.ts";
import { type RecordsOf, recordsOf, type TableRow } from "./records.ts";
import { textOf } from "./text.ts";

export interface CsvOptions {
  /** A line longer than this is a bad row and is never held, bytes. */
  readonly longestLine: number;
  /** Which years are possible depends on it. */
  readonly now: Date;
}

/** A file pushed in pieces, rows out of it as soon as they are whole. `end` gives the last ones. Both throw `Unreadable`. */
export interface CsvOf {
  readonly push: (piece: Buffer) => readonly SourceRow[];
  readonly end: () => readonly SourceRow[];
}

export const csvOf = ({ longestLine, now }: CsvOptions): CsvOf => {
  const text = textOf();
  const lines = linesOf(longestLine);
  let reading: { readonly table: Table; readonly records: RecordsOf; readonly read: (row: TableRow) => SourceRow } | undefined;

  const begin = (header: Line): void => {
    if (header.problem !== undefined) throw new Unreadable(`The header line cannot be read: ${header.problem}.`);
    const table = tableOf(header.text);
    const texts = new Set(table.format.texts.map((column) => table.positions.get(column)));
    const known = new Set(table.positions.values());
    const shape = { ...table, mayBreak: (column: number) => texts.has(column) || !known.has(column) };
    reading = { table, records: recordsOf(shape), read: reader(table, now) };
  };
  const take = (given: readonly Line[]): readonly SourceRow[] => {
    let rest = given;
    if (reading === undefined) {
      const at = given.findIndex((line) => line.problem !== undefined || line.text.trim() !== "");
      const header = given[at];
      if (header === undefined) return [];
      begin(header);
      rest = given.slice(at + 1);
    }
    return reading === undefined ? [] : reading.records.push(rest).map(reading.read);
  };
  return {
    push: (piece) => take(lines.push(text.push(piece))),
    end: () => {
      const last = [...take(lines.push(text.end())), ...take(lines.end())];
      if (reading === undefined) throw new Unreadable("The file is empty.");
      return [...last, ...reading.records.end().map(reading.read)];
    },
  };
};

/** Numbers the rows and maps their fields by the file's format. */
const reader = (table: Table, now: Date): ((row: TableRow) => SourceRow) => {
  let next = 0;
  let fields: readonly string[] = [];
  const cell: Cell = (column) => {
    const at = table.positions.get(column);
    return at === undefined ? "" : (fields[at] ?? "").trim();
  };
  return (row) => {
    const place = { row: next++, line: row.line };
    if (row.kind === "bad") return { ...place, kind: "bad", reason: row.reason, raw: row.raw.slice(0, shownOfBad) };
    fields = row.fields;
    const read = table.format.read(cell, now);
    if (typeof read !== "string") return { ...place, kind: "ad", ad: read };
    return { ...place, kind: "bad", reason: `line ${row.line}: ${read}`, raw: fields.join(table.separator).slice(0, shownOfBad) };
  };
};
