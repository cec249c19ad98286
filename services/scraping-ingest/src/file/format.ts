import type { FoundAd } from "../providers/ad-source.ts";

/** The value of a column in the row at hand, trimmed; "" when the file has no such column. */
export type Cell = (column: string) => string;

/** One way in which files name their columns. */
export interface FileFormat {
  readonly name: string;
  /** Headers that it knows, as they are documented. */
  readonly columns: readonly string[];
  /** A file is of this format when it has all of `needs`, and at least one of `needsOne`. */
  readonly needs: readonly string[];
  readonly needsOne: readonly string[];
  /** Columns whose quoted values may go on over several lines. */
  readonly texts: readonly string[];
  /** The ad in a row, or the reason why there is none: it names columns, never values. */
  readonly read: (cell: Cell, now: Date) => FoundAd | string;
}
