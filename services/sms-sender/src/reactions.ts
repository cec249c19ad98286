import { type Allocation, type RunEvent, runCodec } from "@outrider/contracts/hunts";
import { type AccountId, accountId, type ContactId, contactId, type LineId, runIdOf } from "@outrider/contracts/ids";
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
  pauseFor,
  type Reaction,
  react,
} from "@outrider/eventing";
import { z } from "zod";
import { atMost } from "./at-most.ts";
import { gate, scheduleTurn, takeTurn } from "./attempt.ts";
import { type Because, causeOf, type Sms } from "./context.ts";
import { askForTurns } from "./turns.ts";

/** Turns due within this long are waited for; later ones become schedules. */
const waitedForMs = 300;
const creationDeadlineMs = 60_000;

export const because = (
  delivery: Pick<Delivery<unknown>, "stream" | "revision" | "correlation" | "traceparent" | "commandId">,
): Because => ({
  correlation: delivery.correlation ?? delivery.commandId,
  causation: `${delivery.stream}:${delivery.revision}`,
  actor: "sms-sender",
  traceparent: delivery.traceparent,
});

/** Pages of allocations become contacts, and their contacts ask for turns. */
export const reactToPages = (sms: Sms): Reaction =>
  react<RunEvent>(
    sms.kernel,
    // Durable name: changing it replays every page to this reaction.
    {
      stream: streams.hunts.name,
      durable: "sms-sender-pages",
      filters: ["hunts.run.>"],
      codec: runCodec,
      concurrency: 2,
      ackWaitMs: 15_000,
    },
    async (delivery) => {
      const at = parseSubject(delivery.subject);
      if (at === undefined) return impossible("the subject is none of a run");
      const account = accountId.parse(at.account);
      for (const event of delivery.events) {
        if (event.type !== "PageAllocated") continue;
        const rows = event.data.rows.filter(({ channel }) => channel === "sms");
        await requestAll(sms, account, at.id, event.data, rows, delivery);
      }
      return done;
    },
  );

const requestAll = async (
  sms: Sms,
  account: AccountId,
  run: string,
  { pass, reservation }: { readonly pass: number; readonly reservation: string },
  rows: readonly Allocation[],
  delivery: Delivery<RunEvent>,
): Promise<void> => {
  const why = because(delivery);
  const deadline = performance.now() + creationDeadlineMs;
  const waiting = new Map<LineId, Allocation[]>();
  const ask = async (row: Allocation): Promise<void> => {
    const { credits, ...rest } = row;
    const outcome = await sms.contacts.execute(
      subjects.smsContact(account, row.contact),
      { type: "Request", request: { ...rest, run: runIdOf(run), pass, reservation, credits } },
      { ...causeOf(sms, why, `${delivery.stream}:${delivery.revision}:${row.contact}`), deadline },
    );
    if (outcome.state.status !== "requested" || outcome.state.request.reservation !== reservation) return;
    const ofLine = waiting.get(row.line);
    if (ofLine === undefined) waiting.set(row.line, [row]);
    else ofLine.push(row);
  };
  await Promise.all(rows.map(ask));
  for (const [line, wanted] of waiting) {
    const asked = await askForTurns(sms, account, line, wanted, why, `${delivery.stream}:${delivery.revision}:${line}`);
    if (asked === "asked") continue;
    for (const { contact } of wanted) await gate(sms, account, contact, "line-not-connected", "connect a line to the account", why);
  }
};

/** A line has given turns, or none: attempts now, schedules for later, an end for those without. */
export const reactToTurns = (sms: Sms): Reaction => {
  const slots = atMost(sms.service.config.ATTEMPTS_AT_ONCE);
  return react<LineEvent>(
    sms.kernel,
    // Durable name: changing it replays every turn; contacts that have ended stay ended.
    { stream: streams.sms.name, durable: "sms-sender-turns", filters: ["sms.line.>"], codec: lineCodec, concurrency: 8, ackWaitMs: 15_000 },
    async (delivery) => {
      const at = parseSubject(delivery.subject);
      if (at === undefined) return impossible("the subject is none of a line");
      const account = accountId.parse(at.account);
      const why = because(delivery);
      for (const event of delivery.events) {
        if (event.type === "TurnsGiven") await takeTurns(sms, account, at.id, event.data.turns, why, slots, delivery);
        if (event.type === "TurnsRefused") {
          await Promise.all(event.data.turns.map(({ contact, rule }) => gate(sms, account, contact, rule, undefined, why)));
        }
      }
      return done;
    },
  );
};

const takeTurns = async (
  sms: Sms,
  account: AccountId,
  line: string,
  turns: readonly { readonly contact: ContactId; readonly at: string }[],
  why: Because,
  slots: ReturnType<typeof atMost>,
  delivery: Delivery<LineEvent>,
): Promise<void> => {
  const { clock, stopping } = sms.service;
  const used: ContactId[] = [];
  const take = async ({ contact, at }: { readonly contact: ContactId; readonly at: string }): Promise<void> => {
    const wait = Date.parse(at) - clock.nowMs();
    if (wait > waitedForMs) return scheduleTurn(sms, account, contact, at, why);
    if (wait > 0) await pauseFor(wait, stopping);
    if ((await slots(() => takeTurn(sms, account, contact, why))) === "used") used.push(contact);
  };
  // Every turn is tried before one that failed is told, so that one sick contact holds up no other.
  const results = await Promise.allSettled(turns.map(take));
  if (used.length > 0) await endTurns(sms, account, line, used, why, `${delivery.stream}:${delivery.revision}:end:${delivery.deliveries}`);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
};

const endTurns = (sms: Sms, account: AccountId, line: string, contacts: readonly ContactId[], why: Because, commandId: string) =>
  sms.lines.execute(subjects.smsLine(account, line), { type: "EndTurns", contacts }, causeOf(sms, why, commandId));

const dueContact = z.object({ account: accountId, contact: contactId, round: z.int().optional() });

/** One contact whose moment has come, handled by what it is due for. */
export const reactToDue = (
  sms: Sms,
  name: "turn" | "look-after" | "reconcile",
  work: (account: AccountId, contact: ContactId, why: Because, round: number) => Promise<void>,
): Reaction =>
  react<DueMessage>(
    sms.kernel,
    { ...dueOptions("sms-sender", name), codec: dueCodec, concurrency: 32 },
    async (delivery): Promise<Digested> => {
      const parsed = dueContact.safeParse(delivery.events[0]?.data);
      if (!parsed.success) return impossible("the schedule names no contact");
      const { account, contact, round = 0 } = parsed.data;
      await work(account, contact, because(delivery), round);
      return done;
    },
  );

export const turnIsDue =
  (sms: Sms) =>
  async (account: AccountId, contact: ContactId, why: Because): Promise<void> => {
    if ((await takeTurn(sms, account, contact, why)) === "waiting") return;
    const { state } = await sms.contacts.fold(subjects.smsContact(account, contact), { fresh: false });
    if (state.status !== "none") await endTurns(sms, account, state.request.line, [contact], why, `end:${crypto.randomUUID()}`);
  };
