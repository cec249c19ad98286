import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { requireDisk } from "./disk.ts";
import { trimLog } from "./log-file.ts";
import { findNats, type NatsBinary } from "./nats-binary.ts";
import { requireNats } from "./nats-info.ts";
import { choosePort, isFree } from "./ports.ts";
import { foreignServer, ownServer, type ServerHandle } from "./server-handle.ts";
import { isDiskFull, StackError } from "./stack-error.ts";
import { lastLines, startTethered, type Tethered } from "./tethered.ts";

export interface NatsServer extends ServerHandle {
  readonly url: string;
  /** The server's HTTP monitor; undefined when the server is somebody else's (NATS_URL). */
  readonly monitorUrl: string | undefined;
  readonly version: string;
  readonly from: NatsBinary["from"] | "url";
}

export interface NatsOptions {
  /** Holds the streams, the configuration and the server's log; made if missing. */
  readonly dir: string;
  readonly port?: number;
  readonly config?: {
    /** `always`, or a duration as `2m` (the server's own default): how long a power failure may take back what was acknowledged. */
    readonly syncInterval?: string;
  };
  /** Bytes; default 1 MB. */
  readonly maxPayload?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly onProgress?: (text: string) => void;
}

const MEGABYTES = 200;
const HEALTHY_MS = 120_000;
const STOP_MS = 10_000;
const MAX_PAYLOAD = 1024 * 1024;

/**
 * The NATS server at NATS_URL, or one of our own on the loopback interface that ends with this process.
 * @throws StackError too old, nothing to run, port in use, no disk space, not healthy in time.
 */
export async function startNats(options: NatsOptions): Promise<NatsServer> {
  const env = options.env ?? process.env;
  const url = env["NATS_URL"];
  if (url !== undefined && url !== "") {
    const { version } = await requireNats(url);
    return { ...foreignServer("nats-server", "NATS_URL"), url, monitorUrl: undefined, version, from: "url" };
  }
  const binary = await findNats({ env, ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }) });
  await requireDisk(options.dir, MEGABYTES, "NATS");
  return startOurs(binary, options);
}

async function startOurs(binary: NatsBinary, options: NatsOptions): Promise<NatsServer> {
  const port = await choosePort(options.port, "NATS");
  const monitor = await choosePort(undefined, "the NATS monitor");
  const configuration = join(options.dir, "nats.conf");
  await mkdir(options.dir, { recursive: true });
  await writeFile(configuration, configurationText(options, port, monitor));
  const log = join(options.dir, "nats-server.log");
  await trimLog(log);
  const start = async (): Promise<Tethered> => {
    const server = await startTethered(binary.path, ["-c", configuration], { log });
    await healthy(server, port, `http://127.0.0.1:${monitor}/healthz`);
    return server;
  };
  const server = await ownServer(start);
  return {
    ...server,
    url: `nats://127.0.0.1:${port}`,
    monitorUrl: `http://127.0.0.1:${monitor}`,
    version: binary.version,
    from: binary.from,
  };
}

function configurationText(options: NatsOptions, port: number, monitor: number): string {
  const sync = options.config?.syncInterval;
  return `# Written by Outrider at every start; changes made here are lost.
server_name: outrider
host: 127.0.0.1
port: ${port}
http: "127.0.0.1:${monitor}"
max_payload: ${options.maxPayload ?? MAX_PAYLOAD}
jetstream {
  store_dir: ${JSON.stringify(join(options.dir, "jetstream"))}
${sync === undefined ? "" : `  sync_interval: ${JSON.stringify(sync)}\n`}}
`;
}

/** Healthy means that JetStream has read all its streams, not only that the port is open. */
async function healthy(server: Tethered, port: number, url: string): Promise<void> {
  const deadline = performance.now() + HEALTHY_MS;
  while (server.running()) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok === true && server.running()) return;
    if (performance.now() > deadline) {
      await server.end(STOP_MS);
      throw new StackError(
        "not-ready",
        `NATS did not become healthy within ${HEALTHY_MS / 1000} s: look at its log in the data folder.`,
        lastLines(server.output(), 10),
      );
    }
    await sleep(10);
  }
  throw await diagnosis(server, port);
}

async function diagnosis(server: Tethered, port: number): Promise<StackError> {
  const output = server.output();
  const detail = lastLines(output, 10);
  if (isDiskFull(output)) return new StackError("no-disk-space", "NATS ended because its disk is full: make room and start again.", detail);
  if (/address already in use/i.test(output) || !(await isFree(port))) {
    return new StackError(
      "port-in-use",
      `Port ${port} for NATS is in use: end the program that listens there or choose another port.`,
      detail,
    );
  }
  const said = /\[FTL\] (.*)/.exec(output)?.[1] ?? lastLines(output, 1);
  return new StackError("start-failed", `NATS ended while starting (${said}): look at nats-server.log in its data folder.`, detail);
}
