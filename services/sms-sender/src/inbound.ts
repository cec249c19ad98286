import type { ContactId } from "@outrider/contracts/ids";
import type { InboundEvent } from "@outrider/contracts/sms";
import { accept, type Decider, refuse, unreachable } from "@outrider/eventing/decider";

type Received = Extract<InboundEvent, { type: "InboundReceived" }>["data"];
type Mark = Extract<InboundEvent, { type: "InboundMarked" }>["data"]["as"];

export type Inbound =
  | { readonly status: "none" }
  | { readonly status: "received"; readonly received: Received; readonly mark: Mark; readonly answers: readonly ContactId[] };

export type InboundCommand =
  | { readonly type: "Receive"; readonly received: Received }
  | { readonly type: "Mark"; readonly as: Mark; readonly by: string }
  | { readonly type: "Answer"; readonly contact: ContactId; readonly by: string };

/** What a person wrote, once, however often the provider tells it. */
export const inbound: Decider<Inbound, InboundCommand, InboundEvent, "no-such-message"> = {
  initial: () => ({ status: "none" }),
  evolve: (state, { type, data }) => {
    if (type === "InboundReceived") return { status: "received", received: data, mark: "unread", answers: [] };
    if (state.status === "none") return state;
    switch (type) {
      case "InboundMarked":
        return { ...state, mark: data.as };
      case "InboundAnswered":
        return { ...state, answers: [...state.answers, data.contact].slice(-50) };
      default:
        return unreachable(type);
    }
  },
  decide: (state, command) => {
    if (command.type === "Receive") return state.status === "none" ? accept({ type: "InboundReceived", data: command.received }) : accept();
    if (state.status === "none") return refuse("no-such-message");
    switch (command.type) {
      case "Mark":
        return state.mark === command.as ? accept() : accept({ type: "InboundMarked", data: { as: command.as, by: command.by } });
      case "Answer":
        return state.answers.includes(command.contact)
          ? accept()
          : accept({ type: "InboundAnswered", data: { contact: command.contact, by: command.by } });
      default:
        return unreachable(command);
    }
  },
};
