import type { SmsEvent } from "@outrider/contracts/sms";
import { perEvent } from "../view.ts";

/** Webhooks for which no contact was found within a day. */
export const unmatched = perEvent<"unmatched", SmsEvent>(
  "unmatched",
  "sms.ref",
  { version: 2, indexes: [{ account: 1, _seq: -1 }] },
  (event, { id }) => (event.type === "WebhookUnmatched" ? { ref: id, ...event.data } : undefined),
);
