import type { SmsEvent } from "@outrider/contracts/sms";
import { perAggregate } from "../view.ts";

/** What people wrote back. The text stays sealed. */
export const replies = perAggregate<"replies", SmsEvent>(
  "replies",
  "sms.inbound",
  {
    version: 1,
    indexes: [
      { account: 1, at: -1 },
      { account: 1, hunt: 1, at: -1 },
      { account: 1, person: 1, at: -1 },
    ],
  },
  (document, event) => {
    if (event.type === "InboundReceived") return { ...event.data, mark: "unread", answers: [] };
    if (document === undefined) return undefined;
    switch (event.type) {
      case "InboundMarked":
        return { ...document, mark: event.data.as, markedBy: event.data.by };
      case "InboundAnswered":
        return { ...document, answers: [...document.answers, event.data.contact] };
      default:
        return document; // other aggregates of the stream have their own views
    }
  },
);
