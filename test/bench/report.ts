import type { Cell, Measured, Table } from "./bench.ts";

const textOf = (cell: Cell): string => (cell === undefined ? "–" : typeof cell === "number" ? numberText(cell) : cell);

/** 12,345 · 123 · 12.3 · 1.23 */
const numberText = (value: number): string => {
  const size = Math.abs(value);
  const digits = Number.isInteger(value) || size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
};

/** Names to the left, figures to the right. */
const tableText = ({ title, head, rows }: Table): string => {
  const lines = [head, ...rows.map((row) => row.map(textOf))];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  const lineText = (line: readonly string[]): string =>
    widths.map((width, column) => (column === 0 ? (line[column] ?? "").padEnd(width) : (line[column] ?? "").padStart(width))).join("  ");
  const [first = "", ...others] = lines.map((line) => `  ${lineText(line).trimEnd()}`);
  return [title, first, `  ${widths.map((width) => "-".repeat(width)).join("  ")}`, ...others].join("\n");
};

export const reportText = ({ tables, notes }: Measured): string =>
  [...tables.map(tableText), ...notes.map((note) => `  ${note}`)].join("\n");
