import { type DestinationStream, type Logger, pino, stdTimeFunctions } from "pino";
import type { CommonConfig } from "./config.ts";
import { scrubError, scrubFields } from "./scrub.ts";
import { currentTrace, parseTraceparent } from "./trace.ts";

export type { Logger } from "pino";

type Identity = Pick<CommonConfig, "service" | "LOG_LEVEL">;

/**
 * One JSON line on standard output per message: real time, level as a word, service, replica, the trace at hand. Messages are constant
 * sentences; values are fields, and every field is scrubbed before it is written.
 */
export const createLogger = (config: Identity, replica: string, destination?: DestinationStream): Logger => {
  const options = {
    level: config.LOG_LEVEL,
    base: { service: config.service, replica },
    messageKey: "message",
    errorKey: "error",
    timestamp: stdTimeFunctions.isoTime,
    // pino would give an error's own properties away, and children's bindings pass by `formatters.log`.
    serializers: { error: scrubError, err: scrubError },
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (fields: object) => objectOf(scrubFields(fields)),
      bindings: (fields: object) => objectOf(scrubFields(fields)),
    },
    mixin: traceFields,
  };
  return destination === undefined ? pino(options) : pino(options, destination);
};

const objectOf = (scrubbed: Record<string, unknown> | string): Record<string, unknown> =>
  typeof scrubbed === "string" ? { value: scrubbed } : scrubbed;

const traceFields = (): object => {
  const trace = parseTraceparent(currentTrace.getStore());
  return trace === undefined ? {} : { trace_id: trace.traceId, span_id: trace.spanId };
};
