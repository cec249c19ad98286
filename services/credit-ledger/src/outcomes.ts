import type { ContactEvent } from "@outrider/contracts/contact";
import type { RunEvent } from "@outrider/contracts/hunts";
import { contactId } from "@outrider/contracts/ids";
import { unreachable } from "@outrider/eventing/decider";
import type { Outcome } from "./balance.ts";

type Settles = Pick<Outcome, "reservation" | "credits" | "kind">;

/** What an event of a contact does to held credits; undefined: nothing. It depends on the event alone, never on what came before. */
const ofContact = (event: ContactEvent): Settles | undefined => {
  switch (event.type) {
    case "ContactAccepted":
      return { ...paid(event.data), kind: "captured" };
    case "ContactRejected":
    case "ContactGated":
    case "RequestRedundant":
      return { ...paid(event.data), kind: "released" };
    case "ContactFailed":
      return { ...paid(event.data), kind: "refunded" };
    case "ContactRequested": // held by its reservation already
    case "ResendAsked": // out of unknown: on the hold that stayed; after rejected: on a new reservation
    case "AttemptUnknown": // keeps its hold until somebody knows
    case "AttemptStarted":
    case "AttemptAbandoned":
    case "AttemptRefusedForNow":
    case "ContactDeferred":
    case "ContactSent":
    case "ContactDelivered":
    case "ContactReplied":
      return undefined;
    default:
      return unreachable(event);
  }
};

const ofRun = (event: RunEvent): Settles | undefined =>
  event.type === "PassClosed" && event.data.reservation !== undefined
    ? { reservation: event.data.reservation, credits: event.data.rest, kind: "released" }
    : undefined;

const paid = ({ reservation, credits }: { readonly reservation: string; readonly credits: number }) => ({ reservation, credits });

/** The reservation whose hold an event of a contact ends; undefined: none. */
export const endedBy = (event: ContactEvent): string | undefined => {
  const settles = ofContact(event);
  return settles === undefined || settles.kind === "refunded" ? undefined : settles.reservation;
};

/** The outcomes in one message of a contact, in order. Free ones settle nothing. */
export const contactOutcomes = (id: string, seq: number, events: readonly ContactEvent[]): readonly Outcome[] =>
  events.flatMap((event) => {
    const settles = ofContact(event);
    return settles === undefined || settles.credits === 0 ? [] : [{ seq, contact: contactId.parse(id), ...settles, because: event.type }];
  });

/** What a closed pass gives back. */
export const runOutcomes = (_id: string, seq: number, events: readonly RunEvent[]): readonly Outcome[] =>
  events.flatMap((event) => {
    const settles = ofRun(event);
    return settles === undefined || settles.credits === 0 ? [] : [{ seq, ...settles, because: event.type }];
  });

/** Joins the outcomes of many messages so that each part fits one decision and no message is in two of them. */
export const parts = (messages: readonly (readonly Outcome[])[], most: number): readonly (readonly Outcome[])[] => {
  const all: Outcome[][] = [];
  for (const outcomes of messages) {
    const part = all.at(-1);
    if (part !== undefined && part.length + outcomes.length <= most) part.push(...outcomes);
    else if (outcomes.length > 0) all.push([...outcomes]);
  }
  return all;
};
