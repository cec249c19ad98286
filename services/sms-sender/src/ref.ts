import type { ContactId } from "@outrider/contracts/ids";
import type { RefEvent } from "@outrider/contracts/sms";
import { accept, type Decider, unreachable } from "@outrider/eventing/decider";

/** The provider's id of a message, so that what comes back finds its contact. */
export interface Ref {
  readonly contact?: ContactId;
  readonly attempt: number;
  readonly unmatched: readonly string[];
}

export type RefCommand =
  | { readonly type: "Record"; readonly contact: ContactId; readonly attempt: number; readonly providerId: string }
  | { readonly type: "GiveUp"; readonly event: string; readonly eventType: string; readonly at: string; readonly inbox: number };

export const ref: Decider<Ref, RefCommand, RefEvent, never> = {
  initial: () => ({ attempt: 0, unmatched: [] }),
  evolve: (state, { type, data }) => {
    switch (type) {
      case "RefRecorded":
        return { ...state, contact: data.contact, attempt: data.attempt };
      case "WebhookUnmatched":
        return { ...state, unmatched: [...state.unmatched, data.event].slice(-20) };
      default:
        return unreachable(type);
    }
  },
  decide: (state, command) => {
    switch (command.type) {
      case "Record": {
        const { contact, attempt, providerId } = command;
        return state.contact === undefined ? accept({ type: "RefRecorded", data: { contact, attempt, providerId } }) : accept();
      }
      case "GiveUp": {
        const { event, eventType, at, inbox } = command;
        return state.unmatched.includes(event)
          ? accept()
          : accept({ type: "WebhookUnmatched", data: { event, type: eventType, at, inbox } });
      }
      default:
        return unreachable(command);
    }
  },
};
