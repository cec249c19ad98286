import { type ConfigOf, defineConfig, variable } from "@outrider/platform/config";

/** What the projector reads from its environment. */
export const definition = defineConfig(
  "projector",
  {
    PROJECTOR_BATCH_MESSAGES: variable
      .integer(1, 20_000)
      .default(2000)
      .describe("how many messages become documents at a time, at most: 1 to 20000"),
    PROJECTOR_LINGER_MS: variable
      .integer(0, 10_000)
      .default(400)
      .describe("milliseconds for which events gather once all are read, so that busy documents are written once, 0 to 10000"),
    PROJECTOR_CACHE_DOCUMENTS: variable
      .integer(0, 1_000_000)
      .default(3_000)
      .describe("documents of each busy view kept in memory, a tenth of it of those that seldom change: 0 to 1000000"),
    PROJECTOR_LOOK_EVERY_MS: variable
      .integer(50, 60_000)
      .default(1000)
      .describe("how often rebuilds are looked for, in milliseconds, 50 to 60000"),
    PROJECTOR_KEEP_OLD_MS: variable
      .integer(0, 3_600_000)
      .default(10_000)
      .describe("how long the collection before a rebuild is kept for those who still read it, in milliseconds, 0 to 3600000"),
    PROJECTOR_VERIFY_DOCUMENTS: variable
      .integer(1000, 1_000_000)
      .default(50_000)
      .describe("how many documents a verification holds in memory at a time, about: 1000 to 1000000"),
  },
  { mongo: true },
);
export type ProjectorConfig = ConfigOf<typeof definition>;

/** A rebuild and a verification wait for their reader in stretches of this long, so that they notice when they are to end, ms. */
export const waitedAtOnceMs = 1000;
