import { z } from "zod";
import { defineCommand, inspection } from "./commands.ts";
import { codecOf, defineEvent, type EventOf, personal } from "./define.ts";
import { channel, credits, instant, legalBasis, localDate, purpose, rule, sector, sectorSince2, weekdays } from "./fields.ts";
import { accountId, adId, contactId, huntId, lineId, personId, runId } from "./ids.ts";

export const criteria = z.object({
  sources: z.array(z.string()).optional(),
  /** All of these words, in any order, in the title, make or model; case and accents do not count. */
  text: z.string().optional(),
  makes: z.array(z.string()).optional(),
  models: z.array(z.string()).optional(),
  priceFrom: z.int().optional(),
  priceTo: z.int().optional(),
  yearFrom: z.int().optional(),
  yearTo: z.int().optional(),
  mileageTo: z.int().optional(),
  postalPrefixes: z.array(z.string()).optional(),
  owner: z.enum(["private", "trade", "any"]).default("any"),
  maxAgeDays: z.int().min(1).max(36_500).default(14),
});
export type Criteria = z.output<typeof criteria>;

export const huntDefinition = z.object({
  name: z.string().min(1).max(200),
  source: z.string().optional(),
  /** In order of preference. */
  channels: z.array(channel).min(1),
  lines: z.partialRecord(channel, lineId),
  /** Liquid, strict: an unknown variable or filter is refused when the hunt is saved. */
  templates: z.partialRecord(channel, z.string().min(1).max(2000)),
  dailyLimit: z.int().min(0).nullable().default(null),
  /** 1 (last) to 9 (first): the weight of its share of the day's capacity. */
  priority: z.int().min(1).max(9).default(5),
  legalBasis,
  purpose: purpose.default("prospecting"),
  sector: sector.optional(),
  weekdays: weekdays.default([1, 2, 3, 4, 5, 6, 7]),
  criteria: criteria.prefault({}),
});
export type HuntDefinition = z.output<typeof huntDefinition>;

export const huntCreated = defineEvent("HuntCreated", 2, z.object({ hunt: huntId, definition: huntDefinition }), sectorSince2);
export const huntChanged = defineEvent("HuntChanged", 2, z.object({ definition: huntDefinition }), sectorSince2);
export const huntActivated = defineEvent("HuntActivated", 1, z.object({}));
export const huntPaused = defineEvent("HuntPaused", 1, z.object({ by: z.string() }));
export const huntResumed = defineEvent("HuntResumed", 1, z.object({ by: z.string() }));
export const huntArchived = defineEvent("HuntArchived", 1, z.object({}));
export const huntScanned = defineEvent("HuntScanned", 1, z.object({ at: instant }));
export const huntEvents = [huntCreated, huntChanged, huntActivated, huntPaused, huntResumed, huntArchived, huntScanned] as const;
export type HuntEvent = EventOf<typeof huntEvents>;

/** One contact that a pass gives to a sender. */
export const allocation = z.object({
  contact: contactId,
  person: personId,
  ad: adId,
  hunt: huntId,
  step: z.int(),
  channel,
  line: lineId,
  credits,
  text: personal("text"),
  purpose,
  legalBasis,
  noCanvassing: z.boolean(),
  ownerType: z.enum(["private", "trade", "unknown"]),
  sector: sector.optional(),
});
export type Allocation = z.output<typeof allocation>;

/** Skipped (hunt, ad) pairs by rule, per hunt. */
export const skips = z.record(z.string(), z.record(z.string(), z.int()));
export const huntTally = z.object({
  hunt: huntId,
  found: z.int(),
  allocated: z.int(),
  skipped: z.record(z.string(), z.int()),
  error: z.string().optional(),
});
export type HuntTally = z.output<typeof huntTally>;
/** What a hunt has come to in a pass. Found and skipped are counted before a channel is chosen. */
export const huntProgress = huntTally.extend({ channels: z.partialRecord(channel, z.int()).default({}).describe("allocated, by channel") });

export const passOpened = defineEvent(
  "PassOpened",
  1,
  z.object({ run: runId, pass: z.int().min(1), reservationNumber: z.int(), by: z.enum(["cron", "hand"]), hunts: z.array(huntId) }),
);
export const passReserved = defineEvent(
  "PassReserved",
  1,
  z.object({ pass: z.int(), reservation: z.string(), wanted: credits, held: credits }),
);
export const pageAllocated = defineEvent(
  "PageAllocated",
  2,
  z.object({
    pass: z.int(),
    page: z.int().min(1),
    reservation: z.string(),
    rows: z.array(allocation).max(500),
  }),
  sectorSince2,
);
/** Denials that are new or have changed since the last pass, up to 500 a message. */
export const denialsRecorded = defineEvent(
  "DenialsRecorded",
  1,
  z.object({ pass: z.int(), denials: z.array(z.object({ person: personId, hunt: huntId, rule })).max(500) }),
);
/** `rest` is what of the reservation no row has taken: the ledger releases it. */
export const passClosed = defineEvent(
  "PassClosed",
  1,
  z.object({
    pass: z.int(),
    reservation: z.string().optional(),
    rest: credits,
    found: z.int(),
    allocated: z.int(),
    skipped: z.record(z.string(), z.int()),
    hunts: z.array(huntTally),
  }),
);
export const runEvents = [passOpened, passReserved, pageAllocated, denialsRecorded, passClosed] as const;
export type RunEvent = EventOf<typeof runEvents>;

export const huntCodec = codecOf(huntEvents);
export const runCodec = codecOf(runEvents);
export const huntsCodec = codecOf([...huntEvents, ...runEvents] as const);

const one = z.object({ account: accountId, hunt: huntId });
const changed = z.object({ seq: z.int() });
const segments = z.object({ encoding: z.enum(["GSM-7", "UCS-2"]), characters: z.int(), segments: z.int() });
/** `warnings`: what the law wants a text to say and it does not, and what keeps the hunt from writing to anybody, in words. */
const saved = z.object({ seq: z.int(), sms: segments.optional(), warnings: z.array(z.string()).optional() });

export const huntCommands = {
  createHunt: defineCommand(
    "hunt-allocator",
    "create-hunt",
    one.extend({ definition: huntDefinition, activate: z.boolean().default(false) }),
    saved.extend({ hunt: huntId }),
  ),
  changeHunt: defineCommand("hunt-allocator", "change-hunt", one.extend({ definition: huntDefinition }), saved),
  activateHunt: defineCommand("hunt-allocator", "activate-hunt", one, changed),
  pauseHunt: defineCommand("hunt-allocator", "pause-hunt", one.extend({ by: z.string() }), changed),
  resumeHunt: defineCommand("hunt-allocator", "resume-hunt", one.extend({ by: z.string() }), changed),
  archiveHunt: defineCommand("hunt-allocator", "archive-hunt", one, changed),
  /** Renders a template on a real ad (or on a sample), as it would be sent. */
  previewTemplate: defineCommand(
    "hunt-allocator",
    "preview-template",
    z.object({ account: accountId, template: z.string(), channel, ad: adId.optional() }),
    z.object({ text: z.string(), sms: segments.optional() }),
  ),
  /** One pass at a time: a start while one is open answers that one. Refused with `not-today` for any date but the account's own today. */
  startPass: defineCommand(
    "hunt-allocator",
    "start-pass",
    z.object({ account: accountId, date: localDate.optional(), by: z.enum(["cron", "hand"]) }),
    z.object({ run: runId, pass: z.int(), seq: z.int(), open: z.boolean() }),
  ),
  run: defineCommand(
    "hunt-allocator",
    "run",
    z.object({ account: accountId, run: runId }),
    z.object({
      exists: z.boolean(),
      passes: z.array(
        z.object({
          pass: z.int(),
          open: z.boolean(),
          found: z.int(),
          allocated: z.int(),
          skipped: z.record(z.string(), z.int()),
          reserved: z.int(),
          rest: z.int(),
        }),
      ),
      /** Each hunt's tally over all passes of the day: not by pass, so that a day of many passes still fits into one answer. */
      hunts: z.array(huntProgress),
      seq: z.int(),
    }),
  ),
  /** The same answer as a pass would give now, written nowhere. */
  dryRun: defineCommand(
    "hunt-allocator",
    "dry-run",
    z.object({ account: accountId, limit: z.int().min(0).max(500).default(100) }),
    z.object({
      found: z.int(),
      allocated: z.int(),
      skipped: z.record(z.string(), z.int()),
      credits: z.int(),
      balance: z.int(),
      hunts: z.array(huntTally),
      contacts: z.array(z.object({ hunt: huntId, ad: adId, person: personId, channel, line: lineId, credits })),
      denials: z.array(z.object({ hunt: huntId, person: personId.optional(), ad: adId, rule })),
    }),
  ),
  /** Why each active hunt would or would not write to this person now, and the last recorded denials. */
  whyNot: defineCommand(
    "hunt-allocator",
    "why-not",
    z.object({ account: accountId, person: personId }),
    z.object({
      hunts: z.array(
        z.object({
          hunt: huntId,
          name: z.string(),
          ads: z.array(adId),
          verdict: z.string(),
          rule: z.string().optional(),
          remedy: z.string().optional(),
          lastDenial: z.object({ at: z.string(), rule: z.string() }).optional(),
        }),
      ),
    }),
  ),
  ...inspection("hunt-allocator"),
} as const;
