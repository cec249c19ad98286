import { type ContactRequest, graceAfterAttemptMs } from "@outrider/contracts/contact";
import type { AccountId, ContactId } from "@outrider/contracts/ids";
import { subjects } from "@outrider/contracts/streams";
import { pauseFor, Unavailable, unreachable } from "@outrider/eventing";
import { type Clock, erased, type Lasting, lasting, Personal } from "@outrider/platform";
import { attemptLimits } from "./config.ts";
import type { Contact, ContactCommand } from "./contact.ts";
import { type Because, causeOf, type Sms } from "./context.ts";
import { isLinePaused, pauseLine } from "./line-now.ts";
import { dayOf } from "./local-day.ts";
import { askPermit, type Denied, freshPermit, noPermitForNow, type Permit, strangerIsDenied } from "./permit.ts";
import type { Connected, SendOutcome } from "./providers/sms-provider.ts";
import { catchUpTail, recordRef, scheduleReconciliation, scheduleWanted } from "./tail.ts";

type Waiting = Extract<Contact, { status: "requested" }>;

/**
 * The contact's turn has come: permit, attempt, request, outcome. Safe to repeat at any moment by anybody: only the execution that appended
 * `AttemptStarted` calls the provider, and only while its permit is fresh. The turn is used up then; a contact that has to wait gets another
 * one from its line when its moment has come, so that those who waited do not leave all at once.
 */
export const takeTurn = async (sms: Sms, account: AccountId, id: ContactId, because: Because): Promise<void> => {
  const subject = subjects.smsContact(account, id);
  const now = sms.service.clock.now();
  // What is cached may be old: starting is guarded, so only an answer other than "it may start now" is looked up again.
  const cached = await sms.contacts.fold(subject, { fresh: false });
  const { state } = cached.state.status === "requested" && !isEarly(cached.state, now) ? cached : await sms.contacts.fold(subject);
  if (state.status !== "requested") return catchUpTail(sms, account, id, state, because);
  if (isEarly(state, now)) return scheduleWanted(sms, account, id, state.notBefore, because);
  return attempt(sms, account, state, because);
};

const isEarly = (state: Waiting, now: string): state is Waiting & { readonly notBefore: string } =>
  state.notBefore !== undefined && state.notBefore > now;

const attempt = async (sms: Sms, account: AccountId, state: Waiting, because: Because): Promise<void> => {
  const { request } = state;
  const stopped = await whatStops(sms, account, request);
  if (stopped !== undefined) return end(sms, account, request, stopped, undefined, because);
  const connected = await sms.surelyConnected(account, request.line, because);
  if (connected === undefined) return end(sms, account, request, "line-not-connected", undefined, because);
  const number = state.attempt + 1;
  // The text's key is the number's, too. Nobody else waits: it is fetched meanwhile, and else together with theirs when their permits are there.
  const opening = sms.slots.taken() > 1 ? undefined : sms.service.keyring.open(request.text);
  opening?.catch(() => undefined); // who is denied does not need it
  const permit = await askPermit(sms, account, request, number, because).catch(strangerIsDenied);
  if (permit.kind !== "permitted") return denied(sms, account, request, permit, because);
  const [to, text] = await Promise.all([sms.service.keyring.open(permit.number), opening ?? sms.service.keyring.open(request.text)]);
  if (to === erased || text === erased) {
    return end(sms, account, request, "erased", undefined, because);
  }
  const only = sms.service.config.OUTRIDER_ONLY_CONTACT;
  if (only !== undefined && !only.includes(to)) return end(sms, account, request, "only-contact", undefined, because);
  return start(sms, account, request, number, permit, connected, { to: new Personal(to), text: new Personal(text) }, because);
};

const start = async (
  sms: Sms,
  account: AccountId,
  request: ContactRequest,
  number: number,
  permit: Permit,
  connected: Connected,
  message: { readonly to: Personal<string>; readonly text: Personal<string> },
  because: Because,
): Promise<void> => {
  const { clock, config } = sms.service;
  const subject = subjects.smsContact(account, request.contact);
  const untilMs = clock.realNowMs() + config.ATTEMPT_TIMEOUT_MS;
  const span = lasting(config.ATTEMPT_TIMEOUT_MS);
  const startCause = causeOf(sms, because, `start:${crypto.randomUUID()}`);
  const { reservation } = request;
  const start = { type: "Start", reservation, attempt: number, until: new Date(untilMs).toISOString(), now: clock.now() } as const;
  const started = await untilAnswered(sms, () => sms.contacts.execute(subject, start, startCause));
  // Another replica had moved the contact, and our cached state was behind: what holds now is folded, and it may be waiting still.
  if (started.kind === "refused") return takeTurn(sms, account, request.contact, because);
  const fresh =
    started.kind === "appended"
      ? await freshPermit(sms, account, request, number, permit, span, because)
      : ({ kind: "denied", rule: startedTooLate, remedy: undefined } as const);
  const outcome: SendOutcome =
    fresh.kind === "permitted"
      ? await send(sms, account, request, fresh, connected, message, span, because)
      : { kind: "not-sent", cause: fresh.rule };
  await record(sms, account, request, number, outcome, start.until, because);
  if (fresh.kind !== "permitted" && fresh.rule !== noPermitForNow && fresh.rule !== startedTooLate) {
    return denied(sms, account, request, fresh, because);
  }
  if (outcome.kind !== "not-sent") return;
  if (outcome.line === undefined) await again(sms, account, request.contact, outcome.cause, because);
  else await end(sms, account, request, "line-paused", `the line is paused: ${outcome.line}`, because);
};

/** Its own start was stored by an execution that never heard of it: an effect may follow only `appended`, so nothing was called. */
const startedTooLate = "start-confirmed-late";

/** Tries on while JetStream cannot be reached: what is to be written is known to nobody else. Gives up when the service is to end. */
const untilAnswered = async <T>(sms: Sms, work: () => Promise<T>): Promise<T> => {
  const { log, stopping } = sms.service;
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Unavailable) || stopping.aborted) throw error;
      if (tries === 0) log.warn({ error }, "an attempt waits for JetStream");
      await pauseFor(Math.min(attemptLimits.storageAgainMs * 2 ** tries, attemptLimits.longestStorageAgainMs), stopping);
    }
  }
};

const send = async (
  sms: Sms,
  account: AccountId,
  request: ContactRequest,
  permit: Permit,
  { provider, access }: Connected,
  message: { readonly to: Personal<string>; readonly text: Personal<string> },
  { leftMs }: Lasting,
  because: Because,
): Promise<SendOutcome> => {
  const { instruments } = sms.service;
  const began = performance.now();
  const beforeWriting = () =>
    leftMs() > 0 && permit.validity.leftMs() > 0 && sms.accounts.isCurrent() && sms.accounts.pausedBy(account, request.hunt) === undefined;
  const until = AbortSignal.timeout(Math.max(1, Math.ceil(leftMs())));
  const outcome = await instruments.span(
    {
      name: "send sms",
      kind: "client",
      parent: because.traceparent,
      attributes: { "outrider.channel": "sms", "outrider.provider": provider.name },
    },
    () => provider.send(access, message, { until, beforeWriting }),
  );
  instruments.time(
    "outrider_provider_request_seconds",
    { provider: provider.name, outcome: outcome.kind },
    (performance.now() - began) / 1000,
  );
  return outcome;
};

/** Writes what the provider said. The attempt is ours, so this is tried until it is written: nobody else knows. */
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
  const command = commandOf(outcome, number, config.ATTEMPTS_AT_MOST, clock);
  const cause = causeOf(sms, because, `outcome:${crypto.randomUUID()}`);
  const recorded = await untilAnswered(sms, () =>
    sms.contacts.execute(subjects.smsContact(account, id), command, { ...cause, deadline: performance.now() + graceAfterAttemptMs }),
  );
  if (recorded.kind === "refused") log.error({ contact: id, refusal: recorded.refusal }, "an outcome does not fit the contact any more");
  if (outcome.kind === "accepted") await recordRef(sms, account, id, number, outcome.providerId, because);
  if (outcome.kind === "unknown") await scheduleReconciliation(sms, account, id, until, { round: 0 }, because);
  const { state } = recorded;
  if (state.status === "requested" && state.notBefore !== undefined) await waitUntil(sms, account, state.request, state.notBefore, because);
  if (outcome.kind === "not-sent" && outcome.line !== undefined) await pauseLine(sms, account, line, outcome.line, because);
};

/** Those who are refused at the same moment come back one after another. */
const spread = (ms: number): number => Math.round(ms * (1 + Math.random() / 4));

const commandOf = (outcome: SendOutcome, attempt: number, attemptsAtMost: number, clock: Clock): ContactCommand => {
  switch (outcome.kind) {
    case "accepted":
      return { type: "Accept", attempt, providerId: outcome.providerId, by: "answer" };
    case "rejected":
      return { type: "Reject", attempt, reason: outcome.reason, by: "answer" };
    case "refused-for-now":
      return {
        type: "RefuseForNow",
        attempt,
        reason: outcome.reason,
        waitMs: spread(outcome.waitMs),
        now: clock.now(),
        attemptsAtMost,
      };
    case "unknown":
      return { type: "NoAnswer", attempt, cause: outcome.cause, by: "holder", now: clock.realNow() };
    case "not-sent":
      return { type: "Abandon", attempt, because: outcome.cause };
    default:
      return unreachable(outcome);
  }
};

/** Nothing has left: the contact waits for another turn, a little later each time, and never for ever. */
const again = async (sms: Sms, account: AccountId, id: ContactId, cause: string, because: Because): Promise<void> => {
  const { state } = await sms.contacts.fold(subjects.smsContact(account, id));
  if (state.status !== "requested") return;
  if (state.abandoned >= attemptLimits.abandoned) return gate(sms, account, id, "provider-unreachable", undefined, because);
  const when = new Date(sms.service.clock.nowMs() + abandonedWaitMs(state.abandoned)).toISOString();
  sms.service.log.warn({ contact: id, cause }, "an attempt was abandoned before it left");
  await waitUntil(sms, account, state.request, when, because);
};

/** How long a contact waits after so many attempts that never left, ms. */
export const abandonedWaitMs = (abandoned: number): number =>
  Math.min(attemptLimits.abandonedWaitMs * 2 ** abandoned, attemptLimits.longestAbandonedWaitMs);

/** The contact waits; unless a pause came during the attempt, whose look at what waits may have been before this. */
const waitUntil = async (sms: Sms, account: AccountId, request: ContactRequest, at: string, because: Because): Promise<void> => {
  const { contact: id, hunt } = request;
  await scheduleWanted(sms, account, id, at, because);
  if (sms.accounts.pausedBy(account, hunt) !== undefined) await gate(sms, account, id, "paused", undefined, because);
};

const denied = async (sms: Sms, account: AccountId, request: ContactRequest, answer: Denied, because: Because): Promise<void> => {
  if (answer.kind === "deferred" && answer.until <= latestDeferral(sms, account)) {
    const { contact: id, reservation } = request;
    const deferred = await sms.contacts.execute(
      subjects.smsContact(account, id),
      { type: "Defer", reservation, rule: answer.rule, until: answer.until },
      causeOf(sms, because, `defer:${crypto.randomUUID()}`),
    );
    if (deferred.kind === "refused") return goOn(sms, account, id, deferred.state, because);
    return waitUntil(sms, account, request, answer.until, because);
  }
  return end(sms, account, request, answer.rule, answer.remedy, because);
};

/** By the service's clock. */
const latestDeferral = ({ service: { clock, config }, accounts }: Sms, account: AccountId): string =>
  config.DEFER_AT_MOST === "day"
    ? dayOf(clock.now(), accounts.account(account)?.timeZone ?? "UTC").endsAt
    : new Date(clock.nowMs() + Number(config.DEFER_AT_MOST)).toISOString();

/** Ends the contact, whichever asking counts now. */
export const gate = (
  sms: Sms,
  account: AccountId,
  contact: ContactId,
  rule: string,
  remedy: string | undefined,
  because: Because,
): Promise<void> => end(sms, account, { contact }, rule, remedy, because);

/** Ends the contact, of the asking that was looked at if one is named. */
const end = async (
  sms: Sms,
  account: AccountId,
  { contact: id, reservation }: Pick<ContactRequest, "contact"> & Partial<Pick<ContactRequest, "reservation">>,
  rule: string,
  remedy: string | undefined,
  because: Because,
): Promise<void> => {
  const gated = await sms.contacts.execute(
    subjects.smsContact(account, id),
    { type: "Gate", reservation, rule, remedy },
    causeOf(sms, because, `gate:${crypto.randomUUID()}`),
  );
  if (gated.kind === "appended") sms.service.instruments.count("outrider_contacts_gated_total", { channel: "sms", rule });
  if (gated.kind === "refused") await goOn(sms, account, id, gated.state, because);
};

/** The contact is not as it was looked at. One that waits was asked for anew, and its turn is taken for that asking. */
const goOn = (sms: Sms, account: AccountId, id: ContactId, state: Contact, because: Because): Promise<void> =>
  state.status === "requested" ? takeTurn(sms, account, id, because) : catchUpTail(sms, account, id, state, because);

/** A pause of everything, the account, the hunt or the line. */
const whatStops = async (sms: Sms, account: AccountId, { hunt, line }: ContactRequest): Promise<string | undefined> => {
  if (!sms.accounts.isCurrent()) throw new Unavailable("what is paused is not known now");
  if (sms.accounts.pausedBy(account, hunt) !== undefined) return "paused";
  return (await isLinePaused(sms, account, line)) ? "line-paused" : undefined;
};
