import type { LedgerEvent, SettledOutcome } from "@outrider/contracts/ledger";
import { unreachable } from "@outrider/eventing";
import { type Body, type Place, perEvent } from "../view.ts";

type Line = Body<"statement">;

/** An account's statement: one line per event of its balance, with its cause. Outcomes that were settled together are one line. */
export const statement = perEvent<"statement", LedgerEvent>(
  "statement",
  "ledger.balance",
  { version: 1, indexes: [{ account: 1, _seq: -1 }] },
  (event, place) => {
    const line = { at: place.at, cause: causeOf(place) };
    switch (event.type) {
      case "CreditsGranted": {
        const { grant, credits, note, expiresAt } = event.data;
        return {
          ...line,
          kind: "granted",
          credits,
          grant,
          ...(note === undefined ? {} : { note }),
          ...(expiresAt === undefined ? {} : { expiresAt }),
        };
      }
      case "CreditsExpired":
        return { ...line, kind: "expired", credits: event.data.credits, grant: event.data.grant };
      case "CreditsReserved": {
        const { credits, reservation, purpose } = event.data;
        return { ...line, kind: "reserved", credits, reservation, purpose };
      }
      case "ReservationsChecked": {
        const { released } = event.data;
        const credits = released.reduce((sum, each) => sum + each.credits, 0);
        return credits === 0 ? undefined : { ...line, kind: "given-back", credits, reservations: released.length };
      }
      case "OutcomesSettled": {
        const settled = settledOf(event.data.stream, event.data.outcomes);
        return { ...line, kind: "settled", credits: settled.captured.credits - settled.refunded.credits, settled };
      }
      case "BalanceLow":
        return { ...line, kind: "low", credits: event.data.below };
      case "ReservationProlonged":
      case "BalanceClosed":
        return undefined; // repeats what is known, for the ledger's own folds
      default:
        return unreachable(event);
    }
  },
);

const settledOf = (stream: string, outcomes: readonly SettledOutcome[]): NonNullable<Line["settled"]> => {
  const sum = (kind: SettledOutcome["kind"]) => {
    const of = outcomes.filter((outcome) => outcome.kind === kind);
    return { outcomes: of.length, credits: of.reduce((credits, outcome) => credits + outcome.credits, 0) };
  };
  return {
    stream,
    from: outcomes[0]?.seq ?? 0,
    to: outcomes.at(-1)?.seq ?? 0,
    captured: sum("captured"),
    released: sum("released"),
    refunded: sum("refunded"),
    notCovered: outcomes.reduce((credits, outcome) => credits + (outcome.named ?? outcome.credits) - outcome.credits, 0),
  };
};

const causeOf = ({ message: { commandId, causation, correlation, actor } }: Place): Line["cause"] => ({
  command: commandId,
  ...(causation === undefined ? {} : { causation }),
  ...(correlation === undefined ? {} : { correlation }),
  ...(actor === undefined ? {} : { actor }),
});
