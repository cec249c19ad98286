import type { LogRow } from "./control.ts";

/** The vendor's answers, byte for byte where they are published; the rest is our own and says so. */
export type Answer = { status: number; body: string; type?: string; headers?: Record<string, string> };

const json = (value: unknown): string => JSON.stringify(value);

// The clock strings of a second are the same for all messages of that second.
const clock = { second: 0, utc: "", paris: "" };
const parisParts = new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Paris", dateStyle: "short", timeStyle: "medium" });

function clockNow(): typeof clock {
  const now = Date.now();
  const second = Math.floor(now / 1000);
  if (second !== clock.second) {
    const utc = new Date(second * 1000);
    const local = parisParts.format(utc).replace(" ", "T");
    const hours = (Date.parse(`${local}Z`) - second * 1000) / 3_600_000;
    Object.assign(clock, { second, utc: `${utc.toISOString().slice(0, 19)}Z`, paris: `${local}+0${hours}:00` });
  }
  return clock;
}

/** `error` is published as text or number: `asText` takes turns, so that a reader of one of them alone is found out. */
export function accepted(id: string, asText: boolean, scheduled: boolean): Answer {
  const { utc, paris } = clockNow();
  const note = scheduled ? "scheduled" : "sent by mobile";
  return {
    status: 200,
    body:
      `{"result":{"error":${asText ? '"0"' : "0"},"sent":"1","id":"${id}","note":"${note}","datetime":"${utc}","datetimeLocal":"${paris}",` +
      `"port":null,"iac_control":"1","iac_authorized":"1","send_with_whatsapp":"0","encrypted":{"status":"0"},"trial_account":{"status":"0","sms_sent":0}}}`,
  };
}

/** An application error inside HTTP 200. Its code and note are ours: none is published. */
export function refused(asText: boolean, code: number, note: string): Answer {
  const { utc, paris } = clockNow();
  const error = asText ? String(code) : code;
  return {
    status: 200,
    body: json({ result: { error, sent: "api_error", id: "", note, datetime: utc, datetimeLocal: paris, port: null } }),
  };
}

/** `sendsms=0`: the platform took the call and sends nothing. */
export const blocked = (): Answer => ({
  status: 200,
  body: json({ result: { error: 0, sent: "0", id: "", note: "sms blocked by parameter" } }),
});

export const badRequest = (message: string): Answer => ({ status: 400, body: json({ error: "bad_request", message }) });

export const forbidden = (): Answer => ({ status: 403, body: json({ error: 403, message: "API key invalid, expired or unauthorized." }) });

export const tooMany = (retryAfterS: number): Answer => ({
  status: 429,
  body: json({ error: 429, message: "Request rate is too high." }),
  headers: { "Retry-After": String(retryAfterS) },
});

export const serverError = (): Answer => ({
  status: 500,
  type: "text/html",
  body: "<html><body><h1>500 Internal Server Error</h1></body></html>",
});

export const unavailable = (message: string): Answer => ({ status: 503, body: json({ error: 503, message }) });

export const notJson = (): Answer => ({
  status: 200,
  type: "text/html; charset=UTF-8",
  body: "<br />\n<b>Warning</b>: mysqli_query(): server has gone away\n",
});

export const notFound = (): Answer => ({ status: 404, body: json({ error: 404, message: "not found" }) });

export type InboxRow = {
  id: number;
  sIdentifiantPhone: string;
  timestamp_unix: number;
  message: string;
  number: string;
  guid: string;
  alias: null;
};

export const received = (sms: InboxRow[]): Answer => ({ status: 200, body: json({ result: { error: "0", sms } }) });

/** Our own shape: the vendor publishes none for the phone list. */
export const mobiles = (sid: string, online: boolean): Answer => ({
  status: 200,
  body: json({
    result: {
      error: "0",
      mobiles: [
        {
          sIdentifiantPhone: sid,
          name: "Simulated phone",
          online: online ? "1" : "0",
          status: online ? "online" : "offline",
          last_seen_unix: Math.floor(Date.now() / 1000),
        },
      ],
    },
  }),
});

/** One row of the sent log in our own shape: the vendor publishes none. All values are text, as elsewhere in this API. */
export type SentRow = {
  guid: string;
  number: string;
  message: string;
  datetime: string;
  datetime_unix: string;
  /** "1" when the phone has sent it. */
  sent: "0" | "1";
  /** "1" when the platform refused it; it has no guid then. */
  error_api: "0" | "1";
  /** "1" when the phone could not send it. */
  error_mobile: "0" | "1";
  sIdentifiantPhone: string;
};

export function sentRow(row: LogRow, sid: string, phoneDone: boolean): SentRow {
  return {
    guid: row.id ?? "",
    number: row.to ?? "",
    message: row.text ?? "",
    datetime: `${row.at.slice(0, 19)}Z`,
    datetime_unix: String(Math.floor(Date.parse(row.at) / 1000)),
    sent: row.phone === "sent" && phoneDone ? "1" : "0",
    error_api: row.accepted ? "0" : "1",
    error_mobile: row.phone === "failed" && phoneDone ? "1" : "0",
    sIdentifiantPhone: sid,
  };
}

export const sentLog = (log: SentRow[]): Answer => ({
  status: 200,
  body: json({ result: { error: "0", count: String(log.length), log } }),
});
