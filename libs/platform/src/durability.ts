import { buckets, streams } from "@outrider/contracts/streams";
import { pauseFor } from "@outrider/eventing";
import { z } from "zod";
import type { Health } from "./health.ts";
import type { Logger } from "./logging.ts";

/** What a power failure would take back of what NATS has acknowledged. `unknown` says why it cannot be told from here. */
export type Durability = { readonly kind: "durable" } | { readonly kind: "lacking" | "unknown"; readonly says: string };

const enoughReplicas = 3;
const askMs = 3_000;
/** Until the first answer, as long as it is not durable, and afterwards: streams are added and servers replaced while we run. */
const pauses = { first: 1_000, lacking: 30_000, durable: 300_000 };
const ours: ReadonlySet<string> = new Set([
  ...Object.values(streams).map(({ name }) => name),
  ...Object.values(buckets).map((name) => `KV_${name}`),
]);
const varz = z.object({ jetstream: z.object({ config: z.object({ sync_always: z.boolean().default(false) }) }) });

const remedy = "set sync_interval to always there, or keep every stream on three servers on separate power (NATS_REPLICAS)";

/** The part of JetStream's manager that is asked. */
interface Streams {
  readonly streams: { list(): AsyncIterable<{ readonly config: { readonly name: string; readonly num_replicas: number } }> };
}

/** Whether each of our streams is on three servers or, failing that, the server syncs before it acknowledges. That is only in its monitor. */
export const durabilityOf = async (jsm: Streams, monitorUrl: string | undefined): Promise<Durability> => {
  const thin: string[] = [];
  for await (const { config } of jsm.streams.list()) {
    if (ours.has(config.name) && config.num_replicas < enoughReplicas) thin.push(config.name);
  }
  if (thin.length === 0) return { kind: "durable" };
  const kept = `${thin.sort().join(", ")} ${thin.length === 1 ? "is" : "are"} kept by fewer than three servers`;
  if (monitorUrl === undefined) {
    const says = `${kept}, and whether NATS syncs before it acknowledges cannot be seen; tell NATS_MONITOR_URL, and ${remedy}`;
    return { kind: "unknown", says };
  }
  try {
    const answer = await fetch(new URL("/varz", monitorUrl), { signal: AbortSignal.timeout(askMs) });
    const { sync_always } = varz.parse(await answer.json()).jetstream.config;
    if (sync_always) return { kind: "durable" };
    return {
      kind: "lacking",
      says: `a power failure would take back what NATS has acknowledged, and messages would be sent twice: ${kept}; ${remedy}`,
    };
  } catch (error) {
    const why = error instanceof Error ? error.name : "no answer";
    return {
      kind: "unknown",
      says: `${kept}, and the monitor at NATS_MONITOR_URL does not say whether NATS syncs before it acknowledges (${why})`,
    };
  }
};

interface Needs {
  readonly jsm: Streams;
  readonly monitorUrl: string | undefined;
  readonly health: Pick<Health, "set" | "note">;
  readonly log: Pick<Logger, "warn">;
  readonly stopping: AbortSignal;
  /** For tests, ms. */
  readonly pausesMs?: typeof pauses;
}

/**
 * Live mode: not ready until the first look, and while NATS is known to forget; what cannot be known is said beside ready. Goes on looking,
 * more rarely once it is durable.
 */
export const watchDurability = async ({ jsm, monitorUrl, health, log, stopping, pausesMs = pauses }: Needs): Promise<void> => {
  health.set("durability", "whether a power failure would take back what NATS has acknowledged is not checked yet");
  let said: string | undefined;
  let pause = pausesMs.first;
  while (!stopping.aborted) {
    const found = await durabilityOf(jsm, monitorUrl).catch(() => undefined); // NATS is away: that is told elsewhere
    if (found !== undefined) {
      const says = found.kind === "durable" ? undefined : found.says;
      health.set("durability", found.kind === "lacking" ? says : undefined);
      health.note("durability", found.kind === "unknown" ? says : undefined);
      if (says !== undefined && says !== said) log.warn({ durability: found.kind, says }, "NATS may take back what it has acknowledged");
      said = says;
      pause = says === undefined ? pausesMs.durable : pausesMs.lacking;
    }
    await pauseFor(pause, stopping);
  }
};
