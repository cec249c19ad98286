import { openAsBlob } from "node:fs";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathTo, v1 } from "@outrider/contracts/api";
import type { AdsFile } from "../ads-file.ts";
import type { Api } from "../api.ts";
import { refused } from "../failure.ts";
import { count } from "../format.ts";
import { itemsOf, numberAt, textAt } from "../json.ts";
import type { Output } from "../output.ts";
import { progressOf } from "../progress.ts";
import type { AdCounts } from "./summary.ts";

export interface Imported {
  readonly import: string;
  readonly counts: AdCounts;
  readonly ms: number;
}

const lookEveryMs = 250;
const stalledMs = 120_000;

/** Uploads a file, streamed, and waits until it is read. @throws Failure (1) with the importer's reason. */
export const importFile = async (
  api: Api,
  output: Output,
  file: AdsFile,
  options: { readonly source?: string | undefined; readonly fictionNumbers: boolean },
): Promise<Imported> => {
  const progress = progressOf(output, "importing");
  try {
    const blob = await openAsBlob(file.path);
    let lines = lineCount();
    const body = (): ReadableStream<Uint8Array> => {
      let sent = 0;
      lines = lineCount();
      return blob.stream().pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform: (chunk, controller) => {
            sent += chunk.byteLength;
            lines.add(chunk);
            progress.update(Math.floor(sent / 1024), Math.ceil(file.bytes / 1024), "KB uploaded");
            controller.enqueue(chunk);
          },
        }),
      );
    };
    const query = { fileName: basename(file.path), fictionNumbers: options.fictionNumbers, source: options.source };
    const answer = await api.upload(v1.imports.start, query, body);
    const id = textAt(answer, "import");
    if (id === undefined) throw refused("The gateway did not name the import.");
    // How many rows there are only the importer knows, at the end: a cell may hold line breaks, and a last line may be empty.
    const about = Math.max(0, lines.count() - 1);
    const ended = await untilRead(api, id, (counts) => progress.update(counts.read, Math.max(about, counts.read), countsText(counts)));
    if (ended.status === "failed")
      throw refused(`${file.path} was not imported: ${ended.reason ?? "no reason was given"}`, JSON.stringify(ended.counts));
    const ms = progress.end(importedText(ended.counts));
    for (const row of ended.badRows) output.say(`  ${rowText(row)}`);
    const more = ended.counts.bad - ended.badRows.length;
    if (more > 0) output.say(`  and ${count(more)} more: GET ${pathTo(v1.imports.show, { import: id })}`);
    return { import: id, counts: ended.counts, ms };
  } catch (error) {
    progress.drop();
    throw error;
  }
};

const lineFeed = 0x0a;

/** Lines of a file that comes in parts, the last one with or without a line feed. A carriage return alone ends none here. */
export const lineCount = () => {
  let feeds = 0;
  let open = false;
  return {
    add: (part: Uint8Array): void => {
      for (let at = part.indexOf(lineFeed); at >= 0; at = part.indexOf(lineFeed, at + 1)) feeds += 1;
      // In UTF-16 a zero follows the line feed, or comes before it.
      if (part.length > 0) open = !part.subarray(-2).includes(lineFeed);
    },
    count: (): number => feeds + (open ? 1 : 0),
  };
};

/** "imported 3 rows: 2 new, 1 bad" */
export const importedText = (counts: AdCounts): string => {
  const became = countsText(counts);
  return `imported ${count(counts.read)} row${counts.read === 1 ? "" : "s"}${became === "" ? "" : `: ${became}`}`;
};

const countsText = (counts: AdCounts): string =>
  (["new", "changed", "duplicate", "bad"] as const)
    .filter((name) => counts[name] > 0)
    .map((name) => `${count(counts[name])} ${name}`)
    .join(", ");

/** Reasons begin with the line when the importer says so. */
const rowText = (row: unknown): string => {
  const reason = textAt(row, "reason") ?? "bad row";
  return reason.startsWith("line ") ? reason : `line ${numberAt(row, "line")}: ${reason}`;
};

interface Ended {
  readonly status: string;
  readonly reason: string | undefined;
  readonly counts: AdCounts;
  readonly badRows: readonly unknown[];
}

const shownBadRows = 5;

const untilRead = async (api: Api, id: string, tell: (counts: AdCounts) => void): Promise<Ended> => {
  let last = "";
  let changedAt = performance.now();
  for (;;) {
    const answer = await api.ask(v1.imports.show, { params: { import: id } });
    const counts = countsIn(answer);
    tell(counts);
    const status = textAt(answer, "status") ?? "unknown";
    if (status === "finished" || status === "failed") {
      return { status, reason: textAt(answer, "reason"), counts, badRows: itemsOf(answer, "badRows").slice(0, shownBadRows) };
    }
    const now = JSON.stringify([status, counts]);
    if (now !== last) {
      last = now;
      changedAt = performance.now();
    } else if (performance.now() - changedAt > stalledMs) {
      throw refused(`The import stands still at row ${counts.read} since ${stalledMs / 1000} s.`);
    }
    await sleep(lookEveryMs);
  }
};

const countsIn = (answer: unknown): AdCounts => ({
  read: numberAt(answer, "counts.read"),
  new: numberAt(answer, "counts.new"),
  changed: numberAt(answer, "counts.changed"),
  duplicate: numberAt(answer, "counts.duplicate"),
  bad: numberAt(answer, "counts.bad"),
});
