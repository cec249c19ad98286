import type { ContactRequest } from "@outrider/contracts/contact";
import { type AccountId, type ContactId, contactId, partitionOf } from "@outrider/contracts/ids";
import { subjects } from "@outrider/contracts/streams";
import { Unfoldable } from "@outrider/eventing";
import { gate } from "./attempt.ts";
import { names, stopSweep } from "./config.ts";
import type { Because, Sms } from "./context.ts";
import { endTurns } from "./turns.ts";

/** Why some of what an account has waiting ends, and for how long that is so. */
export interface Stop {
  readonly rule: "paused" | "erased";
  readonly concerns: (request: ContactRequest) => boolean;
  /** Asked before each page: false leaves the rest as it is. */
  readonly holds: () => boolean;
}

/**
 * Ends all contacts of an account that wait: for the turn that their line has given them, and for a moment of their own (a deferral, a
 * provider that refused for now, an attempt that never left). Nobody keeps a list of them: the line knows its open turns, and everybody
 * else has a schedule. Page by page, so that memory does not grow with what waits. Safe to repeat, and to begin again after a kill.
 * Answers how many of those it concerns had an attempt under way: they may wait again later.
 */
export const endWaiting = async (sms: Sms, account: AccountId, stop: Stop, why: Because): Promise<number> => {
  let underWay = 0;
  const endAll = async (contacts: readonly ContactId[]): Promise<readonly ContactId[]> => {
    const ended: ContactId[] = [];
    for (let from = 0; from < contacts.length && stop.holds(); from += stopSweep.together) {
      const page = contacts.slice(from, from + stopSweep.together);
      const looked = await Promise.all(page.map((contact) => unlessUnreadable(sms, contact, endOne(sms, account, contact, stop, why))));
      underWay += looked.filter((found) => found === "under-way").length;
      ended.push(...page.filter((_, index) => looked[index] === "ended"));
    }
    return ended;
  };
  const endTurnsOf = async (line: string): Promise<void> => {
    const { state } = await sms.lines.fold(subjects.smsLine(account, line));
    await endTurns(sms, account, line, await endAll([...state.open.keys()]), why);
  };
  for (const line of sms.accounts.account(account)?.providers.keys() ?? []) {
    await unlessUnreadable(sms, line, endTurnsOf(line));
  }
  const prefix = `${partitionOf(account)}.${account}`;
  for (const name of [names.wanted, names.turn]) {
    for await (const keys of sms.schedules.pending(name, prefix)) {
      if (!stop.holds()) return underWay;
      await endAll(keys.map((key) => contactId.parse(key.slice(prefix.length + 1))));
    }
  }
  return underWay;
};

/** What nobody can read is logged and passed over: it holds up no other's end. It cannot leave either, as nobody can start it. */
const unlessUnreadable = async <T>(sms: Sms, what: string, work: Promise<T>): Promise<T | undefined> => {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Unfoldable) || error.kind === "newer") throw error;
    sms.service.log.error({ what, error }, "what waits cannot be read, and was not ended with the others");
    return undefined;
  }
};

const endOne = async (
  sms: Sms,
  account: AccountId,
  contact: ContactId,
  { rule, concerns }: Stop,
  why: Because,
): Promise<"ended" | "under-way" | undefined> => {
  const subject = subjects.smsContact(account, contact);
  // What is cached may be old: ending is guarded, so only an answer other than "it waits" is looked up again.
  const cached = await sms.contacts.fold(subject, { fresh: false });
  const { state } = cached.state.status === "requested" ? cached : await sms.contacts.fold(subject);
  if (state.status === "none" || !concerns(state.request)) return undefined;
  if (state.status === "attempting") return "under-way";
  if (state.status !== "requested") return undefined;
  await gate(sms, account, contact, rule, undefined, why);
  return "ended";
};
