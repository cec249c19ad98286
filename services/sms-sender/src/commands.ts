import { type ContactRequest, requestAppendedWithinMs } from "@outrider/contracts/contact";
import { type AccountId, type ContactId, contactId, hashId, type LineId, lineId } from "@outrider/contracts/ids";
import { ledgerCommands } from "@outrider/contracts/ledger";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { smsCommands } from "@outrider/contracts/sms";
import { subjects } from "@outrider/contracts/streams";
import { withoutDigest } from "@outrider/eventing";
import { type CommandContext, type CommandHandler, handle, Refusal } from "@outrider/platform";
import { names, turnLimits } from "./config.ts";
import { type ContactRefusal, foundByPerson } from "./contact.ts";
import { type Because, causeOf, type Sms } from "./context.ts";
import { type LineCommand, type LineRefusal, leftOn } from "./line.ts";
import { type LineNow, lineNow } from "./line-now.ts";
import { dayOf } from "./local-day.ts";
import { ensurePoll } from "./poll.ts";
import { scheduleWanted } from "./tail.ts";
import { askForTurns } from "./turns.ts";

const becauseOf = ({ correlation, causation, actor, traceparent }: CommandContext): Because => ({
  correlation,
  causation,
  actor,
  traceparent,
});

/** What this service does when it is asked. */
export const smsHandlers = (sms: Sms): readonly CommandHandler[] => [
  ...lineHandlers(sms),
  ...contactHandlers(sms),
  ...inboundHandlers(sms),
];

const refused: Readonly<Record<LineRefusal, readonly ["not-found" | "refused" | "conflict", string]>> = {
  "no-such-line": ["not-found", "this line was never connected"],
  "already-open-differently": ["conflict", "this line was connected through another provider; choose another name"],
  "nothing-to-spread": [
    "refused",
    "a line that spreads needs a least gap (minGapMs above 0) and a limit of recipients a day or a month, by which its day is shared",
  ],
};

const lineHandlers = (sms: Sms): readonly CommandHandler[] => {
  const change = async (account: AccountId, line: string, command: LineCommand, context: CommandContext): Promise<{ seq: number }> => {
    const outcome = await sms.lines.execute(subjects.smsLine(account, line), command, causeOf(sms, becauseOf(context), context.commandId));
    if (outcome.kind === "refused") throw new Refusal(...refused[outcome.refusal], outcome.refusal);
    return { seq: outcome.revision };
  };
  return [
    handle(smsCommands.connect, async ({ account, line, provider, apiKey, webhookSecret, limits }, context) => {
      const online = await sms.providers[provider].phoneOnline({ apiKey });
      if (online === "key-refused") throw new Refusal("refused", "the provider refuses this API key", "key-refused");
      if (online === undefined) throw new Refusal("unavailable", "the provider did not answer; nothing was connected");
      const credentials = sms.sealer.seal(JSON.stringify({ apiKey, ...(webhookSecret === undefined ? {} : { webhookSecret }) }));
      const { timeZone } = await sms.service.ask(registryCommands.account, { account }, { traceparent: context.traceparent });
      const opened = await change(account, line, { type: "Open", line, provider, timeZone, limits }, context);
      await sms.service.ask(
        registryCommands.connectProvider,
        { account, provider, line, credentials },
        {
          commandId: `${context.commandId}:connect`,
          correlation: context.correlation,
          actor: context.actor,
          traceparent: context.traceparent,
        },
      );
      await ensurePoll(sms, account, line, sms.service.clock.realNow(), becauseOf(context));
      return { line, online, seq: opened.seq };
    }),
    handle(smsCommands.changeLimits, ({ account, line, limits }, context) =>
      change(account, line, { type: "ChangeLimits", limits }, context),
    ),
    handle(smsCommands.pauseLine, ({ account, line, by, reason }, context) =>
      change(account, line, { type: "Pause", by, reason, over: names.actor }, context),
    ),
    handle(smsCommands.resumeLine, ({ account, line, by }, context) => change(account, line, { type: "Resume", by }, context)),
    handle(smsCommands.testLine, async ({ account, line }) => {
      const connected = sms.connected(account, line);
      if (connected === undefined) throw new Refusal("not-found", "this line was never connected", "no-such-line");
      const online = await connected.provider.phoneOnline(connected.access);
      if (online === undefined) return { phone: "unanswered" as const };
      return { phone: online === "key-refused" ? online : online ? ("online" as const) : ("offline" as const) };
    }),
    handle(smsCommands.line, async ({ account, line }) => {
      const { state, revision } = await sms.lines.fold(subjects.smsLine(account, line));
      if (state.opened === undefined) return { exists: false, paused: false, leftToday: 0, revision };
      const { date } = dayOf(sms.service.clock.now(), sms.accounts.account(account)?.timeZone ?? "UTC");
      return { exists: true, paused: state.paused !== undefined, leftToday: leftOn(state, date), limits: state.limits, revision };
    }),
  ];
};

const explained: Readonly<Record<ContactRefusal, string>> = {
  "attempt-open": "an attempt is under way",
  "not-waiting": "the contact does not wait for an attempt",
  "not-this-attempt": "the attempt has ended otherwise",
  "too-early": "the attempt may still get its outcome; try again a minute after its end",
  "accepted-otherwise": "the provider had accepted it under another reference",
  "not-accepted": "the contact was not accepted",
  "cannot-resend": "only what is unknown or was rejected can be sent again",
  "reservation-needed": "credits must be reserved first",
  "reservation-over": "the credits were held for too long and may have been given back; ask again",
};

const contactHandlers = (sms: Sms): readonly CommandHandler[] => [
  handle(smsCommands.request, async ({ account, request, reservedUntil }, context) => {
    if (request.channel !== "sms") throw new Refusal("invalid-request", "this service sends by SMS alone");
    const line = lineNow(sms, account, request.line); // its answer comes while the contact is asked for
    line.catch(() => undefined); // who has no turn to ask for does not need it
    await promiseTurn(sms, account, request.contact, context);
    const outcome = await sms.contacts.execute(
      subjects.smsContact(account, request.contact),
      { type: "Request", request, reservedUntil, now: sms.service.clock.realNow() },
      { ...causeOf(sms, becauseOf(context), context.commandId), deadline: performance.now() + requestAppendedWithinMs },
    );
    if (outcome.kind === "refused") throw new Refusal("conflict", explained[outcome.refusal], outcome.refusal);
    const { state, revision } = outcome;
    if (state.status === "none") throw new Refusal("internal", "the contact could not be asked for");
    const waits = state.status === "requested" && state.request.reservation === request.reservation;
    if (waits) await turnFor(sms, account, state.request, context, line);
    const took: "requested" | "redundant" = state.request.reservation === request.reservation ? "requested" : "redundant";
    return { contact: request.contact, outcome: took, seq: revision };
  }),
  handle(smsCommands.contact, async ({ account, contact }) => {
    const { state, revision } = await sms.contacts.fold(subjects.smsContact(account, contact));
    if (state.status === "none") return { exists: false, status: "none", credits: 0, revision };
    return {
      exists: true,
      status: state.status,
      ...(state.status === "gated" ? { rule: state.rule } : {}),
      credits: state.request.credits,
      request: state.request,
      revision,
    };
  }),
  handle(smsCommands.resolve, async ({ account, contact, as, by }, context) => {
    const subject = subjects.smsContact(account, contact);
    const { state } = await sms.contacts.fold(subject);
    if (state.status === "none") throw new Refusal("not-found", "there is no such contact");
    const { attempt } = state;
    if (as === "send-again") await promiseTurn(sms, account, contact, context);
    const command =
      as === "sent"
        ? ({ type: "Accept", attempt, providerId: foundByPerson(contact), by: "person" } as const)
        : as === "not-sent"
          ? ({ type: "Reject", attempt, reason: "a person found that it was not sent", by: "person" } as const)
          : await sendAgain(sms, account, by, state, context);
    const outcome = await sms.contacts.execute(subject, command, {
      ...causeOf(sms, becauseOf(context), context.commandId),
      deadline: performance.now() + requestAppendedWithinMs,
    });
    if (outcome.kind === "refused") throw new Refusal("refused", explained[outcome.refusal], outcome.refusal);
    if (outcome.state.status === "requested") await turnFor(sms, account, outcome.state.request, context);
    return { seq: outcome.revision };
  }),
];

const turnFor = (
  sms: Sms,
  account: AccountId,
  { line, contact, person }: ContactRequest,
  context: CommandContext,
  told?: Promise<LineNow>,
): Promise<void> => askForTurns(sms, account, line, [{ contact, person }], becauseOf(context), true, told);

/** Before a contact is asked for: should we be killed before it has asked for its turn, and the caller not come back, it still gets one. */
const promiseTurn = (sms: Sms, account: AccountId, contact: ContactId, context: CommandContext) =>
  scheduleWanted(sms, account, contact, new Date(sms.service.clock.nowMs() + turnLimits.promisedAfterMs).toISOString(), becauseOf(context));

const sendAgain = async (sms: Sms, account: AccountId, by: string, state: Parameters<typeof anew>[2], context: CommandContext) => {
  const reservation = await anew(sms, account, state, context);
  return { type: "SendAgain", by, now: sms.service.clock.realNow(), reservation } as const;
};

/** A resend out of rejected is paid anew; out of unknown the hold is still there. */
const anew = async (
  sms: Sms,
  account: AccountId,
  state: { readonly status: string; readonly request: ContactRequest; readonly attempt: number },
  context: CommandContext,
) => {
  if (state.status !== "rejected") return undefined;
  const { contact, credits } = state.request;
  const reservation = `again-${hashId(contact, state.attempt)}`;
  return { reservation, credits, until: await hold(sms, account, { contact, reservation, credits }, context) };
};

/** Holds the price of one contact; the answer is until when (real time) the contact must have been asked for with it. */
const hold = async (
  { service }: Sms,
  account: AccountId,
  { contact, reservation, credits }: Pick<ContactRequest, "contact" | "reservation" | "credits">,
  { correlation, actor, traceparent }: CommandContext,
): Promise<string | undefined> => {
  if (credits === 0) return undefined;
  const { until } = await service.ask(
    ledgerCommands.reserve,
    { account, reservation, most: credits, atLeast: credits, purpose: "request", contact },
    { commandId: reservation, correlation, actor, traceparent },
  );
  return until;
};

/** Who wrote out of the blue is answered through the account's line, if there is but one. */
const onlyLine = (sms: Sms, account: AccountId): LineId | undefined => {
  const [first, ...more] = sms.accounts.account(account)?.providers.keys() ?? [];
  return more.length === 0 && first !== undefined ? lineId.parse(first) : undefined;
};

const inboundHandlers = (sms: Sms): readonly CommandHandler[] => [
  handle(smsCommands.markInbound, async ({ account, inbound, as, by }, context) => {
    const cause = causeOf(sms, becauseOf(context), context.commandId);
    const outcome = await sms.inbounds.execute(subjects.smsInbound(account, inbound), { type: "Mark", as, by }, cause);
    if (outcome.kind === "refused") throw new Refusal("not-found", "there is no such message");
    return { seq: outcome.revision };
  }),
  handle(smsCommands.answerInbound, async ({ account, inbound, text, by }, context) => {
    const { state } = await sms.inbounds.fold(subjects.smsInbound(account, inbound));
    if (state.status === "none") throw new Refusal("not-found", "there is no such message");
    const { person, contact: answered, line } = state.received;
    if (person === undefined) throw new Refusal("refused", "the sender has no number that could be answered", "no-number");
    const subject = answered === undefined ? undefined : (await sms.contacts.fold(subjects.smsContact(account, answered))).state;
    const through = line ?? (subject === undefined || subject.status === "none" ? onlyLine(sms, account) : subject.request.line);
    if (through === undefined) throw new Refusal("refused", "no line is known to answer through", "no-line");
    const contact = contactId.parse(hashId("answer", account, inbound, withoutDigest(context.commandId)));
    const reservation = `answer-${contact}`;
    const price = sms.service.config.SMS_PRICE_CREDITS;
    // Asked for before: paid for before, however long ago.
    const { state: earlier } = await sms.contacts.fold(subjects.smsContact(account, contact));
    const reservedUntil =
      earlier.status === "none" ? await hold(sms, account, { contact, reservation, credits: price }, context) : undefined;
    const request: ContactRequest = {
      contact,
      person,
      channel: "sms",
      line: through,
      step: 1,
      text,
      // Whoever wrote to us may be answered; an opt-out still stops it.
      purpose: "service",
      legalBasis: "consent",
      noCanvassing: false,
      ownerType: "unknown",
      reservation,
      credits: price,
    };
    await promiseTurn(sms, account, contact, context);
    const outcome = await sms.contacts.execute(
      subjects.smsContact(account, contact),
      { type: "Request", request, reservedUntil, now: sms.service.clock.realNow() },
      { ...causeOf(sms, becauseOf(context), context.commandId), deadline: performance.now() + requestAppendedWithinMs },
    );
    if (outcome.kind === "refused") throw new Refusal("conflict", explained[outcome.refusal], outcome.refusal);
    if (outcome.state.status === "requested") await turnFor(sms, account, request, context);
    await sms.inbounds.execute(
      subjects.smsInbound(account, inbound),
      { type: "Answer", contact, by },
      causeOf(sms, becauseOf(context), `${context.commandId}:answered`),
    );
    return { contact, seq: outcome.revision };
  }),
];
