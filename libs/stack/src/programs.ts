import { access } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "./cache.ts";
import { type OutriderOptions, SIMULATORS } from "./options.ts";
import { choosePort, freePort } from "./ports.ts";
import { sandboxSecrets } from "./secrets.ts";
import { StackError } from "./stack-error.ts";
import type { Program } from "./supervised.ts";

const isLive = (env: NodeJS.ProcessEnv): boolean => env["OUTRIDER_PROVIDERS"] === "live";

/** Half of the nursery, MB. Smaller than the usual 16: a dozen processes share the machine. */
const nursery = (megabytes: number): string => `--max-semi-space-size=${megabytes}`;
const usualNursery = nursery(8);
/** They work in large pieces of which most is garbage when the next one comes: a larger nursery would only hold more of it. */
const smallNurseries: ReadonlyMap<string, string> = new Map([
  ["hunt-allocator", nursery(2)],
  ["projector", nursery(4)],
]);

/** Compiled modules are kept between starts: with a dozen processes on two cores that is most of a start. */
export const ownEnvironment = (options: OutriderOptions): NodeJS.ProcessEnv => ({
  NODE_COMPILE_CACHE: join(cacheFolder(process.env), "node-compile"),
  NODE_OPTIONS: usualNursery,
  // One arena for all threads: what one of them gives back another can use, a tenth less memory in each process.
  MALLOC_ARENA_MAX: "1",
  // What is read from sockets comes in pieces of 64 KB: mapped each by itself they go back when they are let go, instead of leaving holes.
  MALLOC_MMAP_THRESHOLD_: "32768",
  MALLOC_TRIM_THRESHOLD_: "131072",
  ...told(process.env),
  ...options.env,
});

/** A variable that is empty, as a copy of `.env.example` leaves it, is none: it must not stand before what is filled in here. */
const told = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));

/** One program per simulator, each on a port of its own that it keeps when it is started again. */
export async function simulatorPrograms(options: OutriderOptions, root: string): Promise<Program[]> {
  const env = ownEnvironment(options);
  const names = options.simulators ?? (isLive(env) ? [] : Object.keys(SIMULATORS));
  const programs = names.map(async (name): Promise<Program> => {
    const script = join(root, "libs", "simulators", "src", name, "main.ts");
    await requireScript(script, `simulator ${name}`);
    return {
      name,
      replica: 1,
      script,
      cwd: root,
      env: { SIM_LOG_FILE: join(options.dir, `${name}-calls.jsonl`), ...env, PORT: String(await freePort()) },
      log: join(options.dir, "logs", `${name}.log`),
    };
  });
  return Promise.all(programs);
}

interface Ground {
  readonly options: OutriderOptions;
  readonly nats: string;
  /** Of a server of our own. */
  readonly natsMonitor: string | undefined;
  readonly mongodb: string;
  /** Addresses by name. */
  readonly simulators: Readonly<Record<string, string>>;
}

/** What every service is told: where things are, the secrets, the clock. */
export async function sharedEnvironment({ options, nats, natsMonitor, mongodb, simulators }: Ground): Promise<NodeJS.ProcessEnv> {
  const own = ownEnvironment(options);
  const secrets = isLive(own) ? {} : await sandboxSecrets(options.dir);
  const providers = Object.entries(simulators).map(([name, url]) => [SIMULATORS[name] ?? `${name.toUpperCase()}_URL`, url]);
  return {
    ...secrets,
    MONGODB_DATABASE: "outrider",
    ...own,
    NATS_URL: nats,
    ...(natsMonitor === undefined ? {} : { NATS_MONITOR_URL: natsMonitor }),
    MONGODB_URL: mongodb,
    ...Object.fromEntries(providers),
    ...(options.at === undefined ? {} : { OUTRIDER_CLOCK_OFFSET_MS: String(offset(options.at)) }),
    ...options.env,
  };
}

function offset(at: string): number {
  const time = Date.parse(at);
  if (Number.isNaN(time)) throw new StackError("start-failed", `The time ${at} is not one: write it as 2026-03-02T09:30:00+01:00.`);
  return time - Date.now();
}

export interface ServiceProgram {
  readonly program: Program;
  readonly health: string;
}

/** One program per service and replica, each with ports of its own that it keeps when it is started again. */
export async function servicePrograms({
  options,
  root,
  shared,
}: {
  options: OutriderOptions;
  root: string;
  shared: NodeJS.ProcessEnv;
}): Promise<{ programs: ServiceProgram[]; gateway: string | null }> {
  const { replicas = 1 } = options;
  const programs: ServiceProgram[] = [];
  let gateway: string | null = null;
  for (const name of options.services) {
    const script = join(root, "services", name, "src", "main.ts");
    await requireScript(script, `service ${name}`);
    const count = typeof replicas === "number" ? replicas : (replicas[name] ?? 1);
    for (let replica = 1; replica <= count; replica += 1) {
      const healthPort = await freePort();
      const env: NodeJS.ProcessEnv = { ...shared, HEALTH_PORT: String(healthPort), OUTRIDER_REPLICA: `${name}-${replica}` };
      const small = smallNurseries.get(name);
      if (small !== undefined && env["NODE_OPTIONS"] === usualNursery) env["NODE_OPTIONS"] = small;
      if (name === "gateway") {
        const told = options.ports?.gateway ?? portIn(shared["GATEWAY_PORT"]);
        const port = await choosePort(replica === 1 ? told : undefined, "the gateway");
        env["GATEWAY_PORT"] = String(port);
        gateway ??= `http://127.0.0.1:${port}`;
      }
      const log = join(options.dir, "logs", `${name}-${replica}.log`);
      programs.push({
        program: { name, replica, script, cwd: root, env, log, givesWay: name === "projector" },
        health: `http://127.0.0.1:${healthPort}/health/ready`,
      });
    }
  }
  return { programs, gateway };
}

function portIn(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new StackError("start-failed", `GATEWAY_PORT is "${text}": give a port from 1 to 65535, or unset it.`);
}

async function requireScript(script: string, what: string): Promise<void> {
  try {
    await access(script);
  } catch (cause) {
    throw new StackError("missing-tool", `There is no ${what}: ${script} is missing; check the name.`, "", { cause });
  }
}
