import { z } from "zod";
import { codecOf, defineEvent, type EventOf, personal } from "./define.ts";
import { channel, credits, instant, legalBasis, purpose, rule, sector, sectorSince2 } from "./fields.ts";
import { adId, contactId, huntId, inboundId, lineId, personId, runId } from "./ids.ts";

/**
 * The life of one contact, the same for every sender: requested → attempted → accepted | rejected | unknown | gated, then perhaps sent,
 * delivered, failed, replied. Every ending event names its reservation and credits, so that the ledger needs nothing else.
 */
export const contactRequest = z.object({
  contact: contactId,
  person: personId,
  channel,
  line: lineId,
  /** Absent for an answer to a reply and other requests that no hunt made. */
  hunt: huntId.optional(),
  ad: adId.optional(),
  run: runId.optional(),
  pass: z.int().optional(),
  step: z.int().default(1),
  text: personal("text"),
  purpose,
  legalBasis,
  noCanvassing: z.boolean().default(false),
  ownerType: z.enum(["private", "trade", "unknown"]).default("unknown"),
  sector: sector.optional(),
  reservation: z.string(),
  credits,
});
export type ContactRequest = z.output<typeof contactRequest>;

/** Nobody but its holder may call an attempt unknown, and nobody may resend, before it is this far past its end, ms. */
export const graceAfterAttemptMs = 60_000;

/** A provider that says for how long it refuses is asked again after at most this, ms. */
export const refusedWaitMostMs = 3_600_000;

/**
 * A request is appended this soon after its moment was compared with what its reservation is held until, or not at all, ms. The ledger looks
 * for it later than that.
 */
export const requestAppendedWithinMs = 10_000;

const paid = { reservation: z.string(), credits };
const attempt = z.int().min(1);

export const contactRequested = defineEvent("ContactRequested", 2, contactRequest, sectorSince2);
/** Asked again in another state: nothing happens, and the credits of this asking go back. */
export const requestRedundant = defineEvent("RequestRedundant", 1, z.object({ run: runId.optional(), pass: z.int().optional(), ...paid }));
/** Written before the request leaves; only the execution that wrote it may call, and not after `until` (real time). */
export const attemptStarted = defineEvent("AttemptStarted", 1, z.object({ attempt, until: instant }));
/** We know that nothing was sent: the provider was never called, or refused the whole line. */
export const attemptAbandoned = defineEvent("AttemptAbandoned", 1, z.object({ attempt, because: z.string() }));
export const contactAccepted = defineEvent(
  "ContactAccepted",
  1,
  z.object({ attempt, providerId: z.string(), by: z.enum(["answer", "reconciliation", "person"]), ...paid }),
);
/** `tryLater`: the provider refused for now; the contact waits for its next attempt and nothing is settled yet. */
export const contactRejected = defineEvent(
  "ContactRejected",
  1,
  z.object({ attempt, reason: z.string(), by: z.enum(["answer", "reconciliation", "person"]), ...paid }),
);
export const attemptRefusedForNow = defineEvent("AttemptRefusedForNow", 1, z.object({ attempt, reason: z.string(), notBefore: instant }));
/** The request may have left and no answer came. Never resent blindly; keeps its hold. */
export const attemptUnknown = defineEvent("AttemptUnknown", 1, z.object({ attempt, cause: z.string() }));
export const contactDeferred = defineEvent("ContactDeferred", 1, z.object({ rule, until: instant }));
export const contactGated = defineEvent("ContactGated", 1, z.object({ rule, remedy: z.string().optional(), ...paid }));
export const contactSent = defineEvent("ContactSent", 1, z.object({ at: instant }));
export const contactDelivered = defineEvent("ContactDelivered", 1, z.object({ at: instant }));
/** After it was accepted: the phone or the network could not send it. Refunded. */
export const contactFailed = defineEvent("ContactFailed", 1, z.object({ at: instant, reason: z.string(), ...paid }));
export const contactReplied = defineEvent("ContactReplied", 1, z.object({ inbound: inboundId, at: instant, stop: z.boolean() }));
/** A person decided to send it again out of unknown or rejected. */
export const resendAsked = defineEvent("ResendAsked", 1, z.object({ by: z.string(), ...paid }));

export const contactEvents = [
  contactRequested,
  requestRedundant,
  attemptStarted,
  attemptAbandoned,
  contactAccepted,
  contactRejected,
  attemptRefusedForNow,
  attemptUnknown,
  contactDeferred,
  contactGated,
  contactSent,
  contactDelivered,
  contactFailed,
  contactReplied,
  resendAsked,
] as const;
export type ContactEvent = EventOf<typeof contactEvents>;
export const contactCodec = codecOf(contactEvents);
