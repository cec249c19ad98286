import { streams } from "@outrider/contracts/streams";
import { type ConfigOf, defineConfig, variable } from "@outrider/platform/config";

/** What the ingest reads from its environment. */
export const definition = defineConfig("scraping-ingest", {
  INGEST_PAGE_ROWS: variable.integer(10, 500).default(500).describe("how many rows of a file are handled at a time, 10 to 500"),
  INGEST_CHECKPOINT_ROWS: variable
    .integer(100, 100_000)
    .default(5000)
    .describe("after how many rows it is written down how far an import is, 100 to 100000"),
  INGEST_IMPORTS_AT_ONCE: variable.integer(1, 16).default(2).describe("how many imports one replica reads at the same time, 1 to 16"),
  INGEST_ACK_WAIT_MS: variable
    .integer(500, 300_000)
    .default(15_000)
    .describe("milliseconds after which another replica goes on with an import whose replica gives no sign of life, 500 to 300000"),
  INGEST_LONGEST_LINE_BYTES: variable
    .integer(10_000, 10_000_000)
    .default(1_000_000)
    .describe("a line of a file longer than this many bytes is a bad row, 10000 to 10000000"),
  INGEST_OWNERS_CACHED: variable
    .integer(100, 1_000_000)
    .default(20_000)
    .describe("how many owners' numbers are remembered for a minute, so that registry is asked once, 100 to 1000000"),
});
export type IngestConfig = ConfigOf<typeof definition>;

/** Names that are stored in JetStream: changing one starts that reader from the beginning, which is safe but slow. */
export const names = { drive: "scraping-ingest-drive-imports", actor: "scraping-ingest" } as const;

/** The reaction that reads the files. */
export const driven = { stream: streams.ads.name, filters: ["ads.import.>"] } as const;

/** Bad rows of one checkpoint: it is written before there are more, and keeps no more of them than this, so that it stays a small message. */
export const badRows = { perCheckpoint: 100, keptCharacters: 60_000 } as const;

export const limits = {
  /** Pieces of an upload that are fetched together; each is up to half a megabyte sealed. */
  piecesAtOnce: 2,
  /** Rows of so much of a piece are in memory at a time, mapped. */
  parsedAtOnceBytes: 32_768,
  /** How long a missing piece may still be on its way to the replica that answers, ms. */
  pieceGraceMs: 5000,
  ownersCachedMs: 60_000,
  askMs: 10_000,
  appendMs: 30_000,
  sourcesNamed: 100,
} as const;
