import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

export type Labels = Readonly<Record<string, string>>;

/** The numbers of one process, served at /metrics. */
export interface Metrics {
  readonly registry: Registry;
  readonly count: (name: string, labels: Labels, by?: number) => void;
  readonly time: (name: string, labels: Labels, seconds: number) => void;
  readonly gauge: (name: string, labels: Labels, value: number) => void;
}

const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/**
 * Metrics come into being when they are first used; a name keeps the label names of its first use. `failed` hears once per name of a
 * use that does not fit: counting must never break what is counted.
 */
export const createMetrics = (fixed: Labels, failed: (name: string, error: unknown) => void): Metrics => {
  const registry = new Registry();
  registry.setDefaultLabels({ ...fixed });
  collectDefaultMetrics({ register: registry });
  const broken = new Set<string>();
  const safely = (name: string, use: () => void): void => {
    try {
      use();
    } catch (error) {
      if (!broken.has(name)) failed(name, error);
      broken.add(name);
    }
  };
  const counters = remembered((name, labelNames) => new Counter({ name, help: helpOf(name), labelNames, registers: [registry] }));
  const gauges = remembered((name, labelNames) => new Gauge({ name, help: helpOf(name), labelNames, registers: [registry] }));
  const times = remembered((name, labelNames) => new Histogram({ name, help: helpOf(name), labelNames, buckets, registers: [registry] }));
  return {
    registry,
    count: (name, labels, by = 1) => safely(name, () => counters(name, labels).inc({ ...labels }, by)),
    gauge: (name, labels, value) => safely(name, () => gauges(name, labels).set({ ...labels }, value)),
    time: (name, labels, seconds) => safely(name, () => times(name, labels).observe({ ...labels }, seconds)),
  };
};

const remembered = <Metric>(make: (name: string, labelNames: string[]) => Metric) => {
  const made = new Map<string, Metric>();
  return (name: string, labels: Labels): Metric => {
    const known = made.get(name);
    if (known !== undefined) return known;
    const metric = make(metricName(name), Object.keys(labels));
    made.set(name, metric);
    return metric;
  };
};

/** `eventing.append` → `outrider_eventing_append`. */
export const metricName = (name: string): string => {
  const plain = name.replace(/[^a-zA-Z0-9_:]/g, "_");
  return plain.startsWith("outrider_") ? plain : `outrider_${plain}`;
};

const helpOf = (name: string): string => `${name.replace(/[._-]+/g, " ")}, as told by the service itself`;
