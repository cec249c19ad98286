import { z } from "zod";
import { ad, importCounts } from "./ads.ts";
import { contactRequest } from "./contact.ts";
import { personal } from "./define.ts";
import { channel, instant, numberFacts } from "./fields.ts";
import { huntDefinition, huntTally } from "./hunts.ts";
import { accountId, contactId, huntId, importId, inboundId, lineId, personId, runId } from "./ids.ts";
import { accountPolicy } from "./registry.ts";
import { lineLimits } from "./sms.ts";

/**
 * The read models that people look at: MongoDB documents, rebuilt from the streams at any time. Only the projector writes them and only the
 * gateway reads them. `_id` is `<account>.<id>`; `_seq` is the stream sequence of the last message that changed the document.
 */
const document = <Shape extends z.ZodRawShape>(shape: Shape) => z.object({ account: accountId, _seq: z.int(), ...shape });
const count = z.int().min(0);

export const adDocument = document({
  ...ad.omit({ digest: true }).shape,
  import: importId.optional(),
  firstSeenAt: z.string(),
  lastSeenAt: z.string(),
  changes: count,
  previousPrice: z.int().optional(),
});
export const importDocument = document({
  import: importId,
  source: z.string(),
  format: z.string(),
  fileName: personal("name").optional(),
  bytes: z.int(),
  status: z.enum(["running", "finished", "failed"]),
  counts: importCounts,
  startedAt: instant,
  endedAt: instant.optional(),
  reason: z.string().optional(),
  sources: z.array(z.string()).optional(),
  /** The first thousand; `counts.bad` has all of them. */
  badRows: z.array(z.object({ line: z.int(), reason: z.string() })),
});
export const huntDocument = document({
  hunt: huntId,
  definition: huntDefinition,
  status: z.enum(["draft", "active", "paused", "archived"]),
  createdAt: instant,
  changedAt: instant,
  pausedBy: z.string().optional(),
  lastScanAt: instant.optional(),
});
export const passDocument = z.object({
  pass: z.int(),
  by: z.enum(["cron", "hand"]),
  status: z.enum(["open", "closed"]),
  openedAt: instant,
  closedAt: instant.optional(),
  reservation: z.string().optional(),
  /** Credits: asked for, held, and given back at the end. */
  wanted: count,
  held: count,
  rest: count,
  pages: count,
  found: count,
  allocated: count,
  skipped: z.record(z.string(), z.int()),
  hunts: z.array(huntTally),
  denials: count,
});
export const runDocument = document({ run: runId, passes: z.array(passDocument), changedAt: instant });
export const contactStatus = z.enum([
  "requested",
  "deferred",
  "attempting",
  "unknown",
  "accepted",
  "sent",
  "delivered",
  "failed",
  "rejected",
  "gated",
]);
export const contactDocument = document({
  ...contactRequest.shape,
  status: contactStatus,
  /** How the last asking ended; absent while it has not. A contact that failed later was accepted once. */
  outcome: z.enum(["accepted", "rejected", "unknown", "gated"]).optional(),
  attempts: count,
  /** How often it was asked for, the redundant ones apart. */
  requests: count,
  redundant: count,
  /** Askings of runs that this contact was not sent for, the last thirty: gated before it was asked for anew, or `already-contacted`. */
  earlier: z.array(z.object({ run: runId, rule: z.string() })).optional(),
  replies: count,
  stopped: z.boolean(),
  /** Of the gate, when it was gated or deferred. */
  rule: z.string().optional(),
  remedy: z.string().optional(),
  /** Why it was rejected, failed or is unknown. */
  reason: z.string().optional(),
  /** Who said what became of it: the answer itself, reconciliation, or a person. */
  by: z.string().optional(),
  requestedAt: instant,
  attemptedAt: instant.optional(),
  deferredUntil: instant.optional(),
  endedAt: instant.optional(),
  sentAt: instant.optional(),
  deliveredAt: instant.optional(),
  failedAt: instant.optional(),
  repliedAt: instant.optional(),
});
export const replyDocument = document({
  inbound: inboundId,
  person: personId.optional(),
  knownSender: z.boolean(),
  contact: contactId.optional(),
  hunt: huntId.optional(),
  line: lineId.optional(),
  text: personal("text"),
  keyword: z.enum(["stop", "start", "help"]).optional(),
  at: instant,
  mark: z.enum(["interested", "not-interested", "wrong-number", "done", "unread"]),
  markedBy: z.string().optional(),
  /** Contacts that answered it. */
  answers: z.array(contactId),
});
export const lineDocument = document({
  line: lineId,
  provider: z.string(),
  timeZone: z.string(),
  limits: lineLimits,
  status: z.enum(["open", "paused"]),
  pausedBy: z.string().optional(),
  reason: z.string().optional(),
  /** Turns of the line's last day, and in all. */
  day: z.string().optional(),
  turnsOfDay: count,
  turns: count,
  turnsRefused: count,
});
export const personDocument = document({
  person: personId,
  facts: numberFacts.optional(),
  status: z.enum(["known", "opted-out", "erased"]),
  optedOut: z.object({ at: instant, by: z.string(), channel: channel.optional() }).optional(),
  erasedAt: instant.optional(),
  consents: count,
  refusals: count,
  denials: count,
  lastDenial: z.object({ at: instant, rule: z.string() }).optional(),
});
/** Of the account `system`, which nobody creates, only `paused` is known. */
export const accountDocument = document({
  name: z.string().optional(),
  timeZone: z.string().optional(),
  country: z.string().optional(),
  policy: accountPolicy.optional(),
  createdAt: instant.optional(),
  paused: z.boolean(),
  pausedBy: z.string().optional(),
  keys: z.array(z.object({ key: z.string(), label: z.string(), scopes: z.array(z.string()), revoked: z.boolean() })),
  providers: z.array(z.object({ provider: z.string(), line: lineId, connectedAt: instant })),
  offerToBuyConfirmed: z.object({ by: z.string(), at: instant }).optional(),
});
const settledSum = z.object({ outcomes: count, credits: count });
/** One line of an account's statement: one event of its balance, with its cause. */
export const statementDocument = document({
  at: instant,
  kind: z.enum(["granted", "expired", "reserved", "given-back", "settled", "low"]),
  /** What was granted, expired or reserved; of a settlement what was captured less what was refunded; the mark of a low balance. */
  credits: z.int(),
  grant: z.string().optional(),
  reservation: z.string().optional(),
  /** Of requests that were never made: how many prices were given back. */
  reservations: count.optional(),
  purpose: z.string().optional(),
  note: z.string().optional(),
  expiresAt: instant.optional(),
  settled: z
    .object({
      stream: z.string(),
      from: z.int(),
      to: z.int(),
      captured: settledSum,
      released: settledSum,
      refunded: settledSum,
      /** Credits that outcomes named beyond what was held. */
      notCovered: count,
    })
    .optional(),
  cause: z.object({
    command: z.string(),
    causation: z.string().optional(),
    correlation: z.string().optional(),
    actor: z.string().optional(),
  }),
});
export const balanceDocument = document({
  granted: count,
  expired: count,
  captured: count,
  released: count,
  refunded: count,
  held: count,
  available: count,
  /** Since when what is unspent has been below the account's mark. */
  low: z.object({ since: instant, below: z.int() }).optional(),
  changedAt: instant,
});
export const unmatchedDocument = document({
  ref: z.string(),
  event: z.string(),
  type: z.string(),
  at: instant,
  inbox: z.int().optional(),
});

export const documents = {
  ads: adDocument,
  imports: importDocument,
  hunts: huntDocument,
  runs: runDocument,
  contacts: contactDocument,
  replies: replyDocument,
  lines: lineDocument,
  people: personDocument,
  accounts: accountDocument,
  statement: statementDocument,
  balances: balanceDocument,
  unmatched: unmatchedDocument,
} as const;
export type ViewName = keyof typeof documents;
export type DocumentOf<Name extends ViewName> = z.output<(typeof documents)[Name]>;
export const viewNames = Object.keys(documents) as readonly ViewName[];
export const viewName = z.enum(Object.keys(documents) as [ViewName, ...ViewName[]]);
