import type { Line } from "./lines.ts";

/** One row of a table: its fields, or why it has none. */
export type TableRow =
  | { readonly kind: "fields"; readonly line: number; readonly fields: readonly string[] }
  | { readonly kind: "bad"; readonly line: number; readonly reason: string; readonly raw: string };

export interface TableShape {
  readonly separator: string;
  readonly columns: readonly string[];
  /** Columns whose values may go on over several lines. */
  readonly mayBreak: (column: number) => boolean;
}

export interface RecordsOf {
  readonly push: (lines: readonly Line[]) => readonly TableRow[];
  readonly end: () => readonly TableRow[];
}

/** How far a quoted value may reach, lines and characters, before its opening quote counts as broken. */
const mostLines = 200;
const mostCharacters = 262_144;
/** With fewer columns than this a line of plain text could pass for a row. */
const columnsThatTell = 4;

/**
 * Reads rows of separated values, quoted as in RFC 4180. A quote that is never closed must not swallow the rows behind it: a value over several
 * lines counts only if its row then has the right number of fields, breaks only where text may, and holds no line that is a row
 * by itself. Else its first line alone is bad and reading goes on with the next.
 */
export const recordsOf = (shape: TableShape): RecordsOf => {
  let waiting: Line[] = [];

  const drain = (atEnd: boolean): TableRow[] => {
    const rows: TableRow[] = [];
    let next = 0;
    while (next < waiting.length) {
      const taken = take(shape, waiting, next, atEnd);
      if (taken === undefined) break;
      if (taken.row !== undefined) rows.push(taken.row);
      next = taken.next;
    }
    waiting = next === waiting.length ? [] : waiting.slice(next);
    return rows;
  };
  return {
    push: (lines) => {
      waiting = waiting.length === 0 ? [...lines] : [...waiting, ...lines];
      return drain(false);
    },
    end: () => drain(true),
  };
};

interface Taken {
  readonly row: TableRow | undefined;
  readonly next: number;
}

/** The row that begins at a line; undefined when more lines are needed to tell. */
const take = (shape: TableShape, lines: readonly Line[], at: number, atEnd: boolean): Taken | undefined => {
  const first = lines[at];
  if (first === undefined) return undefined;
  const { line, text, problem } = first;
  const bad = (reason: string): Taken => ({ row: { kind: "bad", line, reason: `line ${line}: ${reason}`, raw: text }, next: at + 1 });
  if (problem !== undefined) return bad(problem);
  if (text.trim() === "") return { row: undefined, next: at + 1 };
  if (!text.includes('"')) return counted(shape, text.split(shape.separator), first, at + 1);
  const alone = fieldsOf(text, shape.separator);
  if (alone.kind === "fields") return counted(shape, alone.fields, first, at + 1);
  const named = `column ${columnName(shape, alone.column)}`;
  if (alone.kind === "broken") return bad(`the quotes in ${named} are broken`);
  const neverClosed = `the quote opened in ${named} is not closed`;
  if (!shape.mayBreak(alone.column)) return bad(neverClosed);

  let joined = text;
  for (let more = at + 1; ; more++) {
    const following = lines[more];
    if (following === undefined) return atEnd ? bad(neverClosed) : undefined;
    joined += `\n${following.text}`;
    if (following.problem !== undefined || more - at >= mostLines || joined.length > mostCharacters) return bad(neverClosed);
    if (!following.text.includes('"')) continue;
    const together = fieldsOf(joined, shape.separator);
    if (together.kind === "open" && shape.mayBreak(together.column)) continue;
    if (together.kind !== "fields" || !believable(shape, together.fields, lines.slice(at + 1, more))) return bad(neverClosed);
    return { row: { kind: "fields", line, fields: together.fields }, next: more + 1 };
  }
};

const counted = (shape: TableShape, fields: readonly string[], { line, text }: Line, next: number): Taken => {
  const { length } = shape.columns;
  if (fields.length === length) return { row: { kind: "fields", line, fields }, next };
  const reason = `line ${line}: ${fields.length} fields where the headers have ${length}`;
  return { row: { kind: "bad", line, reason, raw: text }, next };
};

const believable = ({ columns, separator, mayBreak }: TableShape, fields: readonly string[], inside: readonly Line[]): boolean =>
  fields.length === columns.length &&
  fields.every((field, column) => !field.includes("\n") || mayBreak(column)) &&
  !(columns.length >= columnsThatTell && inside.some(({ text }) => isRow(text, separator, columns.length)));

const isRow = (text: string, separator: string, columns: number): boolean => {
  const alone = fieldsOf(text, separator);
  return alone.kind === "fields" && alone.fields.length === columns;
};

export const columnName = ({ columns }: Pick<TableShape, "columns">, column: number): string => columns[column] ?? `number ${column + 1}`;

export type Fields =
  | { readonly kind: "fields"; readonly fields: readonly string[] }
  /** A quote is open at the end. */
  | { readonly kind: "open"; readonly column: number }
  /** Something stands between a closing quote and the next separator. */
  | { readonly kind: "broken"; readonly column: number };

/** Fields of one record. A quote inside a value that does not begin with one is just a character (`15" wheels`). */
export const fieldsOf = (text: string, separator: string): Fields => {
  const fields: string[] = [];
  for (let at = 0; ; ) {
    if (text.charCodeAt(at) !== quote) {
      const end = text.indexOf(separator, at);
      fields.push(end < 0 ? text.slice(at) : text.slice(at, end));
      if (end < 0) return { kind: "fields", fields };
      at = end + 1;
      continue;
    }
    let end = text.indexOf('"', at + 1);
    let doubled = false;
    while (end >= 0 && text.charCodeAt(end + 1) === quote) {
      doubled = true;
      end = text.indexOf('"', end + 2);
    }
    if (end < 0) return { kind: "open", column: fields.length };
    const value = text.slice(at + 1, end);
    fields.push(doubled ? value.replaceAll('""', '"') : value);
    if (end + 1 >= text.length) return { kind: "fields", fields };
    if (text[end + 1] !== separator) return { kind: "broken", column: fields.length - 1 };
    at = end + 2;
  }
};

const quote = 34;
