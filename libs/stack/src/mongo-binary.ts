import { lookup } from "node:dns/promises";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cacheFolder, installed } from "./cache.ts";
import { CORRUPT } from "./mongo-download.ts";
import { embeddedJar, installEmbedded, type JavaTools, javaTools } from "./mongo-embedded.ts";
import { answersVersion, isAtLeast, onPath, runTool, versionOf } from "./run-tool.ts";
import { isMissing, messageOf, StackError } from "./stack-error.ts";
import { lastLines } from "./tethered.ts";

export const MONGO_MINIMUM = "5.0.0";
const DOWNLOADED = "8.2.6";
const NAME = `mongod-${DOWNLOADED}-${process.platform}-${process.arch}`;
const DOWNLOAD_MEGABYTES = 1_000;
const DOWNLOAD_MS = 10 * 60_000;
const PROBE_MS = 3_000;
const REMEMBER_MS = 24 * 3_600_000;

export type MongoBinary =
  | { readonly kind: "mongod"; readonly path: string; readonly version: string; readonly from: "path" | "cache" }
  | { readonly kind: "embedded"; readonly java: string; readonly folder: string; readonly version: string };

export interface MongoFound {
  readonly binary?: MongoBinary;
  readonly tooOld?: string;
  readonly tools: JavaTools;
}

const SAYS = /db version v(\d+\.\d+\.\d+)/;
const versionOfServer = (path: string, env: NodeJS.ProcessEnv) => versionOf(path, ["--version"], SAYS, env);

/** Looks, and changes nothing: `mongod` on the PATH, a downloaded one, the embedded server. */
export async function lookForMongo(env: NodeJS.ProcessEnv): Promise<MongoFound> {
  const tools = await javaTools(env);
  const path = await onPath("mongod", env);
  const version = path === undefined ? undefined : await versionOfServer(path, env);
  if (path !== undefined && version !== undefined && isAtLeast(version, MONGO_MINIMUM)) {
    return { binary: { kind: "mongod", path, version, from: "path" }, tools };
  }
  const old = version === undefined ? {} : { tooOld: version };
  const downloaded = await downloadedMongod(env);
  if (downloaded !== undefined) return { binary: downloaded, tools, ...old };
  const embedded = await embeddedJar(cacheFolder(env));
  if (embedded !== undefined && tools.java !== undefined)
    return { binary: { kind: "embedded", java: tools.java, ...embedded }, tools, ...old };
  return { tools, ...old };
}

/**
 * A MongoDB server: `mongod` from the PATH or downloaded; where that cannot be, the embedded one, fetched by Maven.
 * @throws StackError when none of these is to be had, when what was downloaded is damaged, and when the disk is full.
 */
export async function findMongo(options: { env?: NodeJS.ProcessEnv; onProgress?: (text: string) => void } = {}): Promise<MongoBinary> {
  const env = options.env ?? process.env;
  const found = await lookForMongo(env);
  if (found.binary !== undefined) return found.binary;
  const tell = options.onProgress ?? ((): void => undefined);
  const downloaded = await download(env, tell);
  if (downloaded !== undefined) return downloaded;
  const { java } = found.tools;
  if (java === undefined || found.tools.missing.length > 0) throw nothingToRun(found);
  tell("fetching the embedded MongoDB server with Maven (a few seconds, once)");
  return { kind: "embedded", java, ...(await installEmbedded(found.tools, env)) };
}

export const INSTALL_MONGO = `install MongoDB ${MONGO_MINIMUM} or later (mongod), or Maven with a Java 17 JDK, or set MONGODB_URL`;

function nothingToRun({ tooOld, tools }: MongoFound): StackError {
  if (tooOld !== undefined) return new StackError("too-old", `mongod ${tooOld} on the PATH is too old: ${INSTALL_MONGO}.`);
  return new StackError(
    "missing-tool",
    `No MongoDB was found, none could be downloaded, and the embedded one lacks ${tools.missing.join(" and ")}: ${INSTALL_MONGO}.`,
  );
}

async function downloadedMongod(env: NodeJS.ProcessEnv): Promise<MongoBinary | undefined> {
  const path = await downloadedPath(join(cacheFolder(env), NAME));
  const version = path === undefined ? undefined : await versionOfServer(path, env);
  return path === undefined || version === undefined ? undefined : { kind: "mongod", path, version, from: "cache" };
}

async function downloadedPath(folder: string): Promise<string | undefined> {
  try {
    return join(folder, (await readFile(join(folder, "mongod.path"), "utf8")).trim());
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** The real mongod, where downloads are allowed. That they are not is remembered for a day, so that it costs seconds only once. */
async function download(env: NodeJS.ProcessEnv, tell: (text: string) => void): Promise<MongoBinary | undefined> {
  const cache = cacheFolder(env);
  const refusal = join(cache, `${NAME}.unreachable`);
  if (await isRecent(refusal)) return undefined;
  try {
    await requireReachable(env);
    tell(`downloading MongoDB ${DOWNLOADED} (about 100 MB, once)`);
    const works = async (folder: string): Promise<boolean> => {
      const path = await downloadedPath(folder);
      return path !== undefined && (await answersVersion(path, SAYS, { env }));
    };
    await installed({ cache, name: NAME, megabytes: DOWNLOAD_MEGABYTES, works, build: (part) => fetchInto(part, env) });
    return await downloadedMongod(env);
  } catch (error) {
    // Neither is made good by another way, and a server that somebody tampered with is not passed over in silence.
    if (error instanceof StackError && (error.code === "no-disk-space" || error.code === "corrupt-download")) throw error;
    await mkdir(cache, { recursive: true });
    await writeFile(refusal, `${messageOf(error)}\n`);
    return undefined;
  }
}

async function isRecent(file: string): Promise<boolean> {
  try {
    if (Date.now() - (await stat(file)).mtimeMs < REMEMBER_MS) return true;
    await rm(file, { force: true });
    return false;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** Fails within seconds where names do not resolve or connections hang; with a proxy the download itself has to tell. */
async function requireReachable(env: NodeJS.ProcessEnv): Promise<void> {
  // Loaded here because it is slow to load and hardly ever needed.
  const { MongoBinaryDownloadUrl } = await import("mongodb-memory-server-core/lib/util/MongoBinaryDownloadUrl.js");
  const { getOS } = await import("mongodb-memory-server-core/lib/util/getos/index.js");
  const machine = { platform: process.platform, arch: process.arch, os: await getOS() };
  const url = await new MongoBinaryDownloadUrl({ version: DOWNLOADED, ...machine }).getDownloadUrl();
  if (Object.keys(env).some((name) => /^https?_proxy$/i.test(name))) return;
  const limit = new AbortController();
  const late = sleep(PROBE_MS, undefined, { signal: limit.signal, ref: false }).then(() =>
    Promise.reject(new Error(`no answer within ${PROBE_MS} ms`)),
  );
  try {
    await Promise.race([lookup(new URL(url).hostname), late]);
    const answer = await fetch(url, { method: "HEAD", signal: AbortSignal.timeout(PROBE_MS) });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  } finally {
    late.catch(() => undefined);
    limit.abort();
  }
}

/** @throws StackError when what came is not what its sum says; an Error when it did not come, or does not run on this machine. */
async function fetchInto(part: string, env: NodeJS.ProcessEnv): Promise<void> {
  const program = join(import.meta.dirname, "mongo-download.ts");
  const { code, output } = await runTool(process.execPath, [program, part, DOWNLOADED], { env, timeoutMs: DOWNLOAD_MS });
  if (code === CORRUPT) {
    throw new StackError(
      "corrupt-download",
      `What came as MongoDB ${DOWNLOADED} is damaged or not that release: start again, and if that does not help, ${INSTALL_MONGO}.`,
      lastLines(output, 10),
    );
  }
  if (code !== 0) throw new Error(`the download failed: ${lastLines(output, 10)}`);
  const path = lastLines(output, 1);
  const version = await versionOfServer(path, env);
  if (version !== DOWNLOADED) throw new Error(`the downloaded mongod does not run on this machine: ${lastLines(output, 10)}`);
  await writeFile(join(part, "mongod.path"), relative(part, path));
}
