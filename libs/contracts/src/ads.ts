import { z } from "zod";
import { defineCommand, inspection } from "./commands.ts";
import { codecOf, defineEvent, type EventOf, personal, sealed } from "./define.ts";
import { numberFacts } from "./fields.ts";
import { accountId, adId, importId, personId } from "./ids.ts";

/** An ad as we last saw it. Each message of an ad carries it whole, so the last message alone is the ad's state. */
export const ad = z.object({
  ad: adId,
  source: z.string(),
  sourceId: z.string(),
  /** Absent when the ad shows no usable number. */
  person: personId.optional(),
  facts: numberFacts.optional(),
  /** Numbers inside a title are blanked before anything is stored. */
  title: z.string(),
  description: personal("text").optional(),
  ownerName: personal("name").optional(),
  ownerType: z.enum(["private", "trade", "unknown"]),
  /** The owner refuses canvassing by professionals. */
  noCanvassing: z.boolean(),
  make: z.string().optional(),
  model: z.string().optional(),
  /** Whole units of the currency. */
  price: z.int().optional(),
  currency: z.string().optional(),
  year: z.int().optional(),
  /** Kilometres. */
  mileage: z.int().optional(),
  fuel: z.string().optional(),
  gearbox: z.string().optional(),
  vehicleType: z.string().optional(),
  postalCode: z.string().optional(),
  city: z.string().optional(),
  url: z.string().optional(),
  pictures: z.array(z.string()).optional(),
  publishedAt: z.string(),
  /** HMAC over all of the row under the account's own secret: tells a change without comparing sealed fields. */
  digest: z.string(),
});
export type Ad = z.output<typeof ad>;

export const adListed = defineEvent("AdListed", 1, z.object({ ad, import: importId.optional(), seenAt: z.string() }));
export const adChanged = defineEvent(
  "AdChanged",
  1,
  z.object({ ad, changed: z.array(z.string()), previousPrice: z.int().optional(), import: importId.optional(), seenAt: z.string() }),
);
/** The owner was erased: this ad is stored on without personal fields. */
export const adDepersonalised = defineEvent("AdDepersonalised", 1, z.object({ ad }));
export const adEvents = [adListed, adChanged, adDepersonalised] as const;
export type AdEvent = EventOf<typeof adEvents>;

export const badRow = z.object({ line: z.int(), reason: z.string(), row: personal("raw").optional() });
export const importCounts = z.object({ read: z.int(), new: z.int(), changed: z.int(), duplicate: z.int(), bad: z.int() });
export type ImportCounts = z.output<typeof importCounts>;

/** Version 1 had the file's name in plain text; that is left out, for only who may open a key could seal it now. */
interface ImportStarted1 {
  readonly fileName: string;
}
export const importStarted = defineEvent(
  "ImportStarted",
  2,
  z.object({
    import: importId,
    source: z.string(),
    format: z.enum(["csv"]),
    bytes: z.int(),
    /** People call files after people, so it is sealed, under the account's key. */
    fileName: personal("name").optional(),
    defaultCountry: z.string(),
    /** Rows without a number get one from the ranges reserved for fiction. */
    fictionNumbers: z.boolean().default(false),
  }),
  [{ version: 1, upcast: ({ fileName: _plain, ...rest }: ImportStarted1) => rest }],
);
/** How far we are, in rows of the file and bytes of the upload. Counts are totals so far; `bad` rows are those of this step. */
export const importProgressed = defineEvent(
  "ImportProgressed",
  1,
  z.object({ counts: importCounts, nextRow: z.int(), nextLine: z.int(), bad: z.array(badRow) }),
);
export const importFinished = defineEvent("ImportFinished", 1, z.object({ counts: importCounts, sources: z.array(z.string()) }));
export const importFailed = defineEvent("ImportFailed", 1, z.object({ reason: z.string(), counts: importCounts }));
export const importEvents = [importStarted, importProgressed, importFinished, importFailed] as const;
export type ImportEvent = EventOf<typeof importEvents>;

export const adCodec = codecOf(adEvents);
export const importCodec = codecOf(importEvents);
export const adsCodec = codecOf([...adEvents, ...importEvents] as const);

export const ingestCommands = {
  /** The upload is complete in UPLOADS; read it. */
  startImport: defineCommand(
    "scraping-ingest",
    "start-import",
    z.object({
      account: accountId,
      import: importId,
      /** Under the account's key. An older gateway sends it in plain text, which is not taken over. */
      fileName: sealed.optional().catch(undefined),
      bytes: z.int(),
      source: z.string().default("file"),
      /** Give rows without a number one from the ranges reserved for fiction. Sandbox only. */
      fictionNumbers: z.boolean().default(false),
    }),
    z.object({ import: importId, seq: z.int() }),
  ),
  import: defineCommand(
    "scraping-ingest",
    "import",
    z.object({ account: accountId, import: importId }),
    z.object({
      status: z.enum(["unknown", "running", "finished", "failed"]),
      counts: importCounts,
      reason: z.string().optional(),
      bytes: z.int(),
      seq: z.int(),
    }),
  ),
  ...inspection("scraping-ingest"),
} as const;
