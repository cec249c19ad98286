import type { ContactRequest } from "@outrider/contracts/contact";
import type { AccountId } from "@outrider/contracts/ids";
import { subjects } from "@outrider/contracts/streams";
import { attemptLimits, names } from "./config.ts";
import { type Because, causeOf, type Sms } from "./context.ts";

/**
 * Another replica may have paused the line: its leader is asked, though not for every message of a fast line, and once for all who wait. It may have
 * been resumed as well, and a pause ends the contact: that is never taken from memory.
 */
export const isLinePaused = async (sms: Sms, account: AccountId, line: ContactRequest["line"]): Promise<boolean> => {
  const subject = subjects.smsLine(account, line);
  const known = sms.pausedLines.get(subject);
  if (known !== undefined && performance.now() - known.asked < attemptLimits.lineCheckedEveryMs && !(await known.paused)) return false;
  const since = sms.pausedLines.get(subject);
  if (since !== undefined && since !== known) return since.paused; // asked while we waited
  const asking = { asked: performance.now(), paused: sms.lines.fold(subject).then(({ state }) => state.paused !== undefined) };
  sms.pausedLines.set(subject, asking);
  asking.paused.catch(() => {
    if (sms.pausedLines.peek(subject) === asking) sms.pausedLines.delete(subject); // whoever is next asks anew
  });
  return asking.paused;
};

export const pauseLine = async (
  sms: Sms,
  account: AccountId,
  line: ContactRequest["line"],
  reason: string,
  because: Because,
): Promise<void> => {
  const subject = subjects.smsLine(account, line);
  await sms.lines.execute(subject, { type: "Pause", reason, by: names.actor }, causeOf(sms, because, `pause:${crypto.randomUUID()}`));
  sms.pausedLines.set(subject, { asked: performance.now(), paused: Promise.resolve(true) });
};
