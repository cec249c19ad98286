import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder, discard, exists, installed } from "./cache.ts";
import { buildWith, isAtLeast, onPath, versionOf } from "./run-tool.ts";
import { StackError } from "./stack-error.ts";

/** Schedules, and the fixes to them that we rely on, are in every release from here on. */
export const NATS_MINIMUM = "2.14.4";
/** What `nats/go.mod` pins. */
export const NATS_BUILT = "2.15.2";

const SOURCE = join(import.meta.dirname, "..", "nats");
const NAME = `nats-server-${NATS_BUILT}-${process.platform}-${process.arch}`;
const BUILD_MEGABYTES = 600;
const BUILD_MS = 15 * 60_000;

export interface NatsBinary {
  readonly path: string;
  readonly version: string;
  readonly from: "path" | "cache";
}

/** What is on this machine already. `tooOld` is the version of a server on the PATH that cannot be used. */
export interface NatsFound {
  readonly binary?: NatsBinary;
  readonly tooOld?: string;
  readonly go?: string;
}

const versionOfServer = (path: string, env: NodeJS.ProcessEnv) => versionOf(path, ["--version"], /nats-server: v(\d+\.\d+\.\d+\S*)/, env);

/** Looks, and changes nothing: PATH first, then the cache. */
export async function lookForNats(env: NodeJS.ProcessEnv): Promise<NatsFound> {
  const go = await onPath("go", env);
  const onThePath = await onPath("nats-server", env);
  const version = onThePath === undefined ? undefined : await versionOfServer(onThePath, env);
  if (onThePath !== undefined && version !== undefined && isAtLeast(version, NATS_MINIMUM)) {
    return { binary: { path: onThePath, version, from: "path" } };
  }
  const old = version === undefined ? {} : { tooOld: version };
  const cached = join(cacheFolder(env), NAME, "nats-server");
  const built = (await exists(cached)) ? await versionOfServer(cached, env) : undefined;
  if (built !== undefined) return { binary: { path: cached, version: built, from: "cache" }, ...old };
  return { ...old, ...(go === undefined ? {} : { go }) };
}

/**
 * A nats-server new enough for Outrider: from the PATH, from the cache, or built now (half a minute, once per user and version).
 * @throws StackError when there is neither a server nor Go, when the disk is full, or when the build fails.
 */
export async function findNats(options: { env?: NodeJS.ProcessEnv; onProgress?: (text: string) => void } = {}): Promise<NatsBinary> {
  const env = options.env ?? process.env;
  const found = await lookForNats(env);
  if (found.binary !== undefined) return found.binary;
  const { go, tooOld } = found;
  if (go === undefined) throw nothingToRun(tooOld);
  const cache = cacheFolder(env);
  // A copy that is there but does not run was damaged after it was put there.
  if (await exists(join(cache, NAME))) await discard(cache, NAME);
  options.onProgress?.(`building nats-server ${NATS_BUILT} with Go (about half a minute, once)`);
  const folder = await installed({ cache, name: NAME, megabytes: BUILD_MEGABYTES, build: (part) => build(go, part, env) });
  return { path: join(folder, "nats-server"), version: NATS_BUILT, from: "cache" };
}

export const INSTALL_NATS = `install nats-server ${NATS_MINIMUM} or later, or Go 1.21 or later to build it, or set NATS_URL`;

function nothingToRun(tooOld: string | undefined): StackError {
  if (tooOld === undefined) return new StackError("missing-tool", `No nats-server was found: ${INSTALL_NATS}.`);
  return new StackError("too-old", `nats-server ${tooOld} on the PATH is too old: ${INSTALL_NATS}.`);
}

async function build(go: string, part: string, env: NodeJS.ProcessEnv): Promise<void> {
  // From a copy, so that nothing Go might write ends up in the repository; readonly, so that what is pinned is what is built.
  const source = join(part, "source");
  await cp(SOURCE, source, { recursive: true });
  await buildWith(go, ["build", "-trimpath", "-ldflags=-s -w", "-o", join(part, "nats-server"), "github.com/nats-io/nats-server/v2"], {
    cwd: source,
    env: { ...env, GOFLAGS: "-mod=readonly", GOWORK: "off", CGO_ENABLED: "0" },
    timeoutMs: BUILD_MS,
    doing: `building nats-server ${NATS_BUILT} with Go`,
    remedy: "check that Go 1.21 or later can reach its module proxy, or install nats-server yourself.",
  });
  await rm(source, { recursive: true });
  const version = await versionOfServer(join(part, "nats-server"), env);
  if (version !== NATS_BUILT) {
    throw new StackError(
      "build-failed",
      `Go built a nats-server that says version ${version ?? "nothing"} instead of ${NATS_BUILT}: install nats-server yourself.`,
    );
  }
}
