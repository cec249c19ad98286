import { z } from "zod";
import { defineCommand, inspection } from "./commands.ts";
import { type ViewName, viewName } from "./documents.ts";
import { instant } from "./fields.ts";

const count = z.int().min(0);

/** The reader whose position (`_positions`, by this id: `{created, seq, epoch}`) says how far a view is in its stream. */
export const readerOf = (stream: string): string => `projector.${stream.toLowerCase()}`;
/** By view: the stream that it folds. */
export const streamOf = {
  ads: "ADS",
  imports: "ADS",
  hunts: "HUNTS",
  runs: "HUNTS",
  contacts: "SMS",
  replies: "SMS",
  lines: "SMS",
  unmatched: "SMS",
  people: "REGISTRY",
  accounts: "REGISTRY",
  statement: "LEDGER",
  balances: "LEDGER",
} as const satisfies Record<ViewName, string>;

/** Collection of the alias documents. */
export const viewsCollection = "_views";
/** Where a view's documents are now. Read it again at least every `aliasFreshMs`: a rebuild swaps the collection. */
export const viewAlias = z.object({
  _id: viewName,
  collection: z.string(),
  version: z.int(),
  /** Counts builds of this view. */
  build: z.int(),
  /** Highest lease epoch that has written here. */
  epoch: z.int(),
  /** A message could not be read or folded and was passed over; the cure is a fix and a rebuild. */
  degraded: z.object({ seq: z.int(), reason: z.string(), at: instant }).optional(),
  /** Wanted or under way; `collection` serves meanwhile. */
  building: z.object({ collection: z.string(), version: z.int(), build: z.int(), since: instant }).optional(),
  /** The collection before, until nobody can be reading it any more. */
  previous: z.object({ collection: z.string(), since: instant }).optional(),
});
export type ViewAlias = z.output<typeof viewAlias>;
export const aliasFreshMs = 2_000;
/** Collection of the readers' positions. */
export const positionsCollection = "_positions";

export const projectorCommands = {
  /** Builds the view anew beside the one that serves, then swaps. Answers at once; `views` tells when it is done. */
  rebuild: defineCommand(
    "projector",
    "rebuild",
    z.object({ view: viewName }),
    z.object({ view: viewName, collection: z.string(), build: z.int() }),
  ),
  views: defineCommand(
    "projector",
    "views",
    z.object({}),
    z.object({
      views: z.array(
        z.object({
          view: viewName,
          stream: z.string(),
          collection: z.string(),
          build: z.int(),
          version: z.int(),
          /** Stream sequence up to which the documents are written. */
          seq: z.int(),
          /** The stream's last sequence; absent from a projector of an older release. */
          head: z.int().optional(),
          /** Why nobody can read on, such as a message of a newer release: it stays so until somebody acts. */
          stuck: z.string().optional(),
          building: z.string().optional(),
          degraded: z.object({ seq: z.int(), reason: z.string() }).optional(),
        }),
      ),
    }),
  ),
  /** Folds the stream anew, up to where the view is, and compares every document. Documents changed meanwhile count as `moved`. */
  verify: defineCommand(
    "projector",
    "verify",
    z.object({ view: viewName }),
    z.object({
      view: viewName,
      seq: z.int(),
      equal: count,
      moved: count,
      different: count,
      missing: count,
      unexpected: count,
      /** The first ids that are different, missing or unexpected. */
      first: z.array(z.string()),
    }),
  ),
  ...inspection("projector"),
} as const;
