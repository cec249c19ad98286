import type { ContactRequest } from "@outrider/contracts/contact";
import type { Sealed } from "@outrider/contracts/define";
import type { AccountId, ContactId } from "@outrider/contracts/ids";
import { hashId } from "@outrider/contracts/ids";
import { registryCommands } from "@outrider/contracts/registry";
import { subjects } from "@outrider/contracts/streams";
import { unreachable } from "@outrider/eventing";
import { erased, Personal, Refusal } from "@outrider/platform";
import { type Contact, type ContactCommand, graceAfterAttemptMs } from "./contact.ts";
import { type Because, causeOf, type Sms, scheduleKey } from "./context.ts";
import { dayOf } from "./local-day.ts";
import type { ProviderAccess, SendOutcome } from "./providers/sms-provider.ts";

/** What a turn came to: it is used up, or the contact waits for a moment that is scheduled. */
export type Turn = "used" | "waiting";

interface Permit {
  readonly kind: "permitted";
  readonly number: Sealed;
  /** `performance.now()` of the asking. */
  readonly asked: number;
}

type Waiting = Extract<Contact, { status: "requested" }>;

/**
 * The contact's turn has come: permit, attempt, request, outcome. Safe to repeat at any moment by anybody: only the execution that appended
 * `AttemptStarted` calls the provider, and only while its permit is fresh.
 */
export const takeTurn = async (sms: Sms, account: AccountId, id: ContactId, because: Because): Promise<Turn> => {
  const subject = subjects.smsContact(account, id);
  // What is cached may be old: starting is guarded, so only an answer other than "it waits" is looked up again.
  const cached = await sms.contacts.fold(subject, { fresh: false });
  const { state } = cached.state.status === "requested" ? cached : await sms.contacts.fold(subject);
  if (state.status !== "requested") {
    await catchUpTail(sms, account, id, state, because);
    return "used";
  }
  if (state.notBefore !== undefined && state.notBefore > sms.service.clock.now()) {
    await scheduleTurn(sms, account, id, state.notBefore, because);
    return "waiting";
  }
  return attempt(sms, account, state, because);
};

/** What follows an attempt that was started or ended earlier: whoever did it may have been killed right after. */
const catchUpTail = async (sms: Sms, account: AccountId, id: ContactId, state: Contact, because: Because): Promise<void> => {
  if (state.status === "attempting") await scheduleLookAfter(sms, account, id, state.until, because);
  if (state.status === "unknown") await scheduleReconciliation(sms, account, id, state.until, 0, because);
  if (state.status === "accepted") await recordRef(sms, account, id, state.attempt, state.providerId, because);
};

const attempt = async (sms: Sms, account: AccountId, state: Waiting, because: Because): Promise<Turn> => {
  const { request } = state;
  const stopped = await whatStops(sms, account, request);
  if (stopped !== undefined) return gate(sms, account, request.contact, stopped, undefined, because);
  const access = sms.accessTo(account, request.line);
  if (access === undefined) return gate(sms, account, request.contact, "line-not-connected", undefined, because);
  const number = state.attempt + 1;
  const permit = await askPermit(sms, account, request, number, because).catch(strangerIsDenied);
  if (permit.kind !== "permitted") return denied(sms, account, request, permit, because);
  const [to, text] = await sms.service.keyring.openMany([permit.number, request.text]);
  if (to === undefined || text === undefined || to === erased || text === erased) {
    return gate(sms, account, request.contact, "erased", undefined, because);
  }
  const only = sms.service.config.OUTRIDER_ONLY_CONTACT;
  if (only !== undefined && !only.includes(to)) return gate(sms, account, request.contact, "only-contact", undefined, because);
  return start(sms, account, request, number, permit, access, { to: new Personal(to), text: new Personal(text) }, because);
};

const start = async (
  sms: Sms,
  account: AccountId,
  request: ContactRequest,
  number: number,
  permit: Permit,
  access: ProviderAccess,
  message: { readonly to: Personal<string>; readonly text: Personal<string> },
  because: Because,
): Promise<Turn> => {
  const { clock, config } = sms.service;
  const subject = subjects.smsContact(account, request.contact);
  const untilMs = clock.realNowMs() + config.ATTEMPT_TIMEOUT_MS;
  const ends = performance.now() + config.ATTEMPT_TIMEOUT_MS;
  const started = await sms.contacts.execute(
    subject,
    { type: "Start", attempt: number, until: new Date(untilMs).toISOString(), now: clock.now() },
    causeOf(sms, because, `start:${crypto.randomUUID()}`),
  );
  // Another replica had moved the contact, and our cached state was behind: what holds now is folded, and it may be waiting still.
  if (started.kind !== "appended") return takeTurn(sms, account, request.contact, because);
  const fresh = await freshPermit(sms, account, request, number, permit, because);
  const outcome: SendOutcome =
    fresh.kind === "permitted"
      ? await send(sms, account, request, fresh, access, message, ends, because)
      : { kind: "not-sent", cause: fresh.rule };
  await record(sms, account, request, number, outcome, new Date(untilMs).toISOString(), because);
  if (fresh.kind !== "permitted" && fresh.rule !== noPermitForNow) return denied(sms, account, request, fresh, because);
  return outcome.kind === "not-sent" ? again(sms, account, request.contact, outcome.cause, because) : "used";
};

/** Nobody could be asked: the attempt is given up, the contact keeps its place. */
const noPermitForNow = "permit-unavailable";

/** The request must leave within a second of asking; when starting took longer, the gate is asked anew. */
const freshPermit = async (sms: Sms, account: AccountId, request: ContactRequest, number: number, permit: Permit, because: Because) => {
  for (let current = permit; ; ) {
    if (performance.now() - current.asked < sms.service.config.PERMIT_VALID_MS) return current;
    const next = await askPermit(sms, account, request, number, because).catch(
      () => ({ kind: "denied", rule: noPermitForNow, remedy: undefined }) as const,
    );
    if (next.kind !== "permitted") return next;
    current = next;
  }
};

const send = async (
  sms: Sms,
  account: AccountId,
  request: ContactRequest,
  permit: Permit,
  access: ProviderAccess,
  message: { readonly to: Personal<string>; readonly text: Personal<string> },
  ends: number,
  because: Because,
): Promise<SendOutcome> => {
  const { config, instruments } = sms.service;
  const began = performance.now();
  const beforeWriting = () =>
    performance.now() < ends &&
    performance.now() - permit.asked < config.PERMIT_VALID_MS &&
    sms.accounts.pausedBy(account, request.hunt) === undefined;
  const until = AbortSignal.timeout(Math.max(1, Math.ceil(ends - began)));
  const outcome = await instruments.span(
    {
      name: "send sms",
      kind: "client",
      parent: because.traceparent,
      attributes: { "outrider.channel": "sms", "outrider.provider": "smsmobileapi" },
    },
    () => sms.provider.send(access, message, { until, beforeWriting }),
  );
  instruments.time(
    "outrider_provider_request_seconds",
    { provider: "smsmobileapi", outcome: outcome.kind },
    (performance.now() - began) / 1000,
  );
  return outcome;
};

/** Writes what the provider said. The attempt is ours, so this is tried until it is written: without it the contact would end unknown. */
const record = async (
  sms: Sms,
  account: AccountId,
  { contact: id, line }: ContactRequest,
  number: number,
  outcome: SendOutcome,
  until: string,
  because: Because,
): Promise<void> => {
  const { clock, config, log } = sms.service;
  const wait = outcome.kind === "refused-for-now" ? new Date(clock.nowMs() + outcome.waitMs).toISOString() : clock.now();
  const command = commandOf(outcome, number, wait, config.ATTEMPTS_AT_MOST, clock.realNow());
  const recorded = await sms.contacts.execute(subjects.smsContact(account, id), command, {
    ...causeOf(sms, because, `outcome:${crypto.randomUUID()}`),
    deadline: performance.now() + graceAfterAttemptMs,
  });
  if (recorded.kind === "refused") log.error({ contact: id, refusal: recorded.refusal }, "an outcome does not fit the contact any more");
  if (outcome.kind === "accepted") await recordRef(sms, account, id, number, outcome.providerId, because);
  if (outcome.kind === "unknown") await scheduleReconciliation(sms, account, id, until, 0, because);
  if (recorded.state.status === "requested" && outcome.kind === "refused-for-now") await scheduleTurn(sms, account, id, wait, because);
  if (outcome.kind === "rejected" && outcome.line !== undefined) await pauseLine(sms, account, line, outcome.line, because);
};

const commandOf = (outcome: SendOutcome, attempt: number, notBefore: string, attemptsAtMost: number, now: string): ContactCommand => {
  switch (outcome.kind) {
    case "accepted":
      return { type: "Accept", attempt, providerId: outcome.providerId, by: "answer" };
    case "rejected":
      return { type: "Reject", attempt, reason: outcome.reason, by: "answer" };
    case "refused-for-now":
      return { type: "RefuseForNow", attempt, reason: outcome.reason, notBefore, attemptsAtMost };
    case "unknown":
      return { type: "NoAnswer", attempt, cause: outcome.cause, by: "holder", now };
    case "not-sent":
      return { type: "Abandon", attempt, because: outcome.cause };
    default:
      return unreachable(outcome);
  }
};

/** Nothing has left: the contact waits for another turn, a little later each time, and never for ever. */
const again = async (sms: Sms, account: AccountId, id: ContactId, cause: string, because: Because): Promise<Turn> => {
  const { state } = await sms.contacts.fold(subjects.smsContact(account, id));
  if (state.status !== "requested") return "used";
  if (state.attempt >= abandonedAtMost) return gate(sms, account, id, "provider-unreachable", undefined, because);
  const when = new Date(sms.service.clock.nowMs() + Math.min(500 * 2 ** state.attempt, 60_000)).toISOString();
  sms.service.log.warn({ contact: id, cause }, "an attempt was abandoned before it left");
  await scheduleTurn(sms, account, id, when, because);
  return "waiting";
};

const abandonedAtMost = 12;

type Denied =
  | { readonly kind: "denied"; readonly rule: string; readonly remedy: string | undefined }
  | { readonly kind: "deferred"; readonly rule: string; readonly until: string; readonly remedy: string };

const askPermit = async (
  sms: Sms,
  account: AccountId,
  request: ContactRequest,
  attempt: number,
  because: Because,
): Promise<Permit | Denied> => {
  const { contact, person, hunt, channel, purpose, legalBasis, noCanvassing, ownerType } = request;
  const asked = performance.now();
  const answer = await sms.service.ask(
    registryCommands.permit,
    {
      account,
      person,
      request: { contact, attempt, ...(hunt === undefined ? {} : { hunt }), channel, purpose, legalBasis, noCanvassing, ownerType },
    },
    { correlation: because.correlation, causation: because.causation, traceparent: because.traceparent, timeoutMs: 5000 },
  );
  return answer.kind === "permitted" ? { ...answer, asked } : answer;
};

/** Registry knows no such person: no number, no permit. Everything else that goes wrong with the asking is for the caller. */
const strangerIsDenied = (error: unknown): Denied => {
  if (error instanceof Refusal && error.slug === "not-found") return { kind: "denied", rule: "unknown-person", remedy: undefined };
  throw error;
};

const denied = async (sms: Sms, account: AccountId, request: ContactRequest, answer: Denied, because: Because): Promise<Turn> => {
  if (answer.kind === "deferred" && answer.until <= latestDeferral(sms, account)) {
    const { contact: id } = request;
    const deferred = await sms.contacts.execute(
      subjects.smsContact(account, id),
      { type: "Defer", rule: answer.rule, until: answer.until },
      causeOf(sms, because, `defer:${crypto.randomUUID()}`),
    );
    if (deferred.state.status !== "requested") {
      await catchUpTail(sms, account, id, deferred.state, because);
      return "used";
    }
    await scheduleTurn(sms, account, id, answer.until, because);
    return "waiting";
  }
  return gate(sms, account, request.contact, answer.rule, answer.remedy, because);
};

/** By the service's clock. */
const latestDeferral = ({ service: { clock, config }, accounts }: Sms, account: AccountId): string =>
  config.DEFER_AT_MOST === "day"
    ? dayOf(clock.now(), accounts.account(account)?.timeZone ?? "UTC").endsAt
    : new Date(clock.nowMs() + Number(config.DEFER_AT_MOST)).toISOString();

export const gate = async (
  sms: Sms,
  account: AccountId,
  id: ContactId,
  rule: string,
  remedy: string | undefined,
  because: Because,
): Promise<Turn> => {
  const gated = await sms.contacts.execute(
    subjects.smsContact(account, id),
    { type: "Gate", rule, remedy },
    causeOf(sms, because, `gate:${crypto.randomUUID()}`),
  );
  if (gated.kind === "appended") sms.service.instruments.count("outrider_contacts_gated_total", { channel: "sms", rule });
  if (gated.kind === "refused") await catchUpTail(sms, account, id, gated.state, because);
  return "used";
};

/** A pause of everything, the account, the hunt or the line. */
const whatStops = async (sms: Sms, account: AccountId, { hunt, line }: ContactRequest): Promise<string | undefined> => {
  if (sms.accounts.pausedBy(account, hunt) !== undefined) return "paused";
  return (await isLinePaused(sms, account, line)) ? "line-paused" : undefined;
};

/** Another replica may have paused the line: its leader is asked, though not for every message of a fast line. */
const isLinePaused = async (sms: Sms, account: AccountId, line: ContactRequest["line"]): Promise<boolean> => {
  const subject = subjects.smsLine(account, line);
  const known = sms.pausedLines.get(subject);
  if (known !== undefined && performance.now() - known.asked < lineCheckedEveryMs) return known.paused;
  const asked = performance.now();
  const { state } = await sms.lines.fold(subject);
  sms.pausedLines.set(subject, { asked, paused: state.paused !== undefined });
  return state.paused !== undefined;
};

const lineCheckedEveryMs = 250;

export const pauseLine = (sms: Sms, account: AccountId, line: ContactRequest["line"], reason: string, because: Because) =>
  sms.lines.execute(
    subjects.smsLine(account, line),
    { type: "Pause", reason, by: "sms-sender" },
    causeOf(sms, because, `pause:${crypto.randomUUID()}`),
  );

export const recordRef = async (sms: Sms, account: AccountId, id: ContactId, attempt: number, providerId: string, because: Because) => {
  const subject = subjects.smsRef(account, hashId("ref", providerId));
  await sms.refs.execute(subject, { type: "Record", contact: id, attempt, providerId }, causeOf(sms, because, `ref:${id}:${attempt}`));
};

export const scheduleTurn = (sms: Sms, account: AccountId, id: ContactId, at: string, because: Because) =>
  sms.schedules.at(
    "turn",
    scheduleKey(account, id),
    sms.service.clock.toReal(at),
    { account, contact: id },
    causeOf(sms, because, `turn:${id}`),
  );

/** When the attempt of whoever holds it has certainly ended, somebody looks. */
const scheduleLookAfter = (sms: Sms, account: AccountId, id: ContactId, until: string, because: Because) =>
  sms.schedules.at(
    "look-after",
    scheduleKey(account, id),
    new Date(Date.parse(until) + graceAfterAttemptMs),
    { account, contact: id },
    causeOf(sms, because, `look-after:${id}`),
  );

/** The `round`th question to the provider's sent log; none when all have been asked. */
export const scheduleReconciliation = async (
  sms: Sms,
  account: AccountId,
  id: ContactId,
  until: string,
  round: number,
  because: Because,
) => {
  const after = sms.service.config.RECONCILE_AFTER_MS[round];
  if (after === undefined) return;
  const at = new Date(Date.parse(until) + graceAfterAttemptMs + Number(after));
  await sms.schedules.at(
    "reconcile",
    scheduleKey(account, id),
    at,
    { account, contact: id, round },
    causeOf(sms, because, `reconcile:${id}`),
  );
};
