import { z } from "zod";
import { defineCommand, inspection } from "./commands.ts";
import { contactEvents, contactRequest } from "./contact.ts";
import { codecOf, defineEvent, type EventOf, personal, sealed } from "./define.ts";
import { instant, smsProvider } from "./fields.ts";
import { accountId, contactId, huntId, inboundId, lineId, personId } from "./ids.ts";

// --- ref: the provider's id, so that a webhook finds its contact --------------------------------------------------------------------

export const refRecorded = defineEvent("RefRecorded", 1, z.object({ contact: contactId, attempt: z.int(), providerId: z.string() }));
/** No contact was found for it within a day. `inbox`: where the webhook stands in INBOX, for as long as that is kept. */
export const webhookUnmatched = defineEvent(
  "WebhookUnmatched",
  1,
  z.object({ event: z.string(), type: z.string(), at: instant, inbox: z.int().optional() }),
);
export const refEvents = [refRecorded, webhookUnmatched] as const;
export type RefEvent = EventOf<typeof refEvents>;

// --- inbound: what a person wrote ---------------------------------------------------------------------------------------------------

export const inboundReceived = defineEvent(
  "InboundReceived",
  1,
  z.object({
    inbound: inboundId,
    /** Absent when the sender's number is none (a short code, a name). */
    person: personId.optional(),
    knownSender: z.boolean(),
    contact: contactId.optional(),
    hunt: huntId.optional(),
    line: lineId.optional(),
    text: personal("text"),
    keyword: z.enum(["stop", "start", "help"]).optional(),
    at: instant,
  }),
);
export const inboundMarked = defineEvent(
  "InboundMarked",
  1,
  z.object({ as: z.enum(["interested", "not-interested", "wrong-number", "done", "unread"]), by: z.string() }),
);
export const inboundAnswered = defineEvent("InboundAnswered", 1, z.object({ contact: contactId, by: z.string() }));
export const inboundEvents = [inboundReceived, inboundMarked, inboundAnswered] as const;
export type InboundEvent = EventOf<typeof inboundEvents>;

// --- line: the number, phone or session that sends; it gives turns ---------------------------------------------------------------------

const limitFields = {
  /** Milliseconds between two messages, plus up to `jitterMs` at random. */
  minGapMs: z.int().min(0),
  jitterMs: z.int().min(0),
  /** Distinct people a local day and a calendar month; null: no limit. */
  recipientsPerDay: z.int().min(0).nullable(),
  recipientsPerMonth: z.int().min(0).nullable(),
  /** Spread what is given over the time that is left in the lawful window; needs a least gap and a limit of recipients. */
  spread: z.boolean(),
};
export const lineLimits = z.object({
  minGapMs: limitFields.minGapMs.default(30_000),
  jitterMs: limitFields.jitterMs.default(15_000),
  recipientsPerDay: limitFields.recipientsPerDay.default(200),
  recipientsPerMonth: limitFields.recipientsPerMonth.default(null),
  spread: limitFields.spread.default(false),
});
/** What a change names, and nothing more: `lineLimits.partial()` would fill in the defaults and so reset the rest. */
export const lineLimitsChange = z.object(limitFields).partial();
export type LineLimitsChange = z.output<typeof lineLimitsChange>;
export type LineLimits = z.output<typeof lineLimits>;

export const lineOpened = defineEvent(
  "LineOpened",
  1,
  z.object({ line: lineId, provider: z.string(), timeZone: z.string(), limits: lineLimits }),
);
export const lineLimitsChanged = defineEvent("LineLimitsChanged", 1, z.object({ limits: lineLimits }));
/** `at` in the sandbox clock's time, each at least the gap after the one before. */
export const turnsGiven = defineEvent(
  "TurnsGiven",
  1,
  z.object({
    day: z.string(),
    turns: z
      .array(z.object({ contact: contactId, person: personId, at: instant }))
      .min(1)
      .max(500),
  }),
);
/** No turn left today or this month for these: their contacts end gated. */
export const turnsRefused = defineEvent(
  "TurnsRefused",
  1,
  z.object({
    turns: z
      .array(z.object({ contact: contactId, rule: z.string() }))
      .min(1)
      .max(500),
  }),
);
/** These turns have been used or are not needed any more. */
export const turnsEnded = defineEvent("TurnsEnded", 1, z.object({ contacts: z.array(contactId).min(1).max(500) }));
export const linePaused = defineEvent("LinePaused", 1, z.object({ reason: z.string(), by: z.string() }));
export const lineResumed = defineEvent("LineResumed", 1, z.object({ by: z.string() }));
export const lineEvents = [lineOpened, lineLimitsChanged, turnsGiven, turnsRefused, turnsEnded, linePaused, lineResumed] as const;
export type LineEvent = EventOf<typeof lineEvents>;

export const refCodec = codecOf(refEvents);
export const inboundCodec = codecOf(inboundEvents);
export const lineCodec = codecOf(lineEvents);
export const smsCodec = codecOf([...contactEvents, ...refEvents, ...inboundEvents, ...lineEvents] as const);
export type SmsEvent = EventOf<readonly [...typeof contactEvents, ...typeof refEvents, ...typeof inboundEvents, ...typeof lineEvents]>;

// --- what sms-sender answers ------------------------------------------------------------------------------------------------------------

const one = z.object({ account: accountId, contact: contactId });
const changed = z.object({ seq: z.int() });

export const smsCommands = {
  /** Checks the key with the provider, seals it, connects it to the account and opens the line. The key is stored nowhere unsealed. */
  connect: defineCommand(
    "sms-sender",
    "connect",
    z.object({
      account: accountId,
      line: lineId,
      provider: smsProvider,
      apiKey: z.string().min(1),
      webhookSecret: z.string().optional(),
      /** What is not named stays as it is, or has its default for a new line. */
      limits: lineLimitsChange.default({}),
    }),
    z.object({ line: lineId, online: z.boolean(), seq: z.int() }),
  ),
  changeLimits: defineCommand(
    "sms-sender",
    "change-limits",
    z.object({ account: accountId, line: lineId, limits: lineLimitsChange }),
    changed,
  ),
  pauseLine: defineCommand(
    "sms-sender",
    "pause-line",
    z.object({ account: accountId, line: lineId, by: z.string(), reason: z.string() }),
    changed,
  ),
  resumeLine: defineCommand("sms-sender", "resume-line", z.object({ account: accountId, line: lineId, by: z.string() }), changed),
  /** Asks the provider whether the line's phone is there. `unanswered`: it could not be asked. */
  testLine: defineCommand(
    "sms-sender",
    "test-line",
    z.object({ account: accountId, line: lineId }),
    z.object({ phone: z.enum(["online", "offline", "key-refused", "unanswered"]) }),
  ),
  /** What is left of a line today and this month; null: no limit. */
  line: defineCommand(
    "sms-sender",
    "line",
    z.object({ account: accountId, line: lineId }),
    z.object({ exists: z.boolean(), paused: z.boolean(), leftToday: z.int().nullable(), limits: lineLimits.optional(), revision: z.int() }),
  ),
  /**
   * One contact, asked for by anybody but a pass. The reservation is the asker's, taken before, and good until `reservedUntil` (real time):
   * later it is refused with `reservation-over`, unless the contact has been asked for with it already.
   */
  request: defineCommand(
    "sms-sender",
    "request",
    z.object({ account: accountId, request: contactRequest, reservedUntil: instant.optional() }),
    z.object({ contact: contactId, outcome: z.enum(["requested", "redundant"]), seq: z.int() }),
  ),
  contact: defineCommand(
    "sms-sender",
    "contact",
    one,
    z.object({
      exists: z.boolean(),
      status: z.string(),
      rule: z.string().optional(),
      credits: z.int(),
      /** What was asked for last. */
      request: contactRequest.optional(),
      revision: z.int(),
    }),
  ),
  /** A person decides what an unknown attempt was; `send-again` starts a new guarded attempt on the same hold. */
  resolve: defineCommand("sms-sender", "resolve", one.extend({ as: z.enum(["sent", "not-sent", "send-again"]), by: z.string() }), changed),
  markInbound: defineCommand(
    "sms-sender",
    "mark-inbound",
    z.object({
      account: accountId,
      inbound: inboundId,
      as: z.enum(["interested", "not-interested", "wrong-number", "done", "unread"]),
      by: z.string(),
    }),
    changed,
  ),
  /** Opens a sealed text for a reader who may see it (gateway, with a key of the account). `erased` when its key is destroyed. */
  answerInbound: defineCommand(
    "sms-sender",
    "answer-inbound",
    z.object({ account: accountId, inbound: inboundId, text: sealed, by: z.string() }),
    z.object({ contact: contactId, seq: z.int() }),
  ),
  ...inspection("sms-sender"),
} as const;
