import { contactId } from "@outrider/contracts/ids";
import type { LedgerEvent, SettledOutcome } from "@outrider/contracts/ledger";
import { scenario } from "@outrider/eventing/testing";
import { balance } from "./balance.ts";

/** Histories of a balance: a grant for good, one that expires, a pass that holds credits, and what came of it. */
export const { given } = scenario(balance);
export const granted = {
  type: "CreditsGranted",
  data: { grant: "invoice-7", credits: 10, by: "ops" },
} as const satisfies LedgerEvent;
export const dated = {
  type: "CreditsGranted",
  data: { grant: "gift", credits: 5, by: "ops", expiresAt: "2026-12-01T00:00:00.000Z" },
} as const satisfies LedgerEvent;
export const reserved: LedgerEvent = { type: "CreditsReserved", data: { reservation: "pass-1", number: 1, credits: 8, purpose: "pass" } };
export const outcome = (seq: number, kind: SettledOutcome["kind"], credits = 1, reservation = "pass-1"): SettledOutcome => ({
  seq,
  contact: contactId.parse(`c${seq}`),
  reservation,
  credits,
  kind,
  because: "ContactAccepted",
});
export const settled = (...outcomes: SettledOutcome[]): LedgerEvent => ({ type: "OutcomesSettled", data: { stream: "SMS", outcomes } });
export const settle = (...outcomes: SettledOutcome[]) => ({ type: "Settle", stream: "SMS", outcomes }) as const;

export const asker = contactId.parse("asked");
export const until = "2026-11-20T10:01:00.000Z";
export const later = "2026-11-20T10:03:00.000Z";
/** The price of a request, held for its contact until a moment. */
export const asked: LedgerEvent = {
  type: "CreditsReserved",
  data: { reservation: "contact-asked", credits: 1, purpose: "request", contact: asker, until },
};
export const checked = (kept: string[], released: { reservation: string; credits: number }[] = []): LedgerEvent => ({
  type: "ReservationsChecked",
  data: { kept, released },
});
export const prolonged: LedgerEvent = { type: "ReservationProlonged", data: { reservation: "contact-asked", until: later } };
