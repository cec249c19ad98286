import Table from "cli-table3";
import { cell } from "./format.ts";
import { at } from "./json.ts";
import { bold, dim } from "./output.ts";

/** Header, and where in a row its value stands ("definition.name") or how it is made. */
export type Column = readonly [header: string, value: string | ((row: unknown) => unknown)];

const plain = {
  chars: {
    top: "",
    "top-mid": "",
    "top-left": "",
    "top-right": "",
    bottom: "",
    "bottom-mid": "",
    "bottom-left": "",
    "bottom-right": "",
    left: "",
    "left-mid": "",
    mid: "",
    "mid-mid": "",
    right: "",
    "right-mid": "",
    middle: "  ",
  },
  style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
};

/** A list as a table without lines; `nothing` is said of an empty one. */
export const listTable = (columns: readonly Column[], rows: readonly unknown[], nothing: string): string => {
  if (rows.length === 0) return dim(nothing);
  const table = new Table({ ...plain, head: columns.map(([header]) => bold(header)) });
  for (const row of rows) table.push(columns.map(([, value]) => cell(typeof value === "string" ? at(row, value) : value(row))));
  return trimmed(table.toString());
};

/** Without the spaces that fill a last column. */
const trimmed = (text: string): string => text.replaceAll(/ +$/gm, "");

/** Names and values, one pair a line. */
export const pairsTable = (pairs: readonly (readonly [name: string, value: unknown])[]): string => {
  const table = new Table(plain);
  for (const [name, value] of pairs) table.push([dim(name), cell(value)]);
  return trimmed(table.toString());
};
