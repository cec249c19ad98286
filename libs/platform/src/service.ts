import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { buckets } from "@outrider/contracts/streams";
import { type AcquireLease, type Instruments, pipelinedPublisher } from "@outrider/eventing";
import { openBucket } from "./bucket.ts";
import { type Clock, createClock } from "./clock.ts";
import { type Ask, createAsk, questionsOver } from "./commands/ask.ts";
import type { CommonConfig } from "./config.ts";
import { watchDurability } from "./durability.ts";
import { createHealth, type Health, serveHealth } from "./health.ts";
import { collectOnce, keepHeapSmall } from "./heap.ts";
import { KeyStore } from "./keyring/key-store.ts";
import { createKeyring, type Keyring } from "./keyring/keyring.ts";
import { masterKeyOf } from "./keyring/master-key.ts";
import { createLeases } from "./lease.ts";
import { createLifecycle, type Lifecycle, obeySignals } from "./lifecycle.ts";
import { createLogger, type Logger } from "./logging.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { CannotStart, connectNats } from "./nats.ts";
import { scrubError } from "./scrub.ts";
import { markOf, requireOwnStore } from "./store-mark.ts";
import { openTracer } from "./telemetry.ts";

/** A running service: all that `main.ts` hands to what it wires. Leaving its scope ends it. */
export interface Service<Config extends CommonConfig = CommonConfig> extends AsyncDisposable {
  readonly name: Config["service"];
  readonly replica: string;
  readonly version: string;
  readonly config: Config;
  readonly nats: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  /** False while the connection to NATS is broken. */
  readonly natsIsUp: () => boolean;
  readonly log: Logger;
  readonly clock: Clock;
  readonly keyring: Keyring;
  readonly instruments: Instruments;
  readonly metrics: Metrics;
  readonly acquireLease: AcquireLease;
  readonly ask: Ask;
  readonly health: Health;
  /** `http://host:port` of health and metrics. */
  readonly healthUrl: string;
  readonly stopping: AbortSignal;
  readonly onStop: Lifecycle["onStop"];
  readonly untilStopped: () => Promise<void>;
}

export interface OpenOptions {
  /** False: no signal is obeyed and the process is never ended, for tests that open several services in one process. */
  readonly ownsProcess?: boolean;
  readonly leaseTtlMs?: number;
}

const manifest = new URL("../package.json", import.meta.url);

/** Starts a service: waits for NATS as long as it takes, and says so at /health/ready meanwhile. What cannot be cured ends the process with 2. */
export const openService = async <Config extends CommonConfig>(config: Config, options: OpenOptions = {}): Promise<Service<Config>> => {
  const ownsProcess = options.ownsProcess !== false;
  if (ownsProcess) keepHeapSmall();
  const replica =
    config.OUTRIDER_REPLICA ??
    `${hostname()
      .replace(/[^A-Za-z0-9_-]/g, "-")
      .slice(0, 40)}-${process.pid}`;
  const log = createLogger(config, replica);
  const lifecycle = createLifecycle({
    deadlineMs: config.STOP_DEADLINE_MS,
    log,
    ...(ownsProcess ? { exit: (code) => process.exit(code) } : {}),
  });
  if (ownsProcess) {
    obeySignals(lifecycle, (what, error) => {
      log.fatal({ what, error: scrubError(error) }, "this must never happen; ending");
      process.exit(1);
    });
  }
  try {
    return await assemble(config, replica, log, lifecycle, options);
  } catch (error) {
    await lifecycle.close();
    if (ownsProcess && error instanceof CannotStart) {
      process.stderr.write(`${config.service}: ${error.message}\n`);
      process.exit(2);
    }
    throw error;
  }
};

const assemble = async <Config extends CommonConfig>(
  config: Config,
  replica: string,
  log: Logger,
  lifecycle: Lifecycle,
  options: OpenOptions,
): Promise<Service<Config>> => {
  const { version } = JSON.parse(readFileSync(manifest, "utf8"));
  const metrics = createMetrics({ service: config.service, replica }, (name, error) =>
    log.warn({ metric: name, error }, "a metric is used in two ways"),
  );
  const health = createHealth((key, reason) => log.info({ key, reason }, reason === undefined ? "ready again" : "not ready"));
  health.notReady("start", "the service is starting");
  const healthServer = await serveHealth(health, metrics.registry, { host: config.HEALTH_HOST, port: config.HEALTH_PORT }).catch(
    cannotListen(config),
  );
  lifecycle.onStop("health server", healthServer.close);
  const tracer = await openTracer(config, replica, version);
  lifecycle.onStop("telemetry", tracer.close);

  const link = await connectNats({ url: config.NATS_URL, name: `${config.service} ${replica}`, health, log, stopping: lifecycle.stopping });
  lifecycle.onStop("NATS", () => (link.nats.isClosed() ? undefined : link.nats.drain()));
  const { nats, js, jsm } = link;
  const questions = questionsOver(nats);
  lifecycle.onStop("questions", questions.close);
  const replicas = config.NATS_REPLICAS;
  const { master, development } = masterKeyOf(config);
  const metadata = markOf(config.OUTRIDER_PROVIDERS, master);
  const keys = await openBucket(jsm, buckets.keys, { replicas, history: 2, direct: true, metadata });
  await requireOwnStore(jsm, keys.stream, metadata);
  const leaseBucket = await openBucket(jsm, buckets.leases, { replicas, history: 1 });
  const leases = createLeases({
    nats,
    js,
    jsm,
    bucket: leaseBucket,
    replica,
    log,
    ...(options.leaseTtlMs === undefined ? {} : { ttlMs: options.leaseTtlMs }),
  });
  lifecycle.onStop("leases", leases.releaseAll);
  const store = new KeyStore(js, jsm, keys, () => pipelinedPublisher(nats));
  lifecycle.onStop("keys", () => store.close());
  if (development) log.warn({}, "OUTRIDER_MASTER_KEY is absent; using the development key that everybody knows");

  const instruments: Instruments = {
    span: tracer.span,
    count: metrics.count,
    time: metrics.time,
    gauge: metrics.gauge,
    log: (level, message, fields) => log[level](fields, message),
  };
  if (config.OUTRIDER_PROVIDERS === "live") {
    void watchDurability({ jsm, monitorUrl: config.NATS_MONITOR_URL, health, log, stopping: lifecycle.stopping });
  }
  // Whoever opens several services in one process wires them piece by piece and never waits for their stop.
  if (options.ownsProcess === false) health.ok("start");
  log.info({ health: healthServer.url, version, providers: config.OUTRIDER_PROVIDERS }, "started");
  return {
    name: config.service,
    replica,
    version,
    config,
    nats,
    js,
    jsm,
    natsIsUp: link.isUp,
    log,
    clock: createClock(config.OUTRIDER_CLOCK_OFFSET_MS),
    keyring: createKeyring({ store, master }),
    instruments,
    metrics,
    acquireLease: leases.acquire,
    ask: createAsk({ questions, isUp: link.isUp, name: config.service, instruments }),
    health,
    healthUrl: healthServer.url,
    stopping: lifecycle.stopping,
    onStop: lifecycle.onStop,
    // Wired to its end, commands and all: only now may anybody count on this replica.
    untilStopped: () => {
      if (options.ownsProcess !== false) collectOnce();
      health.ok("start");
      return lifecycle.untilStopped();
    },
    [Symbol.asyncDispose]: lifecycle.close,
  };
};

/** What a server's error code means, and which variable to set: `<prefix>_HOST` or `<prefix>_PORT`. */
export const whyNotListening = (code: string, prefix: string): string => {
  const isHost = ["ENOTFOUND", "EADDRNOTAVAIL", "EAI_AGAIN"].includes(code);
  if (isHost) return `(${code}); set ${prefix}_HOST to an address of this machine.`;
  return `(${code === "EADDRINUSE" ? "the port is in use" : code}); set ${prefix}_PORT to a free port, or to 0.`;
};

const cannotListen =
  (config: CommonConfig) =>
  (error: unknown): never => {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw new CannotStart(`Health cannot be served at ${config.HEALTH_HOST}:${config.HEALTH_PORT} ${whyNotListening(code, "HEALTH")}`);
  };
