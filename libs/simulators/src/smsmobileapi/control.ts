/** The control API of the simulator: what tests and operators may set and read. The vendor knows nothing of it. */

/** Shares are 0..1 of messages; the ten fates of a request exclude each other, so their sum may not exceed 1. */
export type Faults = {
  /** Milliseconds before every answer, plus up to `latencyJitterMs` more. */
  latencyMs: number;
  latencyJitterMs: number;
  // Not accepted:
  /** Application error inside HTTP 200. */
  refuse: number;
  /** HTTP 400. */
  badRequest: number;
  /** HTTP 403, as for an expired key. */
  forbidden: number;
  /** HTTP 429 with `Retry-After: retryAfterS`. */
  tooMany: number;
  retryAfterS: number;
  /** HTTP 500, nothing accepted. */
  serverErrorBefore: number;
  /** Connection reset, nothing accepted. */
  cutBefore: number;
  // Accepted, and the caller cannot know it:
  /** HTTP 500 although accepted; the same bytes as `serverErrorBefore`. */
  serverErrorAfter: number;
  /** Connection reset after accepting. */
  cutAfter: number;
  /** Accepted, and no answer ever. */
  hangAfter: number;
  /** Accepted, answered by HTTP 200 with a page that is not JSON. */
  nonJson: number;
  // What the phone does with an accepted message:
  /** The phone could not send it: `sms.failed`. */
  failDelivery: number;
  /** Accepted and never sent. At 1 the phone is also listed as offline. */
  phoneOffline: number;
  /** Milliseconds from accepting to the phone having sent. */
  sendingMs: number;
  // Webhooks:
  webhooks: boolean;
  webhookNever: number;
  webhookDouble: number;
  webhookLateMs: number;
  /** Half of them overtake the answer of their own request, half are overtaken by what comes later (and by the reply). */
  webhookOutOfOrder: number;
  // Reading endpoints:
  /** GET /log/sent/sms/, /getsms/ and /gateway/mobile/list/ answer HTTP 500. */
  readError: number;
  /** Milliseconds before an accepted message shows in the sent log. */
  sentLogLateMs: number;
};

export const noFaults: Faults = {
  latencyMs: 0,
  latencyJitterMs: 0,
  refuse: 0,
  badRequest: 0,
  forbidden: 0,
  tooMany: 0,
  retryAfterS: 1,
  serverErrorBefore: 0,
  cutBefore: 0,
  serverErrorAfter: 0,
  cutAfter: 0,
  hangAfter: 0,
  nonJson: 0,
  failDelivery: 0,
  phoneOffline: 0,
  sendingMs: 200,
  webhooks: true,
  webhookNever: 0,
  webhookDouble: 0,
  webhookLateMs: 0,
  webhookOutOfOrder: 0,
  readError: 0,
  sentLogLateMs: 0,
};

// `forbidden` stays 0 in the presets: one 403 rightly pauses a whole account, which ends a run instead of disturbing it.
export const presets = {
  none: noFaults,
  some: {
    ...noFaults,
    latencyMs: 10,
    latencyJitterMs: 40,
    refuse: 0.02,
    badRequest: 0.01,
    tooMany: 0.03,
    serverErrorBefore: 0.01,
    cutBefore: 0.01,
    serverErrorAfter: 0.01,
    cutAfter: 0.01,
    hangAfter: 0.002,
    nonJson: 0.005,
    failDelivery: 0.03,
    phoneOffline: 0.01,
    webhookNever: 0.02,
    webhookDouble: 0.05,
    webhookOutOfOrder: 0.05,
    readError: 0.02,
  },
  many: {
    ...noFaults,
    latencyMs: 20,
    latencyJitterMs: 180,
    refuse: 0.08,
    badRequest: 0.04,
    tooMany: 0.1,
    serverErrorBefore: 0.05,
    cutBefore: 0.05,
    serverErrorAfter: 0.05,
    cutAfter: 0.05,
    hangAfter: 0.01,
    nonJson: 0.02,
    failDelivery: 0.1,
    phoneOffline: 0.05,
    webhookNever: 0.1,
    webhookDouble: 0.3,
    webhookLateMs: 500,
    webhookOutOfOrder: 0.3,
    readError: 0.1,
    sentLogLateMs: 500,
  },
} as const satisfies Record<string, Faults>;

export type Preset = keyof typeof presets;

/** Recipients that answer by themselves: `share` of the numbers, `delayMs` after the phone sent the first message to them. */
export type Replies = { share: number; texts: string[]; delayMs: number };

/** Where the events of one API key go. `nextSecret` is set while the secret is being rotated. `url: null` removes the destination. */
export type WebhookDestination = { apiKey: string; url: string | null; secret?: string; nextSecret?: string };

/** A person writes. Without `apiKey` or `to` (a phone's SID), the account that last wrote to `from` gets it. */
export type Inbound = { from: string; text: string; to?: string; apiKey?: string };

/** What became of one request. */
export type RequestFate =
  | "accepted"
  | "refuse"
  | "badRequest"
  | "forbidden"
  | "tooMany"
  | "serverErrorBefore"
  | "cutBefore"
  | "serverErrorAfter"
  | "cutAfter"
  | "hangAfter"
  | "nonJson";

/** What the phone did with an accepted message. */
export type PhoneFate = "sent" | "failed" | "offline";

export type Operation = "sendsms" | "log/sent/sms" | "getsms" | "gateway/mobile/list" | "inbound";

/** One line of `GET /_sim/log`. */
export type LogRow = {
  /** Number of the call, from 0, in order of arrival. Lines come in order of their end. */
  row: number;
  at: string;
  operation: Operation;
  /** Recipient, null where the call has none. */
  to: string | null;
  /** Who wrote, of `inbound` alone. */
  from?: string;
  text: string | null;
  /** The platform took the message (always false but for `sendsms`). */
  accepted: boolean;
  /** The true answer was written whole. False after a reset, a hang, a 500 or a page in its place, or when the caller had gone. */
  answered: boolean;
  /** HTTP status that was written, null when none was. */
  status: number | null;
  /** The message's guid, null when not accepted. */
  id: string | null;
  /** First 12 hex digits of SHA-256 of the API key. */
  apiKey: string;
  fate: RequestFate;
  /** How often this key had asked for this number, this call included. 0 where the call has no number. */
  attempt: number;
  phone: PhoneFate | null;
};

export type Stats = {
  seed: number;
  rows: number;
  full: boolean;
  calls: Record<string, number>;
  fates: Record<string, number>;
  phones: Record<string, number>;
  accounts: number;
  pending: number;
  webhooks: { queued: number; delivered: number; retried: number; gaveUp: number; dropped: number };
  process: { rssMb: number; cpuMs: number; uptimeS: number };
};

const shares = new Set<keyof Faults>([
  "refuse",
  "badRequest",
  "forbidden",
  "tooMany",
  "serverErrorBefore",
  "cutBefore",
  "serverErrorAfter",
  "cutAfter",
  "hangAfter",
  "nonJson",
  "failDelivery",
  "phoneOffline",
  "webhookNever",
  "webhookDouble",
  "webhookOutOfOrder",
  "readError",
]);

/** Fates of a request in the order in which they take their part of 0..1; changing the order changes every seed. */
export const requestFaults = [
  "refuse",
  "badRequest",
  "forbidden",
  "tooMany",
  "serverErrorBefore",
  "cutBefore",
  "serverErrorAfter",
  "cutAfter",
  "hangAfter",
  "nonJson",
] as const satisfies readonly (keyof Faults & RequestFate)[];

export type Parsed<T> = { ok: true; value: T } | { ok: false; error: string };

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
const isShare = (value: unknown): value is number => typeof value === "number" && value >= 0 && value <= 1;
const isAmount = (value: unknown): value is number => typeof value === "number" && value >= 0 && value <= 86_400_000;
const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const isFault = (name: string): name is keyof Faults => Object.hasOwn(noFaults, name);
const no = (error: string): { ok: false; error: string } => ({ ok: false, error });

/** Lays the given faults over `base`. An unknown name, a bad value or shares above 1 together are an error that names them. */
export function parseFaults(base: Faults, body: unknown): Parsed<Faults> {
  if (!isRecord(body)) return no("a JSON object is expected");
  const value: Faults = { ...base };
  for (const [name, given] of Object.entries(body)) {
    if (!isFault(name)) return no(`unknown fault ${name}`);
    if (name === "webhooks") {
      if (typeof given !== "boolean") return no("webhooks must be true or false");
      value.webhooks = given;
    } else if (shares.has(name)) {
      if (!isShare(given)) return no(`${name} must be a share from 0 to 1`);
      value[name] = given;
    } else {
      if (!isAmount(given)) return no(`${name} must be a number from 0 to 86400000`);
      value[name] = given;
    }
  }
  const ofRequests = requestFaults.reduce((sum, name) => sum + value[name], 0);
  if (ofRequests > 1 + 1e-9) return no(`the shares of ${requestFaults.join(", ")} add up to ${ofRequests}, more than 1`);
  if (value.failDelivery + value.phoneOffline > 1 + 1e-9) return no("failDelivery and phoneOffline add up to more than 1");
  return { ok: true, value };
}

export function parsePreset(name: string): Parsed<Faults> {
  if (name === "none" || name === "some" || name === "many") return { ok: true, value: presets[name] };
  return no("preset must be none, some or many");
}

export function parseReplies(body: unknown): Parsed<Replies> {
  if (!isRecord(body)) return no("a JSON object is expected");
  const { share, texts, delayMs = 500 } = body;
  if (!isShare(share)) return no("share must be from 0 to 1");
  if (!isAmount(delayMs)) return no("delayMs must be a number from 0 to 86400000");
  if (!Array.isArray(texts) || !texts.every(isText) || (share > 0 && texts.length === 0)) return no("texts must be a list of texts");
  return { ok: true, value: { share, texts, delayMs } };
}

export function parseWebhook(body: unknown): Parsed<WebhookDestination> {
  if (!isRecord(body)) return no("a JSON object is expected");
  const { apiKey, url, secret, nextSecret } = body;
  if (!isText(apiKey)) return no("apiKey is missing");
  if (url === null) return { ok: true, value: { apiKey, url } };
  if (!isText(url) || !URL.canParse(url) || new URL(url).protocol !== "http:") return no("url must be an http:// address or null");
  if (secret !== undefined && !isText(secret)) return no("secret must be a text");
  if (nextSecret !== undefined && nextSecret !== null && !isText(nextSecret)) return no("nextSecret must be a text");
  return { ok: true, value: { apiKey, url, ...(isText(secret) ? { secret } : {}), ...(isText(nextSecret) ? { nextSecret } : {}) } };
}

export function parseInbound(body: unknown): Parsed<Inbound> {
  if (!isRecord(body)) return no("a JSON object is expected");
  const { from, text, to, apiKey } = body;
  if (!isText(from)) return no("from is missing");
  if (typeof text !== "string") return no("text is missing");
  return { ok: true, value: { from, text, ...(isText(to) ? { to } : {}), ...(isText(apiKey) ? { apiKey } : {}) } };
}
