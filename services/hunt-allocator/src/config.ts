import { type ConfigOf, defineConfig, overdueShape, priceShape, variable } from "@outrider/platform/config";

/** The tallies of so many hunts, each with every rule there is and the longest error, are one message of under 256 KB. */
export const mostActiveHunts = 200;
/** Bytes of a tally's error, as it is stored. */
export const longestErrorBytes = 100;

/** What the allocator reads from its environment. */
export const definition = defineConfig(
  "hunt-allocator",
  {
    ...priceShape,
    PASSES_AT_ONCE: variable.integer(1, 64).default(4).describe("accounts whose passes one replica drives at the same time, 1 to 64"),
    PASS_TAKEOVER_MS: variable
      .integer(1000, 600_000)
      .default(10_000)
      .describe("milliseconds without a sign of life after which another replica takes a pass over, 1000 to 600000"),
    PASS_MOST_CONTACTS: variable
      .integer(1, 1_000_000)
      .default(100_000)
      .describe("contacts that one pass makes at most; the next pass goes on: bounds its memory, 1 to 1000000"),
    ACCOUNT_MOST_ACTIVE_HUNTS: variable
      .integer(1, mostActiveHunts)
      .default(mostActiveHunts)
      .describe(`hunts of one account that may be active at the same time: a pass tells of all in one message, 1 to ${mostActiveHunts}`),
    HUNTS_PAGE: variable.integer(1, 5000).default(500).describe("active hunts that are fetched at a time, 1 to 5000"),
    CANDIDATES_PAGE: variable.integer(100, 10_000).default(500).describe("candidate ads that are fetched at a time, 100 to 10000"),
    CANDIDATES_WAIT_MS: variable
      .integer(0, 600_000)
      .default(30_000)
      .describe("milliseconds that a pass waits for ads and people which are known but not looked at yet, 0 to 600000"),
    KEEP_ADS_DAYS: variable
      .integer(1, 36_500)
      .default(400)
      .describe("days after which an ad that was neither new nor changed is no candidate any more, 1 to 36500"),
    KEEP_CONTACTED_DAYS: variable
      .integer(1, 36_500)
      .default(400)
      .describe("days for which passes remember whom a hunt has contacted; never less than an account's recontactAfterDays, 1 to 36500"),
    ...overdueShape,
  },
  { mongo: true },
);
export type AllocatorConfig = ConfigOf<typeof definition>;

/** Names that are stored: changing one starts that reader from the beginning, into a new collection where it has one. */
export const names = {
  followAds: "hunt-allocator.ads",
  followHunts: "hunt-allocator.hunts-2",
  followPeople: "hunt-allocator.people",
  followContacts: "hunt-allocator.contacts",
  drivePasses: "hunt-allocator-passes",
  recordScans: "hunt-allocator-scans",
  actor: "hunt-allocator",
  ads: "allocator_ads",
  hunts: "allocator_hunts",
  contacted: "allocator_contacted_2",
  people: "allocator_people",
  gated: "allocator_gated_2",
  requested: "allocator_requested",
} as const;

/** Passes that nobody drives; the name is stored, too. */
export const overduePasses = {
  name: "hunt-allocator.passes",
  filters: ["hunts.run.>"],
  waits: ["PassOpened"],
  ended: ["PassClosed"],
} as const;

export const followed = {
  ads: "ads.ad.>",
  hunts: "hunts.>",
  people: "registry.person.>",
  contacts: "sms.contact.>",
  runs: "hunts.run.>",
  imports: "ads.import.>",
} as const;

/** Messages that a reader of this service folds at a time. */
export const readerBatch = 500;
/** After a batch that emptied a stream the next one gathers for this long: positions and busy documents are written that much less. */
export const readerLingerMs = 100;
/** Documents that a reader keeps in memory for the next fold. */
export const readerCache = 1000;
/** How often what is kept no longer is dropped, and how much of it at a time. */
export const dropEveryMs = 6 * 3_600_000;
export const tidyAgainMs = 2000;
export const droppedAtOnce = 1000;
/** Counts of requests by hand matter for a day, in whatever time zone. */
export const keepRequestedDays = 3;
/** How long a command waits for the service's own look-ups to reach what it has just written. */
export const lookUpWaitMs = 5000;
/** Accounts of whose activations a replica keeps count; one that it has forgotten is looked up. */
export const rememberedAccounts = 1000;
/** What is known of an account's people is kept in memory during a scan when there are at most this many documents of a kind. */
export const preloadAtMost = 20_000;
/** How long a command waits for an account that was created just now. */
export const accountWaitMs = 1000;
export const accountAgainMs = 20;
/** How often a run whose account is not known here is looked at again before it becomes a dead letter, and how long after, ms. */
export const unknownAccount = { deliveries: 10, waitMs: 1000 } as const;
