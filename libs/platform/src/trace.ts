import { AsyncLocalStorage } from "node:async_hooks";
import type { SpanStart } from "@outrider/eventing";
import { randomHex } from "@outrider/eventing";

/** A W3C traceparent in its parts. `sampled`: the caller records this trace. */
export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

const form = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Undefined for anything that is no valid traceparent: the trace then begins here. */
export const parseTraceparent = (text: string | undefined): TraceContext | undefined => {
  const match = text === undefined ? null : form.exec(text);
  const [, traceId, spanId, flags] = match ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (text?.startsWith("ff") || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
};

export const formatTraceparent = ({ traceId, spanId, sampled }: TraceContext): string => `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;

/** The start of a new trace. */
export const newTraceparent = (): string => `00-${randomHex(16)}-${randomHex(8)}-01`;

/** Runs work inside spans; see `Instruments.span`. */
export interface Tracer {
  readonly span: <T>(start: SpanStart, work: (traceparent: string) => Promise<T>) => Promise<T>;
  /** Sends what is still held; never longer than a few seconds, never rejects. */
  readonly close: () => Promise<void>;
}

/** The traceparent of the work at hand, for log lines and for requests to others. */
export const currentTrace = new AsyncLocalStorage<string>();

/** Records nothing: hands the caller's traceparent on, or begins a trace so that logs and events can still be joined. */
export const passingTracer: Tracer = {
  span: (start, work) => {
    const traceparent = start.parent !== undefined && parseTraceparent(start.parent) !== undefined ? start.parent : newTraceparent();
    return currentTrace.run(traceparent, work, traceparent);
  },
  close: async () => undefined,
};
