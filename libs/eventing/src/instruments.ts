/** What the kernel tells whoever watches it. The platform gives the real one; tests and benches use the silent one. */
export interface Instruments {
  /**
   * Runs `work` inside a span. `parent` and `links` are W3C traceparents; `work` gets the traceparent to hand on, which is a valid one
   * also when nothing is exported. Attributes never hold personal data; destinations are templates, never raw subjects.
   */
  readonly span: <T>(span: SpanStart, work: (traceparent: string) => Promise<T>) => Promise<T>;
  /** Adds to a counter, by low-cardinality labels. */
  readonly count: (name: string, labels: Readonly<Record<string, string>>, by?: number) => void;
  /** Observes a duration in seconds. */
  readonly time: (name: string, labels: Readonly<Record<string, string>>, seconds: number) => void;
  /** Sets a gauge. */
  readonly gauge: (name: string, labels: Readonly<Record<string, string>>, value: number) => void;
  /** A constant sentence with fields; fields never hold personal data. */
  readonly log: (level: "debug" | "info" | "warn" | "error", message: string, fields: Readonly<Record<string, unknown>>) => void;
}

export interface SpanStart {
  readonly name: string;
  readonly kind: "producer" | "consumer" | "client" | "server" | "internal";
  readonly parent?: string | undefined;
  readonly links?: readonly string[];
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
}

/** Watches nothing; hands the parent's traceparent on. */
export const silent: Instruments = {
  span: (start, work) => work(start.parent ?? ""),
  count: () => undefined,
  time: () => undefined,
  gauge: () => undefined,
  log: () => undefined,
};
