import { mkdir } from "node:fs/promises";
import { MongoClient } from "mongodb";
import { cacheFolder } from "./cache.ts";
import { freeMegabytes } from "./disk.ts";
import type { Finding } from "./finding.ts";
import { INSTALL_MONGO, lookForMongo, MONGO_MINIMUM } from "./mongo-binary.ts";
import { INSTALL_NATS, lookForNats, NATS_BUILT, NATS_MINIMUM, type NatsFound } from "./nats-binary.ts";
import { durability } from "./nats-durability.ts";
import { requireNats } from "./nats-info.ts";
import { isAtLeast, onPath, versionOf } from "./run-tool.ts";
import { messageOf } from "./stack-error.ts";

const NODE_MINIMUM = "24.0.0";
const DISK_MEGABYTES = 1_000;
const ASK_MS = 5_000;

/** What this machine has for Outrider and what it lacks. Changes nothing and starts nothing. */
export async function diagnose(options: { env?: NodeJS.ProcessEnv; dir: string }): Promise<Finding[]> {
  const env = options.env ?? process.env;
  const findings = [node(), npm(env), nats(env), durability(env), mongodb(env), disk(options.dir), disk(cacheFolder(env))];
  return (await Promise.all(findings)).flat();
}

async function node(): Promise<Finding> {
  const version = process.versions.node;
  const found = { what: "node", version, from: process.execPath } as const;
  if (isAtLeast(version, NODE_MINIMUM)) return { ...found, state: "fine", says: `Node ${version}` };
  return {
    ...found,
    state: "wrong",
    says: `Node ${version} is older than 24`,
    remedy: "run `npm start`, which brings its own Node 24, or install Node 24",
  };
}

async function npm(env: NodeJS.ProcessEnv): Promise<Finding> {
  const path = await onPath("npm", env);
  const version = path === undefined ? undefined : await versionOf(path, ["--version"], /^(\d+\.\d+\.\d+\S*)$/m, env);
  if (path !== undefined && version !== undefined) return { what: "npm", state: "fine", version, from: path, says: `npm ${version}` };
  return { what: "npm", state: "wrong", says: "npm was not found", remedy: "install Node 20 or newer together with npm" };
}

async function nats(env: NodeJS.ProcessEnv): Promise<Finding> {
  const url = env["NATS_URL"];
  if (url !== undefined && url !== "") {
    return requireNats(url).then(
      ({ version }): Finding => ({
        what: "nats",
        state: "fine",
        version,
        from: "NATS_URL",
        says: `nats-server ${version} at NATS_URL, JetStream on`,
      }),
      (error: unknown): Finding => ({
        what: "nats",
        state: "wrong",
        from: "NATS_URL",
        says: messageOf(error),
        remedy: "correct NATS_URL or unset it",
      }),
    );
  }
  return natsOfOurOwn(await lookForNats(env));
}

const ORIGINS = { path: "on the PATH", release: "the release, downloaded", built: "built by Go" } as const;

function natsOfOurOwn({ binary, tooOld, downloadable, go }: NatsFound): Finding {
  const old = tooOld === undefined ? "" : `; the nats-server ${tooOld} on the PATH is older than ${NATS_MINIMUM} and left alone`;
  if (binary !== undefined) {
    const { version, path, from } = binary;
    return { what: "nats", state: "fine", version, from: path, says: `nats-server ${version}, ${ORIGINS[from]}${old}` };
  }
  const install = `${installCommand({ debian: "golang-go", mac: "nats-server" })}; or ${INSTALL_NATS}`;
  const building = `builds nats-server ${NATS_BUILT} with Go`;
  if (downloadable !== undefined) {
    const says = `the next start downloads nats-server ${downloadable}${go === undefined ? "" : `, or else ${building}`}, once${old}`;
    return { what: "nats", state: "later", says, ...(go === undefined ? { remedy: `where downloads are blocked: ${install}` } : {}) };
  }
  if (go !== undefined) return { what: "nats", state: "later", from: go, says: `the next start ${building}, once${old}` };
  const says =
    tooOld === undefined
      ? "no nats-server was found, nor Go to build it"
      : `nats-server ${tooOld} is too old, and there is no Go to build another`;
  return { what: "nats", state: "wrong", says, remedy: install };
}

async function mongodb(env: NodeJS.ProcessEnv): Promise<Finding> {
  const url = env["MONGODB_URL"];
  if (url !== undefined && url !== "") return mongodbAt(url);
  const { binary, tools, tooOld } = await lookForMongo(env);
  const old = tooOld === undefined ? "" : `; the mongod ${tooOld} on the PATH is older than ${MONGO_MINIMUM} and left alone`;
  if (binary?.kind === "mongod")
    return { what: "mongodb", state: "fine", version: binary.version, from: binary.path, says: `mongod ${binary.version}${old}` };
  if (binary !== undefined) {
    const says = `the embedded MongoDB server ${binary.version}, for a laptop only${old}`;
    return { what: "mongodb", state: "fine", version: binary.version, from: binary.folder, says };
  }
  if (tools.missing.length === 0) {
    return {
      what: "mongodb",
      state: "later",
      says: `the next start downloads mongod, or else fetches an embedded server with Maven, once${old}`,
    };
  }
  return {
    what: "mongodb",
    state: "later",
    says: `the next start has to download mongod, for the embedded server lacks ${tools.missing.join(" and ")}${old}`,
    remedy: `where downloads are blocked: ${installCommand({ debian: "maven default-jdk-headless", mac: "maven openjdk" })}; or ${INSTALL_MONGO}`,
  };
}

async function mongodbAt(url: string): Promise<Finding> {
  try {
    const client = await MongoClient.connect(url, { serverSelectionTimeoutMS: ASK_MS });
    try {
      const { version }: { version?: unknown } = await client.db("admin").command({ buildInfo: 1 });
      return { what: "mongodb", state: "fine", version: String(version), from: "MONGODB_URL", says: `MongoDB ${version} at MONGODB_URL` };
    } finally {
      await client.close();
    }
  } catch (error) {
    // The driver's own words may repeat the address with its password.
    const says = `MONGODB_URL does not lead to a MongoDB (${error instanceof Error ? error.name : "unknown error"})`;
    return {
      what: "mongodb",
      state: "wrong",
      from: "MONGODB_URL",
      says,
      remedy: "correct MONGODB_URL, or unset it to let Outrider start its own",
    };
  }
}

async function disk(folder: string): Promise<Finding> {
  try {
    await mkdir(folder, { recursive: true });
    const free = await freeMegabytes(folder);
    const found = { what: "disk", from: folder, says: `${free} MB free in ${folder}` } as const;
    return free >= DISK_MEGABYTES
      ? { ...found, state: "fine" }
      : { ...found, state: "wrong", remedy: `make room: ${DISK_MEGABYTES} MB are needed` };
  } catch (error) {
    return {
      what: "disk",
      state: "wrong",
      from: folder,
      says: `${folder} cannot be used (${messageOf(error)})`,
      remedy: "make that folder yours",
    };
  }
}

function installCommand(packages: { debian: string; mac: string }): string {
  return process.platform === "darwin" ? `brew install ${packages.mac}` : `apt-get install ${packages.debian}`;
}
