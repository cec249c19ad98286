import { z } from "zod";
import { codecOf, defineEvent, type EventOf, personal } from "./define.ts";
import { instant } from "./fields.ts";

/** A webhook as it came, before anyone interprets it. `receivedAt` is real time, also in a sandbox: signatures are checked by it. `request` opens to JSON `{headers, query, body}`; sealed by the day's key. */
export const webhookReceived = defineEvent(
  "WebhookReceived",
  1,
  z.object({ provider: z.string(), receivedAt: instant, request: personal("raw") }),
);
export const inboxEvents = [webhookReceived] as const;
export type InboxEvent = EventOf<typeof inboxEvents>;
export const inboxCodec = codecOf(inboxEvents);

/** What the sealed request of a webhook opens to. */
export const webhookRequest = z.object({
  headers: z.record(z.string(), z.string()),
  query: z.record(z.string(), z.string()),
  body: z.string(),
});

/** One piece of an uploaded file: sealed by the account's key. The last one says so, and how many `bytes` the file has in all. */
export const uploadPiece = defineEvent(
  "UploadPiece",
  1,
  z.object({ index: z.int(), piece: personal("raw"), last: z.boolean(), bytes: z.int().optional() }),
);
export type UploadPiece = z.output<typeof uploadPiece.schema>;
export const uploadEvents = [uploadPiece] as const;
export const uploadCodec = codecOf(uploadEvents);

/** What became of a message that no handler could digest. */
export const deadLetter = z.object({
  at: instant,
  service: z.string(),
  consumer: z.string(),
  stream: z.string(),
  seq: z.int(),
  subject: z.string(),
  reason: z.string(),
  deliveries: z.int(),
  trace: z.string().optional(),
});
export type DeadLetter = z.output<typeof deadLetter>;
