import type { AccountId, LineId } from "@outrider/contracts/ids";
import { subjects } from "@outrider/contracts/streams";
import { attemptLimits, names } from "./config.ts";
import { type Because, causeOf, type Sms } from "./context.ts";

/** What the leader says of a line. */
export interface LineNow {
  readonly paused: boolean;
  readonly spread: boolean;
}

/** Asks the leader. Whoever wants to know a moment later whether the line is paused need not ask again. */
export const lineNow = (sms: Sms, account: AccountId, line: LineId): Promise<LineNow> => {
  const subject = subjects.smsLine(account, line);
  const told = sms.lines.fold(subject).then(({ state }) => ({ paused: state.paused !== undefined, spread: state.limits.spread }));
  const asking = { asked: performance.now(), told };
  sms.linesNow.set(subject, asking);
  told.catch(() => {
    if (sms.linesNow.peek(subject) === asking) sms.linesNow.delete(subject); // whoever is next asks anew
  });
  return told;
};

/**
 * Another replica may have paused the line: its leader is asked, though not for every message of a fast line, and once for all who wait. It may have
 * been resumed as well, and a pause ends the contact: that is never taken from memory.
 */
export const isLinePaused = async (sms: Sms, account: AccountId, line: LineId): Promise<boolean> => {
  const subject = subjects.smsLine(account, line);
  const known = sms.linesNow.get(subject);
  const isRecent = known !== undefined && performance.now() - known.asked < attemptLimits.lineCheckedEveryMs;
  if (isRecent && !(await known.told).paused) return false;
  const since = sms.linesNow.get(subject);
  const told = since !== undefined && since !== known ? since.told : lineNow(sms, account, line); // asked while we waited
  return (await told).paused;
};

export const pauseLine = async (sms: Sms, account: AccountId, line: LineId, reason: string, because: Because): Promise<void> => {
  const subject = subjects.smsLine(account, line);
  await sms.lines.execute(subject, { type: "Pause", reason, by: names.actor }, causeOf(sms, because, `pause:${crypto.randomUUID()}`));
  sms.linesNow.delete(subject);
};
