import { type ContactEvent, type ContactRequest, graceAfterAttemptMs, refusedWaitMostMs } from "@outrider/contracts/contact";
import { accept, type Decider, type Decision, refuse, unreachable } from "@outrider/eventing/decider";

/** Where one contact stands. `request` is the asking that counts now: its reservation pays. */
export type Contact =
  | { readonly status: "none" }
  | (Open & { readonly status: "requested"; readonly notBefore?: string })
  | (Open & { readonly status: "attempting" | "unknown"; readonly until: string })
  | (Open & {
      readonly status: "accepted" | "failed";
      readonly providerId: string;
      readonly sent: boolean;
      readonly delivered: boolean;
      readonly replies: readonly string[];
    })
  | (Open & { readonly status: "rejected"; readonly reason: string })
  | (Open & { readonly status: "gated"; readonly rule: string });

interface Open {
  readonly request: ContactRequest;
  /** Attempts started so far, over all askings. */
  readonly attempt: number;
  /** Of this asking: attempts that never left, and those that the provider refused for now. */
  readonly abandoned: number;
  readonly refusals: number;
  /** Other reservations that were asked with, and so are settled; the last few. */
  readonly spent: readonly string[];
}

export type ContactCommand =
  /** `reservedUntil`: what pays for it may have been given back after this moment (real time, as `now`). */
  | {
      readonly type: "Request";
      readonly request: ContactRequest;
      readonly reservedUntil?: string | undefined;
      readonly now?: string | undefined;
    }
  | (OfAsking & { readonly type: "Start"; readonly attempt: number; readonly until: string; readonly now: string })
  | { readonly type: "Abandon"; readonly attempt: number; readonly because: string }
  | { readonly type: "Accept"; readonly attempt: number; readonly providerId: string; readonly by: "answer" | "reconciliation" | "person" }
  | { readonly type: "Reject"; readonly attempt: number; readonly reason: string; readonly by: "answer" | "reconciliation" | "person" }
  | {
      readonly type: "RefuseForNow";
      readonly attempt: number;
      readonly reason: string;
      /** What the provider wants to be waited, ms; twice as long after each further refusal. */
      readonly waitMs: number;
      readonly now: string;
      readonly attemptsAtMost: number;
    }
  /** `holder`: the execution that holds the attempt; `anybody` only once the attempt is a minute past its end (real time). */
  | { readonly type: "NoAnswer"; readonly attempt: number; readonly cause: string; readonly by: "holder" | "anybody"; readonly now: string }
  | (OfAsking & { readonly type: "Gate"; readonly rule: string; readonly remedy?: string | undefined })
  | (OfAsking & { readonly type: "Defer"; readonly rule: string; readonly until: string })
  | { readonly type: "Sent"; readonly at: string }
  | { readonly type: "Delivered"; readonly at: string }
  | { readonly type: "Fail"; readonly at: string; readonly reason: string }
  | { readonly type: "Reply"; readonly inbound: ContactReply["inbound"]; readonly at: string; readonly stop: boolean }
  | {
      readonly type: "SendAgain";
      readonly by: string;
      readonly now: string;
      /** Taken anew when the contact was rejected; out of unknown the old hold is used. */
      readonly reservation?: { readonly reservation: string; readonly credits: number; readonly until?: string | undefined } | undefined;
    };

/**
 * The reservation of the asking that was looked at: another one, which a replica may not have heard of yet, has its own text and line. Undefined:
 * whichever counts now.
 */
interface OfAsking {
  readonly reservation?: string | undefined;
}

type ContactReply = Extract<ContactEvent, { type: "ContactReplied" }>["data"];

export type ContactRefusal =
  | "attempt-open"
  | "not-waiting"
  | "not-this-attempt"
  | "too-early"
  | "accepted-otherwise"
  | "not-accepted"
  | "cannot-resend"
  | "reservation-needed"
  | "reservation-over";

const noneYet = { abandoned: 0, refusals: 0 };
const rememberedSpent = 32;
const rememberedReplies = 50;

/** What stands for the provider's id of a message that a person found to be sent: no provider knows it. */
export const foundByPerson = (contact: string): string => `${personsOwn}${contact}`;
export const isFoundByPerson = (providerId: string): boolean => providerId.startsWith(personsOwn);
const personsOwn = "person:";

/** One person, one hunt and step, one message: requested → attempted → accepted | rejected | unknown | gated, then what comes back. */
export const contact: Decider<Contact, ContactCommand, ContactEvent, ContactRefusal> = {
  initial: () => ({ status: "none" }),

  evolve: (state, { type, data }) => {
    if (type === "ContactRequested") {
      const before =
        state.status === "none"
          ? { attempt: 0, spent: [] }
          : { attempt: state.attempt, spent: [...state.spent, state.request.reservation].slice(-rememberedSpent) };
      return { status: "requested", request: data, ...before, ...noneYet };
    }
    if (state.status === "none") return state; // nothing else can come first
    const { request, attempt, abandoned, refusals, spent } = state;
    const open = { request, attempt, abandoned, refusals, spent };
    switch (type) {
      case "RequestRedundant":
        return { ...state, spent: [...spent, data.reservation].slice(-rememberedSpent) };
      case "AttemptStarted":
        return { status: "attempting", ...open, attempt: data.attempt, until: data.until };
      case "AttemptAbandoned":
        return { status: "requested", ...open, abandoned: abandoned + 1 };
      case "AttemptRefusedForNow":
        return { status: "requested", ...open, refusals: refusals + 1, notBefore: data.notBefore };
      case "ContactDeferred":
        return { status: "requested", ...open, notBefore: data.until };
      case "AttemptUnknown":
        return { status: "unknown", ...open, until: "until" in state ? state.until : "" };
      case "ContactAccepted":
        return { status: "accepted", ...open, providerId: data.providerId, sent: false, delivered: false, replies: [] };
      case "ContactRejected":
        return { status: "rejected", ...open, reason: data.reason };
      case "ContactGated":
        return { status: "gated", ...open, rule: data.rule };
      case "ContactSent":
        return "sent" in state ? { ...state, sent: true } : state;
      case "ContactDelivered":
        return "delivered" in state ? { ...state, delivered: true } : state;
      case "ContactFailed":
        return "sent" in state ? { ...state, status: "failed" } : state;
      case "ContactReplied":
        return "replies" in state ? { ...state, replies: [...state.replies, data.inbound].slice(-rememberedReplies) } : state;
      case "ResendAsked":
        return {
          status: "requested",
          ...open,
          ...noneYet,
          spent: data.reservation === request.reservation ? spent : [...spent, request.reservation].slice(-rememberedSpent),
          request: { ...request, reservation: data.reservation, credits: data.credits },
        };
      default:
        return unreachable(type);
    }
  },

  decide: (state, command) => {
    if (command.type === "Request") return request(state, command);
    if (state.status === "none") return refuse("not-waiting");
    const { reservation, credits } = state.request;
    const paid = { reservation, credits };
    switch (command.type) {
      case "Start":
        if (state.status === "attempting") return refuse("attempt-open");
        if (!waits(state, command) || command.attempt !== state.attempt + 1) return refuse("not-waiting");
        if (state.notBefore !== undefined && state.notBefore > command.now) return refuse("too-early");
        return accept({ type: "AttemptStarted", data: { attempt: command.attempt, until: command.until } });
      case "Abandon":
        if (state.status === "requested" && state.attempt === command.attempt) return accept();
        return holds(state, command.attempt)
          ? accept({ type: "AttemptAbandoned", data: { attempt: command.attempt, because: command.because } })
          : refuse("not-this-attempt");
      case "Accept": {
        const { attempt, providerId, by } = command;
        if (by === "person" && state.status === "attempting") return refuse("attempt-open");
        if (state.status === "accepted" || state.status === "failed") {
          return state.providerId === providerId ? accept() : refuse("accepted-otherwise");
        }
        return holds(state, attempt)
          ? accept({ type: "ContactAccepted", data: { attempt, providerId, by, ...paid } })
          : refuse("not-this-attempt");
      }
      case "Reject": {
        const { attempt, reason, by } = command;
        if (by === "person" && state.status === "attempting") return refuse("attempt-open");
        if (state.status === "rejected" && state.attempt === attempt) return accept();
        return holds(state, attempt)
          ? accept({ type: "ContactRejected", data: { attempt, reason, by, ...paid } })
          : refuse("not-this-attempt");
      }
      case "RefuseForNow": {
        const { attempt, reason, waitMs, now } = command;
        if (!holds(state, attempt)) return refuse("not-this-attempt");
        return state.refusals + 1 >= command.attemptsAtMost
          ? accept({ type: "ContactRejected", data: { attempt, reason, by: "answer", ...paid } })
          : accept({ type: "AttemptRefusedForNow", data: { attempt, reason, notBefore: later(now, waitMs * 2 ** state.refusals) } });
      }
      case "NoAnswer":
        if (state.status === "unknown" && state.attempt === command.attempt) return accept();
        if (state.status !== "attempting" || state.attempt !== command.attempt) return refuse("not-this-attempt");
        if (command.by === "anybody" && !isPastGrace(state.until, command.now)) return refuse("too-early");
        return accept({ type: "AttemptUnknown", data: { attempt: command.attempt, cause: command.cause } });
      case "Gate":
        if (state.status === "gated") return accept();
        return waits(state, command)
          ? accept({
              type: "ContactGated",
              data: { rule: command.rule, ...(command.remedy === undefined ? {} : { remedy: command.remedy }), ...paid },
            })
          : refuse("not-waiting");
      case "Defer":
        if (!waits(state, command)) return refuse("not-waiting");
        return state.notBefore === command.until
          ? accept()
          : accept({ type: "ContactDeferred", data: { rule: command.rule, until: command.until } });
      case "Sent":
        if (state.status === "failed") return accept(); // out of order: it failed after it was sent
        if (state.status !== "accepted") return refuse("not-accepted");
        return state.sent ? accept() : accept({ type: "ContactSent", data: { at: command.at } });
      case "Delivered":
        if (state.status !== "accepted") return refuse("not-accepted");
        return state.delivered ? accept() : accept({ type: "ContactDelivered", data: { at: command.at } });
      case "Fail":
        if (state.status === "failed") return accept();
        return state.status === "accepted"
          ? accept({ type: "ContactFailed", data: { at: command.at, reason: command.reason, ...paid } })
          : refuse("not-accepted");
      case "Reply":
        if (!("replies" in state)) return refuse("not-accepted");
        return state.replies.includes(command.inbound)
          ? accept()
          : accept({ type: "ContactReplied", data: { inbound: command.inbound, at: command.at, stop: command.stop } });
      case "SendAgain":
        return sendAgain(state, command);
      default:
        return unreachable(command);
    }
  },
};

/**
 * Asked with a reservation that was asked with before: nothing. New or gated: it begins, if what pays for it is still held. Anything else:
 * the credits of this asking go back.
 */
const request = (
  state: Contact,
  { request: asked, reservedUntil, now }: Extract<ContactCommand, { type: "Request" }>,
): Decision<ContactEvent, ContactRefusal> => {
  const { run, pass, reservation, credits } = asked;
  if (state.status !== "none" && (state.request.reservation === reservation || state.spent.includes(reservation))) return accept();
  if (isOver(reservedUntil, now)) return refuse("reservation-over");
  if (state.status === "none" || state.status === "gated") return accept({ type: "ContactRequested", data: asked });
  return accept({
    type: "RequestRedundant",
    data: { ...(run === undefined ? {} : { run }), ...(pass === undefined ? {} : { pass }), reservation, credits },
  });
};

const isOver = (until: string | undefined, now: string | undefined): boolean =>
  until !== undefined && now !== undefined && Date.parse(now) > Date.parse(until);

const later = (now: string, ms: number): string => new Date(Date.parse(now) + Math.min(ms, refusedWaitMostMs)).toISOString();

const waits = (state: Contact, { reservation }: OfAsking): state is Extract<Contact, { status: "requested" }> =>
  state.status === "requested" && (reservation === undefined || reservation === state.request.reservation);

/** The attempt may still get its outcome: it is open, or it became unknown. */
const holds = (state: Contact, attempt: number): state is Extract<Contact, { status: "attempting" | "unknown" }> =>
  (state.status === "attempting" || state.status === "unknown") && state.attempt === attempt;

export const isPastGrace = (until: string, now: string): boolean => Date.parse(now) >= Date.parse(until) + graceAfterAttemptMs;

const sendAgain = (
  state: Exclude<Contact, { status: "none" }>,
  { by, now, reservation }: Extract<ContactCommand, { type: "SendAgain" }>,
): Decision<ContactEvent, ContactRefusal> => {
  if (state.status === "unknown") {
    const { reservation: held, credits } = state.request;
    return isPastGrace(state.until, now) ? accept({ type: "ResendAsked", data: { by, reservation: held, credits } }) : refuse("too-early");
  }
  if (state.status !== "rejected") return refuse("cannot-resend");
  if (reservation === undefined) return refuse("reservation-needed");
  const { until, ...paid } = reservation;
  return isOver(until, now) ? refuse("reservation-over") : accept({ type: "ResendAsked", data: { by, ...paid } });
};
