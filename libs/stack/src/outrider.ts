import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { holdNow, isHeld } from "./cache.ts";
import { keepAlive } from "./keep-alive.ts";
import { trimLog } from "./log-file.ts";
import { type MongoServer, startMongo } from "./mongo.ts";
import { type NatsServer, startNats } from "./nats.ts";
import type { OutriderEvent, OutriderOptions } from "./options.ts";
import { ownEnvironment, servicePrograms, sharedEnvironment, simulatorPrograms } from "./programs.ts";
import { untilListening, untilReady } from "./readiness.ts";
import { type RunningService, removeRunFile, writeRunFile } from "./run-file.ts";
import { isAtLeast } from "./run-tool.ts";
import { StackError } from "./stack-error.ts";
import { type Supervised, supervise } from "./supervised.ts";
import { warmCompileCache } from "./warm.ts";

export interface Outrider extends AsyncDisposable {
  readonly urls: {
    /** Null when the gateway is not among the services. */
    readonly gateway: string | null;
    readonly nats: string;
    readonly natsMonitor: string | undefined;
    readonly mongodb: string;
    readonly simulators: Readonly<Record<string, string>>;
  };
  services(): RunningService[];
  /** Every process that runs just now: services, simulators, and the servers that are ours (`nats`, `mongodb`). */
  processes(): { name: string; replica: number; pid: number }[];
  /** Sends a signal to one process; it comes back by itself after one that ends it. False when it is not running just now. */
  kill(name: string, replica: number, signal: NodeJS.Signals): boolean;
  /** `kill -9`, then the same data on the same port again. */
  restartNats(): Promise<void>;
  restartMongo(): Promise<void>;
  /** Resolves when every service is ready. @throws StackError naming the first that is not in time, and why. */
  ready(deadlineMs: number): Promise<void>;
  /** SIGTERM to the services, SIGKILL after `deadlineMs` (default 15 s), then the simulators, then MongoDB and NATS. */
  stop(deadlineMs?: number): Promise<void>;
}

const NODE_MINIMUM = "24.0.0";
const READY_MS = 60_000;
const STOP_MS = 15_000;
const SIMULATOR_STOP_MS = 2_000;
const TRIM_EVERY_MS = 5_000;

const ROOT = resolve(import.meta.dirname, "..", "..", "..");

interface Service {
  readonly process: Supervised;
  readonly health: string;
}

const lockIn = (dir: string): string => join(resolve(dir), "outrider.lock");

/** Whether an Outrider starts, runs or ends in a folder just now. */
export const isOutriderIn = (dir: string): Promise<boolean> => isHeld(lockIn(dir));

/**
 * Starts NATS, MongoDB, the simulators and the services, each a process, and resolves when all are ready. Whatever ends is started
 * again; everything ends with this process, however that ends. After a failed start nothing is left running.
 * @throws StackError one sentence with the remedy.
 */
export async function startOutrider(options: OutriderOptions): Promise<Outrider> {
  if (!isAtLeast(process.versions.node, NODE_MINIMUM)) {
    throw new StackError(
      "too-old",
      `Node ${process.versions.node} cannot run the services: run them with Node 24 or later, as \`npm start\` does.`,
    );
  }
  const dir = resolve(options.dir);
  await mkdir(dir, { recursive: true });
  const held = await holdNow(lockIn(dir));
  if (held === undefined) throw new StackError("start-failed", `Another Outrider runs in ${dir}: stop it, or choose another folder.`);
  const stack = new AsyncDisposableStack();
  stack.use(held);
  try {
    return await startAll({ ...options, dir }, stack);
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** What is put on `stack` is ended in reverse: services, then simulators, then the servers. */
async function startAll(options: OutriderOptions, stack: AsyncDisposableStack): Promise<Outrider> {
  const { dir, root = ROOT } = options;
  const tell = options.onEvent ?? ((): void => undefined);
  const stop = { deadlineMs: STOP_MS };
  const onProgress = (text: string): void => tell({ kind: "progress", text });
  const warm = options.root === undefined ? warmCompileCache({ env: ownEnvironment(options), root, onProgress }) : undefined;
  const ground = await startGround(options, root, stack, tell).finally(() => warm);
  const { nats, mongo, simulatorUrls: simulators } = ground;

  const shared = await sharedEnvironment({ options, nats: nats.url, natsMonitor: nats.monitorUrl, mongodb: mongo.url, simulators });
  const { programs, gateway } = await servicePrograms({ options, root, shared });
  const services: Service[] = [];
  const urls = { gateway, nats: nats.url, natsMonitor: nats.monitorUrl, mongodb: mongo.url, simulators };
  const describe = (): RunningService[] => services.map(described);
  const { publish, remove } = runFilePublisher(options.runFile, () => ({
    ...{ pid: process.pid, gateway, nats: nats.url, mongodb: mongo.url, simulators },
    services: describe(),
  }));
  const started = (event: OutriderEvent): void => {
    publish();
    tell(event);
  };
  for (const { program, health } of programs) services.push({ process: supervise(program, started), health });
  stack.defer(async () => {
    await Promise.all(services.map(({ process: service }) => service.stop(stop.deadlineMs)));
  });
  stack.defer(remove); // first of all: what ends is nobody's to use any more
  keepLogsSmall(
    [...new Set(programs.map(({ program }) => program.log)), join(dir, "nats", "nats-server.log"), join(dir, "mongo", "mongodb.log")],
    stack,
  );

  const ready = (deadlineMs: number, each: (service: Service) => void = () => undefined): Promise<void> =>
    allReady(services, deadlineMs, each);
  await ready(options.readyMs ?? READY_MS, ({ process: { program } }) =>
    tell({ kind: "ready", name: program.name, replica: program.replica }),
  );
  publish();

  let stopped: Promise<void> | undefined;
  const end = (deadlineMs = STOP_MS): Promise<void> => {
    stop.deadlineMs = deadlineMs;
    stopped ??= stack.disposeAsync();
    return stopped;
  };
  return {
    urls,
    services: describe,
    processes: () => allProcesses(services, ground),
    kill: (name, replica, signal) => find(services, name, replica).process.kill(signal),
    restartNats: () => nats.restart(),
    restartMongo: () => mongo.restart(),
    ready: (deadlineMs) => ready(deadlineMs),
    stop: end,
    [Symbol.asyncDispose]: () => end(),
  };
}

interface Ground {
  readonly nats: NatsServer;
  readonly mongo: MongoServer;
  readonly simulators: readonly Supervised[];
  readonly simulatorUrls: Readonly<Record<string, string>>;
}

/** What the services stand on, all at once; whatever was started before one of them failed is on the stack. */
async function startGround(
  options: OutriderOptions,
  root: string,
  stack: AsyncDisposableStack,
  tell: (event: OutriderEvent) => void,
): Promise<Ground> {
  const { dir, ports = {} } = options;
  const env = { ...process.env, ...options.env };
  const onProgress = (text: string): void => tell({ kind: "progress", text });
  // Messages to real people: what was acknowledged must not be taken back by a power failure, or it would be sent twice.
  const syncInterval = options.syncInterval ?? (env["OUTRIDER_PROVIDERS"] === "live" ? "always" : undefined);
  const nats = startNats({
    dir: join(dir, "nats"),
    env: options.natsUrl === undefined ? env : { ...env, NATS_URL: options.natsUrl },
    onProgress,
    ...(ports.nats === undefined ? {} : { port: ports.nats }),
    ...(syncInterval === undefined ? {} : { config: { syncInterval } }),
  }).then((server) => keepAlive(stack.use(server), "nats", tell, stack));
  const mongo = startMongo({
    dir: join(dir, "mongo"),
    env: options.mongoUrl === undefined ? env : { ...env, MONGODB_URL: options.mongoUrl },
    onProgress,
    ...(ports.mongodb === undefined ? {} : { port: ports.mongodb }),
  }).then((server) => keepAlive(stack.use(server), "mongodb", tell, stack));
  const simulators = startSimulators(options, root, stack, tell);
  const all = await Promise.allSettled([nats, mongo, simulators]);
  for (const one of all) if (one.status === "rejected") throw one.reason;
  return { nats: await nats, mongo: await mongo, ...(await simulators) };
}

async function startSimulators(
  options: OutriderOptions,
  root: string,
  stack: AsyncDisposableStack,
  tell: (event: OutriderEvent) => void,
): Promise<Pick<Ground, "simulators" | "simulatorUrls">> {
  const programs = await simulatorPrograms(options, root);
  const simulators = programs.map((program) => {
    const simulator = supervise(program, tell);
    stack.defer(() => simulator.stop(SIMULATOR_STOP_MS));
    return simulator;
  });
  const urls = simulators.map(
    async (simulator): Promise<[string, string]> => [simulator.program.name, await untilListening(simulator, READY_MS)],
  );
  return { simulators, simulatorUrls: Object.fromEntries(await Promise.all(urls)) };
}

/** Waits for all, so that the one whose failure is told is the first in the list, not whichever was asked last. */
async function allReady(services: readonly Service[], deadlineMs: number, each: (service: Service) => void): Promise<void> {
  const waits = services.map(async (service) => {
    await untilReady(service.process, service.health, deadlineMs);
    each(service);
  });
  await Promise.all(waits);
}

function described({ process: service, health }: Service): RunningService {
  const { name, replica } = service.program;
  return { name, replica, pid: service.pid() ?? null, health, restarts: service.restarts() };
}

function allProcesses(services: readonly Service[], ground: Ground): { name: string; replica: number; pid: number }[] {
  const programs = [...services.map((service) => service.process), ...ground.simulators].map((one) => ({ ...one.program, pid: one.pid() }));
  const servers = [
    { name: "nats", replica: 1, pid: ground.nats.pid() },
    { name: "mongodb", replica: 1, pid: ground.mongo.pid() },
  ];
  return [...programs, ...servers].flatMap(({ name, replica, pid }) => (pid === undefined ? [] : [{ name, replica, pid }]));
}

function find(services: readonly Service[], name: string, replica: number): Service {
  const found = services.find(({ process: { program } }) => program.name === name && program.replica === replica);
  if (found === undefined) throw new Error(`no service ${name} with replica ${replica} was started`);
  return found;
}

function runFilePublisher(
  file: string | undefined,
  running: () => Parameters<typeof writeRunFile>[1],
): { readonly publish: () => void; readonly remove: () => void } {
  if (file === undefined) return { publish: () => undefined, remove: () => undefined };
  let open = true;
  return {
    publish: () => {
      if (open) writeRunFile(file, running());
    },
    remove: () => {
      open = false;
      removeRunFile(file);
    },
  };
}

function keepLogsSmall(logs: readonly string[], stack: AsyncDisposableStack): void {
  const timer = setInterval(() => {
    // A log that cannot be trimmed now (a full disk) is tried again; the program that writes it is not to suffer.
    for (const log of logs) trimLog(log).catch(() => undefined);
  }, TRIM_EVERY_MS);
  timer.unref();
  stack.defer(() => clearInterval(timer));
}
