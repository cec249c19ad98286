import type { LedgerEvent, SettledOutcome } from "@outrider/contracts/ledger";
import { unreachable } from "@outrider/eventing";
import { type Body, perAggregate, without } from "../view.ts";

type Balance = Body<"balances">;

const empty = { granted: 0, expired: 0, captured: 0, released: 0, refunded: 0, held: 0, available: 0 };

/** What each account has, holds and has spent: folded here once more, so that it can be compared with what the ledger says. */
export const balances = perAggregate<"balances", LedgerEvent>("balances", "ledger.balance", { version: 1 }, (document, event, { at }) => {
  const balance: Balance = { ...(document ?? empty), changedAt: at };
  switch (event.type) {
    case "CreditsGranted":
      return risen({ ...balance, granted: balance.granted + event.data.credits, available: balance.available + event.data.credits });
    case "CreditsExpired":
      return { ...balance, expired: balance.expired + event.data.credits, available: balance.available - event.data.credits };
    case "CreditsReserved":
      return { ...balance, held: balance.held + event.data.credits, available: balance.available - event.data.credits };
    case "ReservationsChecked": {
      const released = event.data.released.reduce((sum, { credits }) => sum + credits, 0);
      if (released === 0) return balance;
      const { held, available } = balance;
      return risen({ ...balance, held: held - released, released: balance.released + released, available: available + released });
    }
    case "OutcomesSettled":
      return risen(event.data.outcomes.reduce(settled, balance));
    case "BalanceLow":
      return { ...balance, low: { since: at, below: event.data.below } };
    case "ReservationProlonged":
    case "BalanceClosed":
      return balance; // repeats what is known, for the ledger's own folds
    default:
      return unreachable(event);
  }
});

const settled = (balance: Balance, { kind, credits }: SettledOutcome): Balance => {
  switch (kind) {
    case "captured":
      return { ...balance, captured: balance.captured + credits, held: balance.held - credits };
    case "released":
      return { ...balance, released: balance.released + credits, held: balance.held - credits, available: balance.available + credits };
    case "refunded":
      return { ...balance, refunded: balance.refunded + credits, available: balance.available + credits };
  }
};

const risen = (balance: Balance): Balance =>
  balance.low !== undefined && balance.available + balance.held >= balance.low.below ? without(balance, "low") : balance;
