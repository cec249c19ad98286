import { z } from "zod";
import { accountId } from "./ids.ts";

/** A request that one service answers over NATS, at `cmd.<service>.<name>`. */
export interface CommandDefinition<Request, Reply> {
  readonly service: ServiceName;
  readonly name: string;
  readonly subject: string;
  readonly request: z.ZodType<Request>;
  readonly reply: z.ZodType<Reply>;
}

export const serviceNames = [
  "registry",
  "scheduler",
  "scraping-ingest",
  "hunt-allocator",
  "sms-sender",
  "credit-ledger",
  "projector",
  "gateway",
] as const;
export type ServiceName = (typeof serviceNames)[number];

export const defineCommand = <Request extends z.ZodType, Reply extends z.ZodType>(
  service: ServiceName,
  name: string,
  request: Request,
  reply: Reply,
): CommandDefinition<z.output<Request>, z.output<Reply>> => ({
  service,
  name,
  subject: `cmd.${service}.${name}`,
  request: request as unknown as z.ZodType<z.output<Request>>,
  reply: reply as unknown as z.ZodType<z.output<Reply>>,
});

/** Stable reasons for "no": the API answers them as problem+json with `type` `https://outrider.dev/problems/<slug>`. */
export const problemSlugs = [
  "invalid-request",
  "not-found",
  "already-exists",
  "unauthorised",
  "forbidden",
  "conflict",
  "idempotency-key-reused",
  "refused",
  "too-large",
  "unavailable",
  "internal",
] as const;
export type ProblemSlug = (typeof problemSlugs)[number];

/** The answer of a command on the wire. `rule` is the refusal's own slug (`no-credits`, `already-erased` …). */
export const replyEnvelope = z.discriminatedUnion("ok", [
  z.object({ ok: z.literal(true), value: z.unknown() }),
  z.object({ ok: z.literal(false), slug: z.enum(problemSlugs), message: z.string(), rule: z.string().optional() }),
]);

/** Message headers of every event and command. */
export const header = {
  command: "Outrider-Command",
  execution: "Outrider-Execution",
  correlation: "Outrider-Correlation",
  causation: "Outrider-Causation",
  actor: "Outrider-Actor",
  deadline: "Outrider-Deadline",
  closing: "Outrider-Closing",
  traceparent: "traceparent",
} as const;

/** Every service answers these from its own deciders. `subject` is the aggregate's subject. */
export const inspection = (service: ServiceName) =>
  ({
    history: defineCommand(
      service,
      "history",
      z.object({ subject: z.string(), from: z.int().default(0), limit: z.int().min(1).max(500).default(100) }),
      z.object({
        entries: z.array(
          z.object({
            seq: z.int(),
            at: z.string(),
            command: z.string(),
            correlation: z.string().optional(),
            causation: z.string().optional(),
            actor: z.string().optional(),
            traceparent: z.string().optional(),
            events: z.array(z.object({ type: z.string(), data: z.unknown() })),
            state: z.unknown(),
          }),
        ),
        next: z.int().optional(),
      }),
    ),
    state: defineCommand(
      service,
      "state",
      z.object({ subject: z.string(), at: z.string().optional() }),
      z.object({ revision: z.int(), state: z.unknown() }),
    ),
    /** The oldest first, and how many there are: of one account, or of all. */
    deadList: defineCommand(
      service,
      "dead-list",
      z.object({ limit: z.int().min(1).max(500).default(100), account: accountId.optional() }),
      z.object({ letters: z.array(z.unknown()), total: z.int() }),
    ),
    deadShow: defineCommand(service, "dead-show", z.object({ seq: z.int() }), z.object({ letter: z.unknown() })),
    deadRetry: defineCommand(service, "dead-retry", z.object({ seq: z.int() }), z.object({ retried: z.boolean() })),
    deadDrop: defineCommand(service, "dead-drop", z.object({ seq: z.int() }), z.object({ dropped: z.boolean() })),
  }) as const;
