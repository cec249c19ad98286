import { z } from "zod";
import { defineCommand, inspection } from "./commands.ts";
import { codecOf, defineEvent, type EventOf } from "./define.ts";
import { credits, instant } from "./fields.ts";
import { accountId, contactId } from "./ids.ts";

const reservation = z.string();

export const creditsGranted = defineEvent(
  "CreditsGranted",
  1,
  z.object({ grant: z.string(), credits: z.int().positive(), by: z.string(), expiresAt: instant.optional(), note: z.string().optional() }),
);
export const creditsExpired = defineEvent("CreditsExpired", 1, z.object({ grant: z.string(), credits }));
/**
 * `number` is set for a pass: numbered per account, an old one cannot come back. A request names the `contact` that it pays for, and is
 * held for it `until` then (real time): a contact that has not been asked for by that moment never will be with this reservation.
 */
export const creditsReserved = defineEvent(
  "CreditsReserved",
  1,
  z.object({
    reservation,
    number: z.int().optional(),
    credits: z.int().positive(),
    purpose: z.enum(["pass", "request"]),
    contact: contactId.optional(),
    until: instant.optional(),
  }),
);
/** Asked for again while it was open and its contact was not known of: it is held until a later moment (real time). */
export const reservationProlonged = defineEvent("ReservationProlonged", 1, z.object({ reservation, until: instant }));
/** How many reservations are looked into in one decision at most. */
export const checkedAtOnce = 500;
/** Requests past their moment: those whose contact has taken them up stay open until it ends, the others have been given back. */
export const reservationsChecked = defineEvent(
  "ReservationsChecked",
  1,
  z.object({
    kept: z.array(reservation).max(checkedAtOnce),
    released: z.array(z.object({ reservation, credits: z.int().positive() })).max(checkedAtOnce),
  }),
);
export const settledOutcome = z.object({
  /** Stream sequence of the message that said so: settled once or not at all. */
  seq: z.int(),
  contact: contactId.optional(),
  reservation,
  credits,
  kind: z.enum(["captured", "released", "refunded"]),
  because: z.string(),
  /** Set when the outcome named more than its reservation holds: `credits` is what was there, this is what it asked for. */
  named: credits.optional(),
});
export type SettledOutcome = z.output<typeof settledOutcome>;
/** How many outcomes one decision settles at most: its message stays small. */
export const outcomesAtOnce = 500;
/** What became of contacts, as read from one stream. A position without outcomes is never written. */
export const outcomesSettled = defineEvent(
  "OutcomesSettled",
  1,
  z.object({ stream: z.string(), outcomes: z.array(settledOutcome).min(1).max(outcomesAtOnce) }),
);
/** What is unspent (available and held) has fallen below the account's own mark: once per crossing. */
export const balanceLow = defineEvent("BalanceLow", 1, z.object({ available: z.int(), held: z.int(), below: z.int() }));
/** Everything that is open in a balance; what is over is only a sum. */
export const openBalance = z.object({
  granted: credits,
  expired: credits,
  captured: credits,
  released: credits,
  refunded: credits,
  available: credits,
  held: credits,
  /** Ids of all grants: a grant creates value and must be known however late it is repeated. */
  grants: z.array(z.string()),
  /** What is left of grants that expire, soonest first. */
  expiring: z.array(z.object({ grant: z.string(), left: z.int().positive(), expiresAt: instant })),
  /** Open reservations: what was reserved, and what of it no outcome has taken yet. */
  reservations: z.array(
    z.object({
      reservation,
      credits: z.int().positive(),
      left: z.int().positive(),
      contact: contactId.optional(),
      until: instant.optional(),
    }),
  ),
  /** The highest number of a pass reservation. */
  highest: z.int(),
  /** By stream: the sequence up to which outcomes have been settled. */
  positions: z.record(z.string(), z.int()),
  /** The mark that the balance is below and has been reported for. */
  below: z.int().optional(),
});
/** A closing event: the whole open state, so that a fold begins here. */
export const balanceClosed = defineEvent("BalanceClosed", 1, z.object({ state: openBalance, commands: z.array(z.string()) }));

export const ledgerEvents = [
  creditsGranted,
  creditsExpired,
  creditsReserved,
  reservationProlonged,
  reservationsChecked,
  outcomesSettled,
  balanceLow,
  balanceClosed,
] as const;
export type LedgerEvent = EventOf<typeof ledgerEvents>;
export const ledgerCodec = codecOf(ledgerEvents);

export const ledgerCommands = {
  grant: defineCommand(
    "credit-ledger",
    "grant",
    z.object({
      account: accountId,
      grant: z.string(),
      credits: z.int().positive().max(1_000_000_000),
      by: z.string(),
      expiresAt: instant.optional(),
      note: z.string().max(500).optional(),
    }),
    /** `added` is false when this grant was there already, whatever its amount. Absent from an older release. */
    z.object({ seq: z.int(), available: z.int(), added: z.boolean().optional() }),
  ),
  /**
   * Holds up to `most`, perhaps less; refused with `no-credits` when nothing is left, `reservation-too-old` for a number gone by. A request
   * that names its `contact` is answered `until` when (real time) the contact must have been asked for: later it may have been given back.
   */
  reserve: defineCommand(
    "credit-ledger",
    "reserve",
    z.object({
      account: accountId,
      reservation,
      number: z.int().optional(),
      most: z.int().positive(),
      atLeast: z.int().positive().default(1),
      purpose: z.enum(["pass", "request"]),
      contact: contactId.optional(),
    }),
    z.object({ reservation, credits: z.int(), until: instant.optional() }),
  ),
  balance: defineCommand(
    "credit-ledger",
    "balance",
    z.object({ account: accountId }),
    z.object({
      granted: z.int(),
      expired: z.int(),
      captured: z.int(),
      released: z.int(),
      refunded: z.int(),
      held: z.int(),
      available: z.int(),
      positions: z.record(z.string(), z.int()),
      revision: z.int(),
    }),
  ),
  ...inspection("credit-ledger"),
} as const;
