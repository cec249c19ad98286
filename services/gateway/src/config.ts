import { type ConfigOf, defineConfig, priceShape, variable } from "@outrider/platform/config";

/** What the gateway reads from its environment. */
export const definition = defineConfig(
  "gateway",
  {
    GATEWAY_HOST: variable
      .text()
      .default("127.0.0.1")
      .describe("the address on which the API and webhooks are served; 0.0.0.0 in a container"),
    GATEWAY_PORT: variable.integer(0, 65_535).default(8080).describe("the port for the API and webhooks, 0 to 65535; 0 takes a free one"),
    OUTRIDER_PUBLIC_URL: variable
      .url("http", "https")
      .optional()
      .describe("where the world reaches the gateway, such as https://outrider.example.com; webhook addresses begin with it"),
    OUTRIDER_ADMIN_KEY: variable
      .text()
      .min(20, "shorter than 20 characters")
      .meta({ secret: true })
      .optional()
      .describe("the key that may create accounts and grant credits, at least 20 characters; without it nobody may"),
    OUTRIDER_WEBHOOK_SECRET: variable
      .text()
      .min(32, "shorter than 32 characters")
      .meta({ secret: true })
      .describe("at least 32 random characters (openssl rand -base64 32) from which the secrets in webhook addresses are made"),
    OUTRIDER_UPLOAD_MAX_BYTES: variable
      .integer(1, 1_000_000_000_000)
      .default(2_000_000_000)
      .describe("the largest file that may be uploaded, in bytes"),
    ...priceShape,
    GATEWAY_COMMAND_TIMEOUT_MS: variable
      .integer(100, 60_000)
      .default(10_000)
      .describe("milliseconds that a service may take to answer, 100 to 60000"),
    GATEWAY_REQUEST_TIMEOUT_MS: variable
      .integer(1000, 86_400_000)
      .default(3_600_000)
      .describe("milliseconds in which a request, uploads included, must have arrived, 1000 to 86400000"),
  },
  { mongo: true },
);
export type GatewayConfig = ConfigOf<typeof definition>;

export const limits = {
  jsonBytes: 1_048_576,
  webhookBytes: 262_144,
  /** How long comparing a read model with its stream may take: many clients give up waiting for an answer after 5 minutes. */
  verifyMs: 240_000,
  /** Plain bytes of one piece: sealed and in base64 twice it stays below the server's largest message. */
  pieceBytes: 196_608,
  /** Within which one piece must be stored, ms. */
  pieceMs: 10_000,
  /** How often an upload may find that another one has begun before it gives way. */
  uploadTries: 5,
  authenticatedMs: 5_000,
  authenticatedMost: 10_000,
  waitForMs: 5_000,
  waitForAgainMs: 15,
  /** At the end requests under way have this long; then their connections are cut. */
  closeMs: 3_000,
  /** At start lists are waited for this long, and then everything else is served without them. */
  readableMs: 5_000,
  readableAgainMs: 50,
  dryRunMs: 60_000,
  /** Levels of lists and objects in a body; no route takes half as many. */
  nestedMost: 50,
  page: 50,
  pageMost: 500,
  /** Of one list, in an answer about one person. */
  aboutPersonMost: 5_000,
  /** Messages of each side in the thread that a reply is shown in. */
  threadMost: 100,
  progressEveryMs: 500,
  /** How long a count of a run's contacts is good enough for everybody who asks. */
  countFreshMs: 200,
  runsWatched: 1_000,
  /** A run whose contacts have stood still for so long is watched no longer. */
  watchMostMs: 6 * 3_600_000,
} as const;

/** Keys of INBOX days: kept as long as the stream keeps its messages, and looked for a while longer in case nobody was running. */
export const inboxKeys = { keptDays: 30, lookedForDays: 10, everyMs: 6 * 3_600_000 } as const;

/** Who may send webhooks, and the header in which a provider names its event: the same event again is stored once. */
export const providers: Readonly<Record<string, { readonly eventHeader?: string }>> = {
  smsmobileapi: { eventHeader: "x-smsmobileapi-event-id" },
};
