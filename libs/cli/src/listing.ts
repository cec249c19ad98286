import type { Command } from "commander";
import { integerOption, type Options } from "./context.ts";
import { itemsOf, textAt } from "./json.ts";
import { dim } from "./output.ts";

const pageMost = 500;
const rowsMost = 100_000;

/** Gives a list the option that says how much of it is wanted. */
export const withLimit = (command: Command, usual = 100): Command => command.option("--limit <rows>", "how many, at most", String(usual));

interface Page {
  readonly items: readonly unknown[];
  /** There are more. */
  readonly next?: string;
}

/** As much of a list as `--limit` says, read page by page. `ask` is the list's route. */
export const listed = async (
  options: Options,
  ask: (page: { readonly limit: number; readonly cursor: string | undefined }) => Promise<unknown>,
): Promise<Page> => {
  const wanted = integerOption(options, "limit", 1, rowsMost) ?? pageMost;
  const items: unknown[] = [];
  for (let cursor: string | undefined; ; ) {
    const answer = await ask({ limit: Math.min(pageMost, wanted - items.length), cursor });
    items.push(...itemsOf(answer));
    cursor = textAt(answer, "next");
    if (cursor === undefined) return { items };
    if (items.length >= wanted) return { items, next: cursor };
  }
};

/** Below a table: that it is not all. */
export const moreOf = ({ items, next }: Page): string =>
  next === undefined ? "" : `\n\n${dim(`The first ${items.length}; there are more: --limit ${Math.min(rowsMost, 10 * items.length)}.`)}`;
