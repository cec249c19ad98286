import { Unreadable } from "../providers/ad-source.ts";
import type { FileFormat } from "./format.ts";
import { own } from "./own.ts";
import { type Fields, fieldsOf } from "./records.ts";
import { usedCars } from "./used-cars.ts";

/** Headers that we know, in the order in which a file is compared with them. */
const formats: readonly FileFormat[] = [usedCars, own];

export interface Table {
  readonly format: FileFormat;
  readonly separator: string;
  /** Headers as the file has them. */
  readonly columns: readonly string[];
  /** Where each known header stands in a row. */
  readonly positions: ReadonlyMap<string, number>;
}

/** What a header line says: the separator, whose headers they are, and where. Throws `Unreadable` with what was found and what is known. */
export const tableOf = (headerLine: string): Table => {
  const separator = separatorOf(headerLine);
  const parsed: Fields = fieldsOf(headerLine, separator);
  if (parsed.kind !== "fields") throw new Unreadable("The quotes in the header line are broken.");
  const columns = parsed.fields.map((column) => column.trim());
  const found = columns.map(plain);
  const repeated = columns.find((_, at) => found[at] !== "" && found.indexOf(found[at] ?? "") !== at);
  const has = (column: string): boolean => found.includes(plain(column));
  const format = formats.find(({ needs, needsOne }) => needs.every(has) && (needsOne.length === 0 || needsOne.some(has)));
  if (format === undefined) throw new Unreadable(unknownHeaders(columns));
  if (repeated !== undefined) throw new Unreadable(`The header ${shown(repeated)} is there twice.`);
  const positions = new Map(format.columns.filter(has).map((column) => [column, found.indexOf(plain(column))]));
  return { format, separator, columns: columns.map(shown), positions };
};

const separatorOf = (line: string): string => {
  const outside = line.replace(/"[^"]*"/g, "");
  const count = (separator: string): number => outside.split(separator).length;
  return [",", ";", "\t", "|"].reduce((best, separator) => (count(separator) > count(best) ? separator : best));
};

const plain = (header: string): string => header.toLowerCase().replace(/[\s_-]/g, "");

const mostShown = 30;

const unknownHeaders = (columns: readonly string[]): string => {
  const known = formats.map(({ name, columns: all }) => `${name} (${all.join(", ")})`).join(" or ");
  const suggestions = columns.flatMap((column) => {
    const near = nearest(column);
    return near === undefined || plain(near) === plain(column) ? [] : [`"${near}" for "${shown(column)}"`];
  });
  const found = columns.slice(0, mostShown).map(shown).join(", ");
  const meant = suggestions.length === 0 ? "" : ` Did you mean ${suggestions.slice(0, 5).join(", ")}?`;
  return `The headers are not known. Found: ${found}.${meant} Known: ${known}. At least title or sourceId is needed.`;
};

/** A file without a header line begins with a row, and that may be about a person: only what looks like a header is repeated. */
const shown = (header: string): string => (/^[\p{L}][\p{L}\d _.:/()-]{0,39}$/u.test(header) && !/\d{3}/.test(header) ? header : "[…]");

const nearest = (column: string): string | undefined => {
  const wanted = plain(column);
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const name of formats.flatMap(({ columns }) => columns)) {
    const distance = editDistance(wanted, plain(name));
    if (distance <= Math.ceil(wanted.length / 3) && (best === undefined || distance < best.distance)) best = { name, distance };
  }
  return best?.name;
};

/** Levenshtein's; bounded by the header's length, which `shown` limits. */
const editDistance = (one: string, other: string): number => {
  if (Math.abs(one.length - other.length) > 8 || one.length > 60) return 99;
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const swap = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 99;
};
