import { contactPrice } from "@outrider/contracts/fields";
import { z } from "zod";

const truths: Readonly<Record<string, boolean>> = {
  true: true,
  "1": true,
  yes: true,
  on: true,
  false: false,
  "0": false,
  no: false,
  off: false,
};

/** How the usual kinds of variable are read. The environment holds only strings; none of these accepts a value by half. */
export const variable = {
  text: () => z.string().min(1),
  integer: (min: number, max: number) =>
    z
      .string()
      .regex(/^[+-]?\d{1,15}$/, "not a whole number")
      .transform(Number)
      .pipe(z.int().min(min, `below ${min}`).max(max, `above ${max}`)),
  share: () =>
    z
      .string()
      .regex(/^(0|1|0?\.\d+|1\.0+)$/, "not a number from 0 to 1")
      .transform(Number),
  flag: () =>
    z
      .string()
      .refine((value) => truths[value.toLowerCase()] !== undefined, "not one of true, false")
      .transform((value) => truths[value.toLowerCase()] === true),
  url: (...protocols: readonly string[]) =>
    z.string().refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol.slice(0, -1)), {
      error: `not a URL that starts with ${protocols.map((protocol) => `${protocol}://`).join(" or ")}`,
    }),
  list: () =>
    z.string().transform((value) =>
      value
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== ""),
    ),
  /** Telephone numbers with their country code, as E.164 or with spaces, dots and dashes between the digits. At least one. */
  numbers: () =>
    z
      .string()
      .transform((value) => value.split(",").flatMap((item) => item.replaceAll(/[\s.-]/g, "") || []))
      .refine(
        (numbers) => numbers.length > 0 && numbers.every((number) => /^\+[1-9]\d{5,14}$/.test(number)),
        "not numbers such as +33612345678, separated by commas",
      )
      .meta({ secret: true }),
  /** 32 random bytes, base64; the value stays text until it becomes a key. */
  key: () =>
    z
      .string()
      .refine((value) => /^[A-Za-z0-9+/_-]{43}=?$/.test(value) && Buffer.from(value, "base64").length === 32, "not 32 bytes in base64")
      .meta({ secret: true }),
} as const;

const natsUrls = z
  .string()
  .refine(
    (value) => value.split(",").every((url) => URL.canParse(url.trim()) && ["nats:", "tls:"].includes(new URL(url.trim()).protocol)),
    "not a list of nats:// or tls:// addresses",
  )
  .meta({ secret: true });

/** What every service reads. */
export const commonShape = {
  NATS_URL: natsUrls
    .default("nats://127.0.0.1:4222")
    .describe("the NATS servers, such as nats://user:password@host:4222, separated by commas"),
  NATS_MONITOR_URL: variable
    .url("http", "https")
    .optional()
    .describe("the HTTP monitor of the NATS server, such as http://nats:8222; live mode asks it whether the server syncs"),
  NATS_REPLICAS: variable.integer(1, 5).default(1).describe("how many servers keep each stream and bucket: 1, or 3 in a cluster"),
  HEALTH_HOST: variable.text().default("127.0.0.1").describe("the address on which health and metrics are served; 0.0.0.0 in a container"),
  HEALTH_PORT: variable.integer(0, 65_535).default(0).describe("the port for health and metrics, 0 to 65535; 0 takes a free one"),
  LOG_LEVEL: z.enum(["debug", "info", "warn", "error", "silent"]).default("info").describe("debug, info, warn, error or silent"),
  OUTRIDER_PROVIDERS: z.enum(["sandbox", "live"]).default("sandbox").describe("sandbox (every provider is simulated) or live"),
  OUTRIDER_CLOCK_OFFSET_MS: variable
    .integer(-4_000_000_000_000, 4_000_000_000_000)
    .default(0)
    .describe("milliseconds by which the sandbox's clock is ahead of real time; 0 in live mode"),
  OUTRIDER_MASTER_KEY: variable
    .key()
    .optional()
    .describe("32 random bytes in base64 (openssl rand -base64 32) that wrap every other key; the sandbox has a fixed one"),
  OUTRIDER_REPLICA: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,63}$/, "not 1 to 63 letters, digits, '_' or '-'")
    .optional()
    .describe("this replica's name in logs, leases and connections; by default made from the host and process id"),
  OUTRIDER_ONLY_CONTACT: variable
    .numbers()
    .optional()
    .describe("phone numbers (E.164, separated by commas) that alone may be contacted, whatever else is asked"),
  OTEL_EXPORTER_OTLP_ENDPOINT: variable
    .url("http", "https")
    .optional()
    .describe("the OpenTelemetry collector, such as http://localhost:4318; without it no span is exported"),
  OTEL_SERVICE_NAMESPACE: variable.text().default("outrider").describe("service.namespace of the exported spans"),
  OTEL_TRACES_SAMPLER_ARG: variable.share().default(1).describe("the share of new traces that is exported, 0 to 1"),
  STOP_DEADLINE_MS: variable.integer(100, 600_000).default(10_000).describe("milliseconds in which a stop must have ended, 100 to 600000"),
} as const;

/** What services with read models read besides. */
export const mongoShape = {
  MONGODB_URL: variable
    .url("mongodb", "mongodb+srv")
    .meta({ secret: true })
    .default("mongodb://127.0.0.1:27017")
    .describe("the MongoDB server, such as mongodb://user:password@host:27017"),
  MONGODB_DATABASE: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,38}$/, "not 1 to 38 letters, digits, '_' or '-'")
    .default("outrider")
    .describe("the database that holds the read models"),
} as const;

/** What whoever holds, takes or names the price of a contact reads: one and the same for all of them. */
export const priceShape = {
  SMS_PRICE_CREDITS: variable
    .integer(contactPrice.least, contactPrice.most)
    .default(contactPrice.usual)
    .describe(`credits that one contact by SMS costs, however many segments: ${contactPrice.least} to ${contactPrice.most}`),
} as const;

/** What a service reads that looks for aggregates whose moment has passed. */
export const overdueShape = {
  OVERDUE_EVERY_MS: variable
    .integer(100, 86_400_000)
    .default(3_600_000)
    .describe(
      "milliseconds between two looks for what is past its moment because a schedule was lost, 100 to 86400000; one is taken at start",
    ),
  OVERDUE_AFTER_MS: variable
    .integer(0, 86_400_000)
    .default(60_000)
    .describe("milliseconds past its moment after which a contact, a pass or an erasure is taken up again, 0 to 86400000"),
  OVERDUE_LOOK_BACK_DAYS: variable
    .integer(1, 36_500)
    .default(35)
    .describe("days after which what has waited without a word is left to people, 1 to 36500"),
} as const;
