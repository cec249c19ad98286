import type { AccountId, LineId } from "@outrider/contracts/ids";
import { subjects } from "@outrider/contracts/streams";
import { type Because, causeOf, type Sms } from "./context.ts";
import type { TurnRequest } from "./line.ts";
import { dayOf } from "./local-day.ts";

/** Turns of one message: small enough that two replicas share a page. */
const turnsPerMessage = 100;

/**
 * Asks the line for turns. Repeating it gives no second turn: the line knows whose turns are open, and who has used his is asked no more by
 * the caller. Refused with `no-such-line` when the line was never opened.
 */
export const askForTurns = async (
  sms: Sms,
  account: AccountId,
  line: LineId,
  wanted: readonly TurnRequest[],
  because: Because,
  commandId: string,
): Promise<"asked" | "no-such-line"> => {
  const zone = sms.accounts.account(account)?.timeZone ?? "UTC";
  for (let from = 0; from < wanted.length; from += turnsPerMessage) {
    const chunk = wanted.slice(from, from + turnsPerMessage);
    const now = sms.service.clock.now();
    const outcome = await sms.lines.execute(
      subjects.smsLine(account, line),
      { type: "GiveTurns", wanted: chunk, now, ...dayOf(now, zone), random: chunk.map(() => Math.random()) },
      causeOf(sms, because, `${commandId}:turns:${from}`),
    );
    if (outcome.kind === "refused") return "no-such-line";
  }
  return "asked";
};
