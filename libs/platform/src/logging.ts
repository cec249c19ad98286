import { type DestinationStream, type Logger, pino, stdTimeFunctions } from "pino";
import type { CommonConfig } from "./config.ts";
import { scrubFields } from "./scrub.ts";
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
    // Fields are scrubbed before these are asked; pino's own would look for more.
    serializers: { error: asItIs, err: asItIs },
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (fields: object) => objectOf(scrubFields(fields)),
      bindings: (fields: object) => objectOf(scrubFields(fields)),
    },
    mixin: traceFields,
  };
  return scrubbingChildren(destination === undefined ? pino(options) : pino(options, destination));
};

const asItIs = <Value>(value: Value): Value => value;

/** pino hands the bindings of children to no formatter. Their children inherit what is replaced here. */
const scrubbingChildren = (log: Logger): Logger => {
  const { child } = log;
  return Object.assign(log, {
    child(this: Logger, bindings: object) {
      return child.call(this, objectOf(scrubFields(bindings)));
    },
  });
};

const objectOf = (scrubbed: Record<string, unknown> | string): Record<string, unknown> =>
  typeof scrubbed === "string" ? { value: scrubbed } : scrubbed;

const traceFields = (): object => {
  const trace = parseTraceparent(currentTrace.getStore());
  return trace === undefined ? {} : { trace_id: trace.traceId, span_id: trace.spanId };
};
