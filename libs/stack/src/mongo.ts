import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { requireDisk } from "./disk.ts";
import { trimLog } from "./log-file.ts";
import { findMongo, type MongoBinary } from "./mongo-binary.ts";
import { javaArguments } from "./mongo-embedded.ts";
import { accepts, choosePort, isFree } from "./ports.ts";
import { foreignServer, ownServer, type ServerHandle } from "./server-handle.ts";
import { isDiskFull, StackError } from "./stack-error.ts";
import { lastLines, startTethered, type Tethered } from "./tethered.ts";

export interface MongoServer extends ServerHandle {
  readonly url: string;
  /** `embedded` is the small Java server: no transactions, change streams, pipeline updates or TTL. */
  readonly kind: "mongod" | "embedded" | "url";
  readonly version: string | undefined;
}

export interface MongoOptions {
  /** Holds the data and the server's log; made if missing. */
  readonly dir: string;
  readonly port?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly onProgress?: (text: string) => void;
}

const MEGABYTES = 200;
const READY_MS = 120_000;
const STOP_MS = 10_000;

/**
 * The MongoDB server at MONGODB_URL, or one of our own on the loopback interface that ends with this process.
 * @throws StackError nothing to run, port in use, no disk space, not ready in time.
 */
export async function startMongo(options: MongoOptions): Promise<MongoServer> {
  const env = options.env ?? process.env;
  const url = env["MONGODB_URL"];
  if (url !== undefined && url !== "") return { ...foreignServer("MongoDB", "MONGODB_URL"), url, kind: "url", version: undefined };
  const binary = await findMongo({ env, ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }) });
  await requireDisk(options.dir, MEGABYTES, "MongoDB");
  return startOurs(binary, options);
}

async function startOurs(binary: MongoBinary, options: MongoOptions): Promise<MongoServer> {
  const port = await choosePort(options.port, "MongoDB");
  const [command, args] = await commandLine(binary, options.dir, port);
  const log = join(options.dir, "mongodb.log");
  await trimLog(log);
  const start = async (): Promise<Tethered> => {
    const server = await startTethered(command, args, { log, givesWay: true });
    await ready(server, port);
    return server;
  };
  return { ...(await ownServer(start)), url: `mongodb://127.0.0.1:${port}`, kind: binary.kind, version: binary.version };
}

/** The two kinds keep their data in different places, so that a machine that gains a mongod later does not open the other's file. */
async function commandLine(binary: MongoBinary, dir: string, port: number): Promise<[string, string[]]> {
  if (binary.kind === "embedded") {
    await rm(join(dir, "embedded.h2"), { force: true }); // in an older form: what was in it is built again
    return [binary.java, javaArguments(binary.folder, port, join(dir, "embedded-2.h2"))];
  }
  const data = join(dir, "mongod");
  await mkdir(data, { recursive: true });
  return [
    binary.path,
    ["--dbpath", data, "--bind_ip", "127.0.0.1", "--port", String(port), "--nounixsocket", "--wiredTigerCacheSizeGB", "0.5"],
  ];
}

async function ready(server: Tethered, port: number): Promise<void> {
  const deadline = performance.now() + READY_MS;
  while (server.running()) {
    if (await accepts(port, 1_000)) return;
    if (performance.now() > deadline) {
      await server.end(STOP_MS);
      throw new StackError(
        "not-ready",
        `MongoDB did not answer within ${READY_MS / 1000} s: look at mongodb.log in its data folder.`,
        lastLines(server.output(), 10),
      );
    }
    await sleep(20);
  }
  const output = server.output();
  const detail = lastLines(output, 10);
  if (isDiskFull(output))
    throw new StackError("no-disk-space", "MongoDB ended because its disk is full: make room and start again.", detail);
  if (/address already in use/i.test(output) || !(await isFree(port))) {
    throw new StackError(
      "port-in-use",
      `Port ${port} for MongoDB is in use: end the program that listens there or choose another port.`,
      detail,
    );
  }
  if (/locked|another process/i.test(output)) {
    throw new StackError(
      "start-failed",
      "MongoDB's data folder is in use by another one: stop the other Outrider that runs here, or choose another folder.",
      detail,
    );
  }
  throw new StackError(
    "start-failed",
    `MongoDB ended while starting (${lastLines(output, 1).slice(0, 200)}): look at mongodb.log in its data folder.`,
    detail,
  );
}
