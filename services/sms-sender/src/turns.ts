import type { AccountId, ContactId, LineId } from "@outrider/contracts/ids";
import type { LineLimits } from "@outrider/contracts/sms";
import { subjects } from "@outrider/contracts/streams";
import { gate } from "./attempt.ts";
import { turnLimits } from "./config.ts";
import { type Because, causeOf, type Sms } from "./context.ts";
import type { TurnRequest } from "./line.ts";
import { lineNow } from "./line-now.ts";
import { dayOf } from "./local-day.ts";
import type { Window } from "./spacing.ts";

/**
 * Asks the line for turns. Repeating it gives no second turn: the line knows whose turns are open, and who has used his is asked no more by
 * the caller. The command's id is new each time, because a repeat asks for those who are left and cuts them otherwise. Without such a line
 * the contacts end here. `soon`: somebody waits for these, and not for a day's work (`spread`). `told`: what the leader says of the line, if it has
 * been asked already.
 */
export const askForTurns = async (
  sms: Sms,
  account: AccountId,
  line: LineId,
  wanted: readonly TurnRequest[],
  because: Because,
  soon = false,
  told = lineNow(sms, account, line),
): Promise<void> => {
  const zone = sms.accounts.account(account)?.timeZone ?? "UTC";
  // What is cached may be from before another replica changed the limits, and a line that spreads without its hours gives only the least gap.
  const { spread } = await told;
  for (let from = 0; from < wanted.length; from += turnLimits.perMessage) {
    const chunk = wanted.slice(from, from + turnLimits.perMessage);
    const now = sms.service.clock.now();
    const outcome = await sms.lines.execute(
      subjects.smsLine(account, line),
      {
        type: "GiveTurns",
        wanted: chunk,
        now,
        ...dayOf(now, zone),
        random: chunk.map(() => Math.random()),
        window: spread ? await windowOf(sms, account, now) : undefined,
        soon,
      },
      causeOf(sms, because, `turns:${crypto.randomUUID()}`),
    );
    if (outcome.kind !== "refused") continue;
    for (const { contact } of chunk) await gate(sms, account, contact, "line-not-connected", "connect a line to the account", because);
  }
};

/** The hours of a recipient in the account's own country and zone: for planning, since the permit decides about each. */
const windowOf = async (sms: Sms, account: AccountId, now: string): Promise<Window | undefined> => {
  const known = sms.accounts.account(account);
  if (known === undefined) return undefined;
  // Loaded when a line spreads: packs and calendars are 17 MB that no other line needs.
  const { lawfulWindow } = await import("@outrider/contact-policy/window");
  const { country, timeZone } = known;
  return lawfulWindow({ channel: "sms", purpose: "prospecting" }, { country, lineType: "mobile", zones: [timeZone], fiction: false }, now);
};

/** Turns that are used up. What was ended before is not ended again. */
export const endTurns = async (sms: Sms, account: AccountId, line: string, contacts: readonly ContactId[], because: Because) => {
  for (let from = 0; from < contacts.length; from += turnLimits.perMessage) {
    await sms.lines.execute(
      subjects.smsLine(account, line),
      { type: "EndTurns", contacts: contacts.slice(from, from + turnLimits.perMessage) },
      causeOf(sms, because, `end:${crypto.randomUUID()}`),
    );
  }
};

/**
 * A turn of their own for contacts whose last one, if they had one, has passed. They have waited: on a line that spreads they go in between,
 * and not behind the day's last turn, which may leave them none of its lawful hours.
 */
export const askAgain = async (
  sms: Sms,
  account: AccountId,
  line: LineId,
  wanted: readonly TurnRequest[],
  because: Because,
): Promise<void> => {
  await endTurns(
    sms,
    account,
    line,
    wanted.map(({ contact }) => contact),
    because,
  );
  await askForTurns(sms, account, line, wanted, because, true);
};

/**
 * A turn that is this late was given for another time: after an outage all of them would leave together, with no gap between. Lines without
 * a gap have no such times, unless they spread.
 */
export const isMissed = ({ minGapMs, spread }: LineLimits, at: string, nowMs: number): boolean =>
  (minGapMs > 0 || spread) && nowMs - Date.parse(at) > minGapMs / 2 + turnLimits.lateMs;
