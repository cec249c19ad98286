import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { refusedWaitMostMs } from "@outrider/contracts/contact";
import { Personal } from "@outrider/platform";
import { z } from "zod";
import { vendorLimits } from "../config.ts";
import { type Exchange, type HttpExchanges, httpExchanges } from "./http-exchange.ts";
import type { InboundMessage, LoggedMessage, MessageStatus, SendOutcome, SmsProvider, WebhookNews, WebhookToRead } from "./sms-provider.ts";

/** Everything of the vendor is text or number in turns. */
const stringly = z.union([z.string(), z.number()]).transform(String);
const sendAnswer = z.object({ result: z.object({ error: stringly, sent: stringly.optional(), id: stringly.optional() }) });
const noError = stringly.default("0");
const inboundRow = z.object({ guid: stringly.optional(), number: stringly, message: z.string(), timestamp_unix: stringly.optional() });
const inboundAnswer = z.object({ result: z.looseObject({ error: noError, sms: z.array(z.unknown()).default([]) }) });
const logRow = z.object({
  guid: stringly,
  number: stringly,
  message: z.string(),
  datetime_unix: stringly.optional(),
  datetime: z.string().optional(),
});
const statusRow = logRow
  .pick({ guid: true, datetime_unix: true, datetime: true })
  .extend({ sent: stringly.optional(), error_mobile: stringly.optional() });
const logAnswer = z.object({ result: z.looseObject({ error: noError, log: z.array(z.unknown()).optional() }) });
const phonesAnswer = z.object({ result: z.looseObject({ mobiles: z.array(z.looseObject({ online: stringly.optional() })).optional() }) });
const envelope = z.object({ id: z.string(), type: z.string(), occurred_at: z.string().optional(), data: z.looseObject({}) });
const inboundData = z.object({ guid: stringly, from: stringly, message: z.string(), received_at: z.string().optional() });

const wholeSecondMs = 1000;
/** America/Los_Angeles is 8 h behind UTC, some islands 12 h. */
const farthestZoneMs = 12 * 3_600_000;

/**
 * SMSMobileAPI: the account holder's own Android phone behind an HTTP API (smsmobileapi.com/doc, OpenAPI of 2026-09-23). "Accepted" means
 * that the platform took the job. It knows no idempotency key; a request that may have left is never repeated here.
 */
export const smsMobileApi = (origin: string, connections: number): SmsProvider & { readonly close: () => Promise<void> } => {
  const http = httpExchanges(origin, connections);
  return {
    name: "smsmobileapi",
    close: http.close,
    readWebhook,
    send: async ({ apiKey }, { to, text }, { until, beforeWriting }) => {
      const form = new URLSearchParams({ apikey: apiKey, recipients: to.reveal(), message: text.reveal() });
      return sendOutcome(await http.exchange({ method: "POST", path: "/sendsms/", form, until, beforeWriting }));
    },
    findSent: async ({ apiKey }, { to, text, since }) => {
      const answer = await query(http, "/log/sent/sms/", { apikey: apiKey, keyword: to.reveal() });
      const parsed = logAnswer.safeParse(answer);
      if (!parsed.success) return undefined;
      const { error, log } = parsed.data.result;
      if (log === undefined || (error !== "0" && log.length === 0)) return undefined;
      return log
        .flatMap((row) => loggedMessage(row))
        .filter(
          (row) => row.text === text.reveal() && row.latestMs >= Date.parse(since) - wholeSecondMs && isSameNumber(row.to, to.reveal()),
        );
    },
    statusOf: async ({ apiKey }, providerId) => {
      const parsed = logAnswer.safeParse(await query(http, "/log/sent/sms/", { apikey: apiKey, guid_message: providerId }));
      if (!parsed.success) return undefined;
      const { error, log } = parsed.data.result;
      if (log === undefined || (error !== "0" && log.length === 0)) return undefined;
      return log.flatMap((row) => statusIn(row, providerId))[0] ?? { kind: "pending" };
    },
    inboundSince: async ({ apiKey }, since) => {
      const seconds = String(Math.floor(Date.parse(since) / 1000) - 1);
      const parsed = inboundAnswer.safeParse(await query(http, "/getsms/", { apikey: apiKey, after_timestamp_unix: seconds }));
      if (!parsed.success) return undefined;
      const { error, sms } = parsed.data.result;
      // Whether "nothing new" is an error of theirs is not published; asking again from the same moment is right either way.
      return error !== "0" && sms.length === 0 ? undefined : sms.flatMap((row) => readMessage(row, since));
    },
    phoneOnline: async ({ apiKey }) => {
      const exchange = await ask(http, "/gateway/mobile/list/", { apikey: apiKey });
      if (exchange.kind === "answer" && exchange.status === 403) return "key-refused";
      const parsed = phonesAnswer.safeParse(jsonOf(exchange));
      const phones = parsed.success ? parsed.data.result.mobiles : undefined;
      return phones === undefined ? undefined : phones.some(({ online }) => online === undefined || online === "1" || online === "true");
    },
  };
};

const sendOutcome = (exchange: Exchange): SendOutcome => {
  if (exchange.kind === "none")
    return exchange.left ? { kind: "unknown", cause: exchange.cause } : { kind: "not-sent", cause: exchange.cause };
  const { status, headers } = exchange;
  if (status === 400) return { kind: "rejected", reason: "the provider finds the request invalid (400)" };
  if (status === 403) return { kind: "not-sent", cause: "the provider refuses the API key (403)", line: "key-refused" };
  if (status === 429)
    return { kind: "refused-for-now", reason: "the provider's rate limit (429)", waitMs: retryAfter(headers["retry-after"]) };
  if (status !== 200) return { kind: "unknown", cause: `HTTP ${status}` }; // a 5xx may come after the job was taken
  const parsed = sendAnswer.safeParse(jsonOf(exchange));
  if (!parsed.success) return { kind: "unknown", cause: "an answer in no known form" };
  const { error, sent, id } = parsed.data.result;
  if (error !== "0") return { kind: "rejected", reason: `the provider's error ${error.slice(0, 20)}` };
  if (sent === "0") return { kind: "rejected", reason: "the provider did not send it" };
  return id === undefined || id === "" ? { kind: "unknown", cause: "accepted without an id" } : { kind: "accepted", providerId: id };
};

const retryAfter = (value: string | undefined): number => {
  const seconds = Number(value);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1000, refusedWaitMostMs) : vendorLimits.retryAfterDefaultMs;
};

const ask = (http: HttpExchanges, path: string, params: Record<string, string>): Promise<Exchange> =>
  http.exchange({ method: "GET", path: `${path}?${new URLSearchParams(params)}`, until: AbortSignal.timeout(vendorLimits.queryMs) });

const query = async (http: HttpExchanges, path: string, params: Record<string, string>): Promise<unknown> =>
  jsonOf(await ask(http, path, params));

const jsonOf = (exchange: Exchange): unknown => {
  if (exchange.kind !== "answer" || exchange.status !== 200) return undefined;
  try {
    return JSON.parse(exchange.body);
  } catch {
    return undefined; // told as an answer in no known form
  }
};

const readMessage = (row: unknown, since: string): InboundMessage[] => {
  const parsed = inboundRow.safeParse(row);
  if (!parsed.success) return []; // one row hides no other
  const { guid, number, message, timestamp_unix } = parsed.data;
  const key =
    guid ||
    createHash("sha256")
      .update(JSON.stringify([number, message, timestamp_unix]))
      .digest("hex");
  return [inboundMessage(key, number, message, instantOfSeconds(timestamp_unix) ?? since)];
};

/** `latestMs`: the latest moment that its time can mean. */
const loggedMessage = (row: unknown): (LoggedMessage & { readonly latestMs: number })[] => {
  const parsed = logRow.safeParse(row);
  if (!parsed.success || parsed.data.guid === "") return []; // the shape of this log is not published
  const { guid, number, message, datetime, datetime_unix } = parsed.data;
  const exact = instantOfSeconds(datetime_unix);
  const at = exact ?? instantOfLocal(datetime);
  if (at === undefined) return []; // without a time it may be of any day
  return [{ providerId: guid, to: number, text: message, at, latestMs: Date.parse(at) + (exact === undefined ? farthestZoneMs : 0) }];
};

/** The log has a flag for either stage that may fail, and none is known for sure: what is not clearly sent or failed is pending. */
const statusIn = (row: unknown, providerId: string): MessageStatus[] => {
  const parsed = statusRow.safeParse(row);
  if (!parsed.success || parsed.data.guid !== providerId) return [];
  const { sent, error_mobile, datetime, datetime_unix } = parsed.data;
  const at = instantOfSeconds(datetime_unix) ?? instantOfLocal(datetime) ?? new Date().toISOString();
  if (error_mobile === "1") return [{ kind: "failed", at }];
  return sent === "1" ? [{ kind: "sent", at }] : [];
};

const isSameNumber = (one: string, other: string): boolean => one.replace(/\D/g, "").slice(-9) === other.replace(/\D/g, "").slice(-9);

const inboundMessage = (guid: string, from: string, text: string, at: string): InboundMessage => ({
  key: guid,
  from: new Personal(from),
  text: new Personal(text),
  at,
});

/** Webhook V2: `X-SMSMobileAPI-Signature: v1=<hex of HMAC-SHA256(secret, timestamp.body)>`, five minutes of skew, two secrets while rotating. */
const readWebhook = ({ headers, body, secrets, receivedAt }: WebhookToRead): WebhookNews => {
  if (secrets.length > 0 && !isSigned(headers, body, secrets, receivedAt)) return { kind: "ignored", because: "bad-signature" };
  const parsed = envelope.safeParse(parsedBody(body));
  if (!parsed.success) return { kind: "ignored", because: "no-known-form" };
  const { id: event, type, occurred_at, data } = parsed.data;
  const at = instantOf(occurred_at, receivedAt);
  if (type === "sms.received") {
    const message = inboundData.safeParse(data);
    if (!message.success) return { kind: "ignored", because: "no-known-form" };
    const { guid, from, message: text, received_at } = message.data;
    return { kind: "inbound", message: inboundMessage(guid, from, text, instantOf(received_at, at)) };
  }
  const providerId = stringly.safeParse(data["guid"] ?? data["id"]).data ?? "";
  if (providerId === "") return { kind: "ignored", because: "no-reference" };
  if (type === "sms.sent" || type === "sms.mobile.sent") return { kind: "sent", providerId, event, at };
  if (type === "sms.failed") return { kind: "failed", providerId, event, at, reason: "the phone or its network could not send it" };
  return { kind: "ignored", because: "not-for-us" };
};

const isSigned = (headers: WebhookToRead["headers"], body: string, secrets: readonly string[], receivedAt: string): boolean => {
  const timestamp = headers["x-smsmobileapi-timestamp"] ?? "";
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(Date.parse(receivedAt) / 1000 - Number(timestamp)) > vendorLimits.oldestSignatureS)
    return false;
  const given = [headers["x-smsmobileapi-signature"], headers["x-smsmobileapi-signature-next"]].filter((value) => value !== undefined);
  return secrets.some((secret) => {
    const wanted = Buffer.from(`v1=${createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex")}`);
    return given.some((value) => {
      const bytes = Buffer.from(value);
      return bytes.length === wanted.length && timingSafeEqual(bytes, wanted);
    });
  });
};

const parsedBody = (body: string): unknown => {
  try {
    return JSON.parse(body);
  } catch {
    return undefined; // told as a body in no known form
  }
};

const instantOfSeconds = (value: string | undefined): string | undefined =>
  value !== undefined && /^\d{1,11}$/.test(value) ? new Date(Number(value) * 1000).toISOString() : undefined;

/** A date and time in a zone that is not told, taken for UTC: up to `farthestZoneMs` off. */
const instantOfLocal = (value: string | undefined): string | undefined => {
  const [, date, time] = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})/.exec(value ?? "") ?? [];
  const ms = Date.parse(`${date}T${time}Z`);
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
};

const instantOf = (value: string | undefined, otherwise: string): string => {
  const ms = Date.parse(value ?? "");
  return Number.isNaN(ms) ? otherwise : new Date(ms).toISOString();
};
