import { type Allocation, type RunEvent, runCodec } from "@outrider/contracts/hunts";
import { type AccountId, accountId, type ContactId, contactId, type LineId, lineId, runIdOf } from "@outrider/contracts/ids";
import { type LineEvent, lineCodec } from "@outrider/contracts/sms";
import { parseSubject, streams, subjects } from "@outrider/contracts/streams";
import {
  type Delivery,
  type Digested,
  type DueMessage,
  done,
  dueCodec,
  dueOptions,
  impossible,
  isNotFound,
  pauseFor,
  type Reaction,
  react,
  Unavailable,
} from "@outrider/eventing";
import { z } from "zod";
import { gate, takeTurn } from "./attempt.ts";
import { dueAtOnce, followed, names, turnLimits, turnsAhead } from "./config.ts";
import { type Because, causeOf, type Sms } from "./context.ts";
import type { TurnRequest } from "./line.ts";
import { catchUpTail, type Round, scheduleTurn, scheduleWanted } from "./tail.ts";
import { askAgain, askForTurns, endTurns, isMissed } from "./turns.ts";

export const because = (
  delivery: Pick<Delivery<unknown>, "stream" | "revision" | "correlation" | "traceparent" | "commandId">,
): Because => ({
  correlation: delivery.correlation ?? delivery.commandId,
  causation: `${delivery.stream}:${delivery.revision}`,
  actor: names.actor,
  traceparent: delivery.traceparent,
});

/** Pages of allocations become contacts, and their contacts ask for turns. */
export const reactToPages = (sms: Sms): Reaction =>
  react<RunEvent>(sms.kernel, { ...followed.pages, stream: streams.hunts.name, codec: runCodec }, async (delivery) => {
    const at = parseSubject(delivery.subject);
    if (at === undefined) return impossible("the subject is none of a run");
    const account = accountId.parse(at.account);
    for (const event of delivery.events) {
      if (event.type !== "PageAllocated") continue;
      const rows = event.data.rows.filter(({ channel }) => channel === "sms");
      await untilTurnsAreTaken(sms);
      await requestAll(sms, account, at.id, event.data, rows, delivery);
    }
    return done;
  });

/** What is asked for far ahead of its attempt would have to be read again for it. Turns for later are schedules, and are not waited for here. */
const untilTurnsAreTaken = async ({ kernel, service: { stopping } }: Sms): Promise<void> => {
  const deadline = performance.now() + turnsAhead.waitAtMostMs;
  while (performance.now() < deadline) {
    try {
      const waiting = await kernel.jsm.consumers.info(streams.sms.name, followed.turns.durable);
      // What was handed back is some account's trouble, and no reason for another's pages to wait.
      const { num_pending: coming, num_ack_pending: inHand, num_redelivered: handedBack } = waiting;
      if (coming + inHand - handedBack <= turnsAhead.atMost || stopping.aborted) return;
    } catch (error) {
      if (isNotFound(error)) return; // nobody has begun to take turns
      throw new Unavailable("JetStream does not tell how many turns wait", { cause: error });
    }
    await pauseFor(turnsAhead.lookAgainMs, stopping);
  }
};

const requestAll = async (
  sms: Sms,
  account: AccountId,
  run: string,
  { pass, reservation }: { readonly pass: number; readonly reservation: string },
  rows: readonly Allocation[],
  delivery: Delivery<RunEvent>,
): Promise<void> => {
  const why = because(delivery);
  const deadline = performance.now() + turnLimits.pageRequestedWithinMs;
  const waiting = new Map<LineId, { readonly wanted: Allocation[]; readonly returning: ContactId[] }>();
  const ask = async (row: Allocation): Promise<void> => {
    const { credits, ...rest } = row;
    const outcome = await sms.contacts.execute(
      subjects.smsContact(account, row.contact),
      { type: "Request", request: { ...rest, run: runIdOf(run), pass, reservation, credits } },
      { ...causeOf(sms, why, `${delivery.stream}:${delivery.revision}:${row.contact}`), deadline },
    );
    if (outcome.state.status !== "requested" || outcome.state.request.reservation !== reservation) return;
    const ofLine = waiting.get(row.line) ?? { wanted: [], returning: [] };
    waiting.set(row.line, ofLine);
    ofLine.wanted.push(row);
    if (outcome.state.spent.length > 0) ofLine.returning.push(row.contact);
  };
  await Promise.all(rows.map(ask));
  for (const [line, { wanted, returning }] of waiting) {
    // The turn that such a contact was gated in may still be open, and would stand in the way of a new one.
    await endTurns(sms, account, line, returning, why);
    await askForTurns(sms, account, line, wanted, why);
  }
};

type StatusAlarms = (account: AccountId, line: LineId, seq: number, why: Because) => Promise<void>;

/** A line has given turns, or none: attempts now, schedules for later, an end for those without. What became of the sent is asked later. */
export const reactToTurns = (sms: Sms, armStatusLook: StatusAlarms): Reaction =>
  react<LineEvent>(sms.kernel, { ...followed.turns, stream: streams.sms.name, codec: lineCodec }, async (delivery) => {
    const at = parseSubject(delivery.subject);
    if (at === undefined) return impossible("the subject is none of a line");
    const account = accountId.parse(at.account);
    const why = because(delivery);
    for (const event of delivery.events) {
      if (event.type === "TurnsGiven") await takeTurns(sms, account, lineId.parse(at.id), event.data.turns, why);
      if (event.type === "TurnsEnded") await armStatusLook(account, lineId.parse(at.id), delivery.revision, why);
      if (event.type === "TurnsRefused") {
        await Promise.all(event.data.turns.map(({ contact, rule }) => gate(sms, account, contact, rule, undefined, why)));
      }
    }
    return done;
  });

const takeTurns = async (
  sms: Sms,
  account: AccountId,
  line: LineId,
  turns: readonly (TurnRequest & { readonly at: string })[],
  why: Because,
): Promise<void> => {
  const { clock, stopping } = sms.service;
  const used: ContactId[] = [];
  const missed: TurnRequest[] = [];
  const { limits } = (await sms.lines.fold(subjects.smsLine(account, line), { fresh: false })).state;
  const take = async ({ contact, person, at }: TurnRequest & { readonly at: string }): Promise<void> => {
    const wait = Date.parse(at) - clock.nowMs();
    if (wait > turnLimits.waitedForMs && !(await isPaused(sms, account, contact))) return scheduleTurn(sms, account, contact, at, why);
    if (wait > 0 && wait <= turnLimits.waitedForMs) await pauseFor(wait, stopping);
    if (isMissed(limits, at, clock.nowMs()) && (await isWaiting(sms, account, contact))) missed.push({ contact, person });
    else {
      await sms.slots.run(() => takeTurn(sms, account, contact, why));
      used.push(contact);
    }
  };
  // Every turn is tried before one that failed is told, so that one sick contact holds up no other.
  const results = await Promise.allSettled(turns.map(take));
  await endTurns(sms, account, line, used, why);
  await askAgain(sms, account, line, missed, why);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
};

/** A pause that looked at what waits before these turns were given did not see them: they end now, and not when their turn comes. */
const isPaused = async (sms: Sms, account: AccountId, contact: ContactId): Promise<boolean> => {
  const subject = subjects.smsContact(account, contact);
  const cached = await sms.contacts.fold(subject, { fresh: false });
  // One that has ended here may have been asked for anew elsewhere.
  const { state } = cached.state.status === "requested" ? cached : await sms.contacts.fold(subject);
  return state.status === "requested" && sms.accounts.pausedBy(account, state.request.hunt) !== undefined;
};

const isWaiting = async (sms: Sms, account: AccountId, contact: ContactId): Promise<boolean> =>
  (await sms.contacts.fold(subjects.smsContact(account, contact))).state.status === "requested";

const dueContact = z.object({ account: accountId, contact: contactId, round: z.int().default(0), unanswered: z.int().default(0) });

/** What is done about a contact whose moment has come. */
export type DueWork = (account: AccountId, contact: ContactId, why: Because, round: Round) => Promise<Digested>;

type ContactSchedule = (typeof names)["turn" | "wanted" | "lookAfter" | "reconcile"];

/** One contact whose moment has come, handled by what it is due for. */
export const reactToDue = (sms: Sms, name: ContactSchedule, work: DueWork): Reaction =>
  react<DueMessage>(
    sms.kernel,
    { ...dueOptions(sms.kernel.service, name), codec: dueCodec, concurrency: dueAtOnce.contacts },
    async (delivery): Promise<Digested> => {
      const parsed = dueContact.safeParse(delivery.events[0]?.data);
      if (!parsed.success) return impossible("the schedule names no contact");
      const { account, contact, round, unanswered } = parsed.data;
      return work(account, contact, because(delivery), { round, unanswered });
    },
  );

/** The turn that its line gave a contact for now; another one when it is not this one's time any more. */
export const turnIsDue =
  (sms: Sms): DueWork =>
  async (account, contact, why) => {
    const { state } = await sms.contacts.fold(subjects.smsContact(account, contact));
    if (state.status === "none") return done;
    const { line, person } = state.request;
    if (state.status === "requested") {
      const { open, limits } = (await sms.lines.fold(subjects.smsLine(account, line))).state;
      const at = open.get(contact);
      const now = sms.service.clock.nowMs();
      if (at === undefined || isMissed(limits, at, now)) {
        await askAgain(sms, account, line, [{ contact, person }], why);
        return done;
      }
      if (Date.parse(at) - now > turnLimits.waitedForMs) {
        await scheduleTurn(sms, account, contact, at, why);
        return done;
      }
    }
    await sms.slots.run(() => takeTurn(sms, account, contact, why));
    await endTurns(sms, account, line, [contact], why);
    return done;
  };

/** A contact without a turn asks its line for one, unless it has one to come. */
export const turnIsWanted =
  (sms: Sms): DueWork =>
  async (account, contact, why) => {
    const { state } = await sms.contacts.fold(subjects.smsContact(account, contact));
    const now = sms.service.clock.now();
    if (state.status !== "requested") await catchUpTail(sms, account, contact, state, why);
    else if (state.notBefore !== undefined && state.notBefore > now) await scheduleWanted(sms, account, contact, state.notBefore, why);
    else {
      const { line, person } = state.request;
      const at = (await sms.lines.fold(subjects.smsLine(account, line))).state.open.get(contact);
      if (at === undefined || at <= now) await askAgain(sms, account, line, [{ contact, person }], why);
    }
    return done;
  };
