import { setTimeout as sleep } from "node:timers/promises";
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { ConnectionOptions, NatsConnection } from "@nats-io/transport-node";
import type { Health } from "./health.ts";
import type { Logger } from "./logging.ts";
import { connect } from "./nats-connect.ts";
import { scrubText } from "./scrub.ts";

/** Cannot be cured by waiting: the process ends with this sentence and code 2. */
export class CannotStart extends Error {
  override readonly name = "CannotStart";
}

export interface NatsLink {
  readonly nats: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  /** False from the moment the connection breaks until it is whole again. */
  readonly isUp: () => boolean;
}

interface NatsOptions {
  readonly url: string;
  readonly name: string;
  readonly health: Health;
  readonly log: Pick<Logger, "info" | "warn">;
  readonly stopping: AbortSignal;
}

// atomic batches with guards are judged wrongly before this release.
const oldest = [2, 14, 4] as const;

/** Waits for NATS with JetStream as long as it takes, not ready meanwhile; afterwards reconnects for ever. Rejects on a server too old. */
export const connectNats = async (options: NatsOptions): Promise<NatsLink> => {
  const servers = serversOf(options.url);
  for (let attempt = 0; ; attempt++) {
    try {
      const nats = await connect({ ...servers, ...settings(options.name) });
      return await withJetStream(nats, options);
    } catch (error) {
      if (error instanceof CannotStart) throw error;
      options.stopping.throwIfAborted();
      options.health.notReady("nats", `NATS at ${addressOf(options.url)} cannot be used: ${reasonOf(error)}`);
      await sleep(Math.min(2_000, 100 * 2 ** Math.min(attempt, 5)), undefined, { signal: options.stopping });
    }
  }
};

const settings = (name: string): ConnectionOptions => ({
  name,
  timeout: 3_000,
  maxReconnectAttempts: -1,
  reconnectTimeWait: 200,
  reconnectJitter: 200,
  pingInterval: 10_000,
  maxPingOut: 2,
  // Kept stack traces cost more than the request itself.
  noAsyncTraces: true,
  ignoreAuthErrorAbort: true,
});

const withJetStream = async (nats: NatsConnection, options: NatsOptions): Promise<NatsLink> => {
  try {
    checkVersion(nats.info?.version ?? "0.0.0", options.url);
    const jsm = await jetstreamManager(nats, { timeout: 5_000 });
    let up = true;
    options.health.ok("nats");
    void watch(nats, options, (now) => {
      up = now;
    });
    return { nats, js: jetstream(nats, { timeout: 5_000 }), jsm, isUp: () => up && !nats.isClosed() };
  } catch (error) {
    await nats.close();
    throw error;
  }
};

const checkVersion = (version: string, url: string): void => {
  const parts = version.split(/[.-]/).map(Number);
  for (const [index, least] of oldest.entries()) {
    const part = parts[index] ?? 0;
    if (part > least) return;
    if (part < least) {
      throw new CannotStart(`The NATS server at ${addressOf(url)} is version ${version}; Outrider needs ${oldest.join(".")} or later.`);
    }
  }
};

const watch = async (nats: NatsConnection, { url, health, log }: NatsOptions, changed: (up: boolean) => void): Promise<void> => {
  for await (const status of nats.status()) {
    if (status.type === "disconnect" || status.type === "staleConnection") {
      changed(false);
      health.notReady("nats", `NATS at ${addressOf(url)} is disconnected`);
      log.warn({}, "disconnected from NATS");
    } else if (status.type === "reconnect") {
      changed(true);
      health.ok("nats");
      log.info({}, "connected to NATS again");
    } else if (status.type === "error") {
      log.warn({ error: status.error }, "NATS reported an error");
    }
  }
};

/** nats.js reads no user from an address. */
const serversOf = (urls: string): ConnectionOptions => {
  const parsed = urls.split(",").map((url) => new URL(url.trim()));
  const first = parsed[0];
  const user = decodeURIComponent(first?.username ?? "");
  const pass = decodeURIComponent(first?.password ?? "");
  return {
    servers: parsed.map((url) => url.host),
    ...(user === "" ? {} : pass === "" ? { token: user } : { user, pass }),
    ...(parsed.some((url) => url.protocol === "tls:") ? { tls: {} } : {}),
  };
};

/** The addresses without who logs in. */
const addressOf = (urls: string): string =>
  urls
    .split(",")
    .map((url) => new URL(url.trim()).host)
    .join(", ");

const reasonOf = (error: unknown): string => (error instanceof Error ? scrubText(error.message) || error.name : "unknown reason");
