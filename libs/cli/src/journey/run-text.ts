import { type Column, listTable } from "../table.ts";
import type { HuntRow, RunProgress } from "./run.ts";

const counts: readonly string[] = ["gated", "accepted", "sent", "delivered", "failed", "rejected", "unknown", "replied"];

/** How a run stands, in words and as a table by hunt and channel. A count that no channel has is left out. */
export const runText = (progress: RunProgress): string => {
  const named = (all: Readonly<Record<string, number>>, prefix: string): string[] =>
    Object.entries(all).flatMap(([name, n]) => (n > 0 ? [`  ${prefix}${name}: ${n}`] : []));
  const shown = counts.filter((name) => progress.hunts.some((row) => (row.counts[name] ?? 0) > 0));
  const columns: Column[] = [
    ...["hunt", "channel", "found", "skipped", "allocated"].map((name) => [name, name] as const),
    ...shown.map((name) => [name, `counts.${name}`] as const),
  ];
  return [
    [
      `found ${progress.found}, allocated ${progress.allocated}`,
      ...named(progress.skipped, "skipped, "),
      ...named(progress.sms, ""),
      ...named(progress.gatedBy, "gated, "),
    ].join("\n"),
    ...(progress.hunts.length === 0 ? [] : [listTable(columns, progress.hunts satisfies readonly HuntRow[], "")]),
  ].join("\n\n");
};
