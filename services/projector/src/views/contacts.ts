import type { ContactEvent } from "@outrider/contracts/contact";
import type { SmsEvent } from "@outrider/contracts/sms";
import { type Body, perAggregate, without } from "../view.ts";

type Contact = Body<"contacts">;
/** Who is gated day after day is counted in the runs of the last month, and in those before not any more. */
const mostEarlier = 30;

/** The gate's name for it: for the run that asked, a redundant request is a contact that its rule has kept back. */
const alreadyContacted = "already-contacted";

type OneOf<Type extends ContactEvent["type"]> = Extract<ContactEvent, { type: Type }>;

/** One document per contact, from the request to the last reply. The text stays sealed. */
export const contacts = perAggregate<"contacts", SmsEvent>(
  "contacts",
  "sms.contact",
  {
    version: 3,
    indexes: [
      { account: 1, hunt: 1, status: 1 },
      { account: 1, status: 1 },
      { account: 1, person: 1 },
    ],
  },
  (document, event, { at }) => {
    if (event.type === "ContactRequested") return requested(document, event, at);
    if (document === undefined) return undefined;
    switch (event.type) {
      case "RequestRedundant":
        return { ...withEarlier(document, event.data.run, alreadyContacted), redundant: document.redundant + 1 };
      case "ResendAsked": {
        const { reservation, credits } = event.data;
        return { ...fresh(document), status: "requested", reservation, credits, requestedAt: at, requests: document.requests + 1 };
      }
      case "AttemptStarted":
        return { ...document, status: "attempting", attempts: document.attempts + 1, attemptedAt: at };
      case "AttemptAbandoned":
      case "AttemptRefusedForNow":
        return { ...document, status: "requested", reason: event.type === "AttemptAbandoned" ? event.data.because : event.data.reason };
      case "ContactDeferred":
        return { ...document, status: "deferred", rule: event.data.rule, deferredUntil: event.data.until };
      case "ContactAccepted":
      case "ContactRejected":
      case "AttemptUnknown":
      case "ContactGated":
        return ended(document, event, at);
      case "ContactSent":
      case "ContactDelivered":
      case "ContactFailed":
      case "ContactReplied":
        return followedUp(document, event);
      default:
        return document; // other aggregates of the stream have their own views
    }
  },
);

/** What the last asking came to does not count for the new one; replies and attempts do. */
const fresh = (document: Contact) =>
  without(document, "outcome", "rule", "remedy", "reason", "by", "endedAt", "deferredUntil", "sentAt", "deliveredAt", "failedAt");

/** A run's allocations come to as many outcomes, also where a later pass or day has asked for the same contact. */
const withEarlier = (document: Contact, run: Contact["run"], rule: string | undefined): Contact =>
  run === undefined || rule === undefined
    ? document
    : { ...document, earlier: [...(document.earlier ?? []), { run, rule }].slice(-mostEarlier) };

const requested = (document: Contact | undefined, { data }: OneOf<"ContactRequested">, at: string): Contact => ({
  ...(document === undefined
    ? { attempts: 0, requests: 0, redundant: 0, replies: 0, stopped: false }
    : fresh(withEarlier(document, document.run, document.rule))),
  ...data,
  status: "requested",
  requests: (document?.requests ?? 0) + 1,
  requestedAt: at,
});

const ended = (
  before: Contact,
  event: OneOf<"ContactAccepted" | "ContactRejected" | "AttemptUnknown" | "ContactGated">,
  endedAt: string,
): Contact => {
  const document = { ...without(before, "rule", "remedy", "reason", "by", "deferredUntil"), endedAt };
  switch (event.type) {
    case "ContactAccepted":
      return { ...document, status: "accepted", outcome: "accepted", by: event.data.by };
    case "ContactRejected":
      return { ...document, status: "rejected", outcome: "rejected", reason: event.data.reason, by: event.data.by };
    case "AttemptUnknown":
      return { ...document, status: "unknown", outcome: "unknown", reason: event.data.cause };
    case "ContactGated": {
      const { rule, remedy } = event.data;
      return { ...document, status: "gated", outcome: "gated", rule, ...(remedy === undefined ? {} : { remedy }) };
    }
  }
};

const order = ["accepted", "sent", "delivered", "failed"];

/** Webhooks come late and out of order: the status only moves forward. */
const forward = (document: Contact, status: "sent" | "delivered" | "failed"): Contact["status"] =>
  order.indexOf(status) > order.indexOf(document.status) ? status : document.status;

const followedUp = (document: Contact, event: OneOf<"ContactSent" | "ContactDelivered" | "ContactFailed" | "ContactReplied">): Contact => {
  const { at } = event.data;
  switch (event.type) {
    case "ContactSent":
      return { ...document, status: forward(document, "sent"), sentAt: at };
    case "ContactDelivered":
      return { ...document, status: forward(document, "delivered"), deliveredAt: at };
    case "ContactFailed":
      return { ...document, status: forward(document, "failed"), failedAt: at, reason: event.data.reason };
    case "ContactReplied":
      return { ...document, replies: document.replies + 1, repliedAt: at, stopped: document.stopped || event.data.stop };
  }
};
