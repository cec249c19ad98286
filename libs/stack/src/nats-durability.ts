import type { Finding } from "./finding.ts";

const ASK_MS = 5_000;
const ENOUGH_REPLICAS = 3;
const SYNC = "set `sync_interval: always` in its configuration, or keep the streams on three servers on separate power (NATS_REPLICAS=3)";

/**
 * For live mode: would a power failure take back what NATS has acknowledged, so that people were written to twice? Empty in the sandbox,
 * where nobody is.
 */
export async function durability(env: NodeJS.ProcessEnv): Promise<Finding[]> {
  if (env["OUTRIDER_PROVIDERS"] !== "live") return [];
  const { NATS_URL: url = "", NATS_MONITOR_URL: monitor = "", NATS_REPLICAS: replicas = "1" } = env;
  if (url === "") return [finding("fine", "a server of our own, which syncs before it acknowledges in live mode")];
  if (Number(replicas) >= ENOUGH_REPLICAS) {
    return [finding("fine", `NATS_REPLICAS is ${replicas}; that its servers are on separate power is yours to see to`, "NATS_REPLICAS")];
  }
  const unsure = (why: string, remedy: string): Finding => ({ ...finding("unsure", why, "NATS_MONITOR_URL"), remedy });
  if (monitor === "") return [unsure("whether it syncs before it acknowledges cannot be seen", `tell NATS_MONITOR_URL, and ${SYNC}`)];
  const syncs = await syncsAlways(monitor);
  if (syncs === undefined) return [unsure("its monitor does not tell whether it syncs before it acknowledges", "correct NATS_MONITOR_URL")];
  if (syncs) return [finding("fine", "it syncs before it acknowledges", "NATS_MONITOR_URL")];
  return [{ ...finding("wrong", "a power failure would take back what it has acknowledged", "NATS_MONITOR_URL"), remedy: SYNC }];
}

const finding = (state: Finding["state"], says: string, from?: string): Finding => ({
  what: "nats",
  state,
  says: `live mode: ${says}`,
  ...(from === undefined ? {} : { from }),
});

/** Undefined when the monitor does not answer as one does. */
async function syncsAlways(monitor: string): Promise<boolean | undefined> {
  try {
    const answer = await fetch(new URL("/varz", monitor), { signal: AbortSignal.timeout(ASK_MS) });
    const config = at(at(await answer.json(), "jetstream"), "config");
    return typeof config === "object" ? at(config, "sync_always") === true : undefined;
  } catch {
    // Not there, or something else: then it cannot be told.
    return undefined;
  }
}

const at = (value: unknown, name: string): unknown => (typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined);
