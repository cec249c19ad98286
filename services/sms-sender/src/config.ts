import { smsProvider } from "@outrider/contracts/fields";
import { type ConfigOf, defineConfig, overdueShape, priceShape, variable } from "@outrider/platform/config";
import { z } from "zod";

/** Waits one after another, in milliseconds, separated by commas. */
const waits = () =>
  variable
    .list()
    .refine((items) => items.every((item) => /^\d{1,9}$/.test(item)), "not whole milliseconds separated by commas")
    .transform((items) => items.map(Number));

export const definition = defineConfig("sms-sender", {
  SMS_API_KEY_ENCRYPTION_KEY: variable
    .key()
    .describe("32 random bytes in base64 (openssl rand -base64 32) that seal the providers' API keys"),
  SMSMOBILEAPI_URL: variable
    .url("http", "https")
    .default("https://api.smsmobileapi.com")
    .describe("where SMSMobileAPI answers; in the sandbox its simulator on this machine"),
  ATTEMPT_TIMEOUT_MS: variable
    .integer(500, 120_000)
    .default(20_000)
    .describe("milliseconds that one request to the provider may take, 500 to 120000"),
  ATTEMPTS_AT_ONCE: variable.integer(1, 1000).default(64).describe("requests to the provider under way at the same time in one replica"),
  ATTEMPTS_AT_MOST: variable
    .integer(1, 20)
    .default(4)
    .describe("attempts of one contact that the provider refuses for now, before it counts as rejected"),
  PERMIT_VALID_MS: variable
    .integer(50, 1000)
    .default(1000)
    .describe("milliseconds from asking for a permit until the request must have left, at most 1000"),
  DEFER_AT_MOST: z
    .string()
    .regex(/^(day|\d{1,9})$/, "neither 'day' nor a number of milliseconds")
    .default("day")
    .describe("how long a contact waits for a lawful moment before it ends gated: 'day' (until the end of the local day) or milliseconds"),
  RECONCILE_AFTER_MS: waits()
    .default([0, 300_000, 1_800_000])
    .describe("when to ask the provider's sent log about an unknown attempt: milliseconds after it may be asked, one after another"),
  ...priceShape,
  POLL_PROVIDER_MS: variable
    .integer(0, 86_400_000)
    .default(60_000)
    .describe("milliseconds between two looks for replies and an offline phone, besides webhooks; 0: never"),
  STATUS_AFTER_MS: waits()
    .default([600_000, 3_600_000, 21_600_000])
    .describe(
      "when to ask the provider's sent log about messages of which no webhook has told: milliseconds after they were sent, one after another; 0 alone: never",
    ),
  ERASURE_LOOK_AGAIN_MS: variable
    .integer(1000, 86_400_000)
    .default(600_000)
    .describe("milliseconds after an erasure until it is looked once more for what has begun to wait since, 1000 to 86400000"),
  WEBHOOK_RETRY_MS: waits()
    .default([1000, 4000, 15_000, 60_000, 600_000, 3_600_000, 21_600_000, 57_600_000])
    .describe("how long a webhook waits for its contact, milliseconds, one after another; then it is kept as unmatched"),
  ...overdueShape,
});

export type SmsConfig = ConfigOf<typeof definition>;

const loopback = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** One sentence when the sandbox would reach the real provider. */
export const sandboxProblem = (config: Pick<SmsConfig, "OUTRIDER_PROVIDERS" | "SMSMOBILEAPI_URL">): string | undefined =>
  config.OUTRIDER_PROVIDERS === "live" || loopback.has(new URL(config.SMSMOBILEAPI_URL).hostname)
    ? undefined
    : "SMSMOBILEAPI_URL must point at a simulator on this machine unless OUTRIDER_PROVIDERS is live.";

/**
 * What this service reacts to. Changing a durable's name reads its stream from the beginning again: every page (contacts that were asked for
 * stay so), every turn (contacts that have ended stay ended), the webhooks of thirty days (all are known by then), every pause and erasure
 * (which ends only what is paused or erased still).
 */
export const followed = {
  pages: { durable: "sms-sender-pages", filters: ["hunts.run.>"], concurrency: 2, ackWaitMs: 15_000 },
  turns: { durable: "sms-sender-turns", filters: ["sms.line.>"], concurrency: 8, ackWaitMs: 15_000 },
  webhooks: { durable: "sms-sender-webhooks", filters: smsProvider.options.map((name) => `inbox.${name}.>`), concurrency: 32 },
  accounts: { durable: "sms-sender-account-pauses", filters: ["registry.account.>"], concurrency: 4 },
  hunts: { durable: "sms-sender-hunt-pauses", filters: ["hunts.hunt.>"], concurrency: 4 },
  erasures: { durable: "sms-sender-erasures", filters: ["registry.erasure.>"], concurrency: 64 },
} as const;

/**
 * Contacts kept in memory: more than are asked for ahead of their attempts, so that none is read back for its own; 1.3 KB each. Those beyond were
 * sent, and wait for no more than their webhooks.
 */
export const contactsCached = 3000;
/**
 * No more contacts are asked for while more messages of lines than this are before us: about half of them give turns, to a hundred contacts each.
 * So the contacts that wait for their attempt now are fewer than those that are kept in memory, however many a pass has. It only saves reading:
 * turns of an account whose provider does not answer hold up no other's page for longer than this.
 */
export const turnsAhead = { atMost: 16, lookAgainMs: 50, waitAtMostMs: 10_000 } as const;

/** How many of each schedule's messages one replica has in hand. */
export const dueAtOnce = { contacts: 32, webhooks: 32, polls: 4, statuses: 2 } as const;

/** How messages without a status are looked for: turns that end within one stretch of time are looked at together. */
export const statusLook = {
  gatherMs: 60_000,
  page: 256,
  together: 50,
  linesRemembered: 1000,
  unansweredWaitMs: 5000,
  longestUnansweredMs: 3_600_000,
  mostUnanswered: 20,
  /** Questions without an answer, one after another, after which the provider cannot be asked now. */
  silenceAfter: 3,
} as const;

/** One attempt, from its permit to its outcome. */
export const attemptLimits = {
  permitAskedMs: 5000,
  /** How often an attempt may end before it has left, and how long the contact waits after the first of them; twice that after the next. */
  abandoned: 12,
  abandonedWaitMs: 500,
  longestAbandonedWaitMs: 60_000,
  /** An outcome that JetStream does not take is offered again; twice as late each time. */
  storageAgainMs: 100,
  longestStorageAgainMs: 5000,
  lineCheckedEveryMs: 250,
} as const;

export const turnLimits = {
  /** Turns of one message: small enough that two replicas share a page. */
  perMessage: 100,
  /** Turns due within this long are waited for; later ones become schedules. */
  waitedForMs: 300,
  /** Beyond the half of its line's gap: a turn that is later than this was given for another time. */
  lateMs: 5000,
  pageRequestedWithinMs: 60_000,
  /** A contact whose asker was killed before it had asked for a turn gets one after this. */
  promisedAfterMs: 90_000,
} as const;

/** How far the next look for replies reaches back beyond the last one, since clocks differ; and when nobody knows when that was. */
export const pollReach = { overlapMs: 120_000, lookBackMs: 86_400_000 } as const;

/** How an unknown attempt is looked for in the sent log. A provider that cannot be asked is asked again over about a day. */
export const sentLogLook = {
  clocksDifferMs: 60_000,
  earlyWaitMs: 50,
  unansweredWaitMs: 5000,
  longestUnansweredMs: 3_600_000,
  mostUnanswered: 32,
} as const;

/** How pauses and erasures end what waits. */
export const stopSweep = {
  /** How often a pause that a current watch of the accounts does not know yet is handed back; after that it has been resumed. */
  tries: 10,
  againMs: 200,
  /** An attempt of an erased person may come back to wait: it is looked for again this much later, until none is under way. */
  underWayAgainMs: 1000,
  /** Contacts that are looked at together. */
  together: 50,
} as const;

/** The reference is written right after the answer: a webhook that overtakes it is given this long before it becomes a schedule. */
export const webhookWaits = { overtakingMs: 150 } as const;

/** What a provider gets and is believed, whichever it is. */
export const vendorLimits = {
  connectMs: 5000,
  keepAliveMs: 10_000,
  answerBytes: 4_000_000,
  /** Questions; a message has `ATTEMPT_TIMEOUT_MS`. */
  queryMs: 15_000,
  oldestSignatureS: 300,
  retryAfterDefaultMs: 30_000,
} as const;

/** Schedules and the actor of what nobody asked for: changing a schedule's name leaves the old ones behind. */
export const names = {
  turn: "turn",
  wanted: "wanted",
  lookAfter: "look-after",
  reconcile: "reconcile",
  webhook: "webhook",
  poll: "poll",
  status: "status",
  erased: "erased",
  actor: "sms-sender",
} as const;

/** Names are stored in JetStream: changing one looks through the last weeks again. The events that open a wait for a moment, and end it. */
export const overdueLooks = {
  contacts: {
    name: "sms-sender.contacts",
    filters: ["sms.contact.>"],
    waits: [
      ...["ContactRequested", "AttemptStarted", "AttemptAbandoned", "AttemptRefusedForNow", "ContactDeferred"],
      ...["AttemptUnknown", "ResendAsked"],
    ],
    ended: ["ContactAccepted", "ContactRejected", "ContactGated"],
  },
  lines: { name: "sms-sender.lines", filters: ["sms.line.>"], waits: ["TurnsGiven"], ended: [] },
  polls: { name: "sms-sender.polls" },
} as const;
