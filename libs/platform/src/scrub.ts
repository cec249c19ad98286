import { z } from "zod";
import { Personal } from "./personal.ts";

/** Field names whose value never leaves the process in a log line, whatever it is. */
const marked = new Set(
  [
    ...["number", "numbers", "phone", "phoneNumber", "phoneNumbers", "msisdn", "e164", "recipient", "recipients", "sender"],
    ...["text", "transcript", "body", "raw", "personName", "fullName", "contactName", "ownerName", "email", "address"],
    ...["secret", "credentials", "password", "token", "apiKey", "api_key", "apikey", "authorization", "cookie", "masterKey"],
    ...["OUTRIDER_MASTER_KEY", "OUTRIDER_ONLY_CONTACT", "NATS_URL", "MONGODB_URL"],
  ].map((name) => name.toLowerCase()),
);

const query = /(\b[a-z][a-z+]{1,20}:\/\/[^\s?#"'<>]*)[?#][^\s"'<>]*/gi;
const userInfo = /(\b[a-z][a-z+]{1,20}:\/\/)[^\s/@"'<>]+@/gi;
const international = /\+\d(?:[\s().-]{0,2}\d){7,14}(?!\d)/g;
const national = /(?<![\w.:+-])0[1-9](?:[ .-]?\d{2}){4}(?![\w-])/g;
const bare = /(?<![\w.:+-])\d{10,15}(?![\w-])/g;

/** Drops what looks like a phone number, the user part and the query of addresses: the last line behind the marked fields. */
export const scrubText = (text: string): string =>
  text
    .replace(userInfo, "$1")
    .replace(query, "$1?[dropped]")
    .replace(international, "[number]")
    .replace(national, "[number]")
    .replace(bare, "[number]");

export interface ScrubbedError {
  readonly type: string;
  readonly message: string;
  readonly code?: string | number;
  readonly stack?: string;
  readonly cause?: ScrubbedError;
}

/** What may be told of an error: its kind, its scrubbed message and where it came from. Its own properties may hold anything and stay. */
export const scrubError = (error: unknown, depth = 0): ScrubbedError => {
  if (!(error instanceof Error)) return { type: typeof error, message: typeof error === "string" ? scrubText(error) : "not an Error" };
  const code = "code" in error && (typeof error.code === "string" || typeof error.code === "number") ? error.code : undefined;
  const frames = error.stack?.split("\n").filter((line) => /^\s+at /.test(line));
  return {
    type: error.name,
    message: error instanceof z.ZodError ? issuesOf(error) : scrubText(error.message),
    ...(code === undefined ? {} : { code }),
    ...(frames === undefined ? {} : { stack: frames.slice(0, 12).join("\n") }),
    ...(error.cause === undefined || depth >= 3 ? {} : { cause: scrubError(error.cause, depth + 1) }),
  };
};

/** Names the fields that did not fit, never their values. */
export const issuesOf = (error: z.ZodError): string =>
  error.issues.map((issue) => `${issue.path.map(String).join(".") || "request"}: ${issue.code}`).join("; ");

const deepest = 6;

/** A copy that may be logged: personal and sealed values, marked fields and numbers are gone. Never throws. */
export const scrub = (value: unknown, depth = 0): unknown => {
  if (typeof value === "string") return scrubText(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "function" || typeof value === "symbol") return `[${typeof value}]`;
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Personal) return value.toString();
  if (value instanceof Error) return scrubError(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "[no date]" : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth >= deepest) return "[deeper]";
  if (Array.isArray(value)) return value.slice(0, 50).map((item) => scrub(item, depth + 1));
  if (value instanceof Map || value instanceof Set) return `[${value.size} entries]`;
  return scrubFields(value, depth);
};

/** The same for the fields of one object. */
export const scrubFields = (fields: object, depth = 0): Record<string, unknown> | string => {
  if ("k" in fields && "v" in fields && typeof fields.k === "string" && typeof fields.v === "string") return "[sealed]";
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    kept[name] = marked.has(name.toLowerCase()) && value !== undefined ? "[dropped]" : scrub(value, depth + 1);
  }
  return kept;
};
