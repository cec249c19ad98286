import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder, exists, installed } from "./cache.ts";
import { downloadable, fetchRelease, NATS_RELEASE, type NatsRelease, releaseName, serverRuns, versionOfServer } from "./nats-release.ts";
import { buildWith, isAtLeast, onPath } from "./run-tool.ts";
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
  /** `release` and `built` are in the cache: downloaded with its sum checked, or built by Go here. */
  readonly from: "path" | "release" | "built";
}

/** What is on this machine already. */
export interface NatsFound {
  readonly binary?: NatsBinary;
  /** The version of a server on the PATH that cannot be used. */
  readonly tooOld?: string;
  /** The version that could be downloaded; whether the host can be reached is not asked. */
  readonly downloadable?: string;
  readonly go?: string;
}

/** Looks, and changes nothing: PATH first, then the cache. */
export async function lookForNats(env: NodeJS.ProcessEnv, release: NatsRelease = NATS_RELEASE): Promise<NatsFound> {
  const onThePath = await onPath("nats-server", env);
  const version = onThePath === undefined ? undefined : await versionOfServer(onThePath, env);
  if (onThePath !== undefined && version !== undefined && isAtLeast(version, NATS_MINIMUM)) {
    return { binary: { path: onThePath, version, from: "path" } };
  }
  const old = version === undefined ? {} : { tooOld: version };
  // What was built is newer than the release: streams that it has written are not handed to an older server.
  const cached = (await inCache(env, NAME, "built")) ?? (await inCache(env, releaseName(release), "release"));
  if (cached !== undefined) return { binary: cached, ...old };
  const go = await onPath("go", env);
  const fetched = downloadable(env, release);
  return { ...old, ...(fetched === undefined ? {} : { downloadable: fetched }), ...(go === undefined ? {} : { go }) };
}

async function inCache(env: NodeJS.ProcessEnv, name: string, from: "release" | "built"): Promise<NatsBinary | undefined> {
  const path = join(cacheFolder(env), name, "nats-server");
  const version = (await exists(path)) ? await versionOfServer(path, env) : undefined;
  return version === undefined ? undefined : { path, version, from };
}

/**
 * A nats-server new enough for Outrider: from the PATH, from the cache, downloaded now (its sum checked), or built now where no
 * download is to be had (half a minute). Either is once per user and version.
 * @throws StackError when what was downloaded is not what was pinned, when there is neither a server, a download nor Go, when the disk
 * is full, or when the build fails.
 */
export async function findNats(
  options: { env?: NodeJS.ProcessEnv; onProgress?: (text: string) => void; release?: NatsRelease } = {},
): Promise<NatsBinary> {
  const { env = process.env, release = NATS_RELEASE, onProgress: tell = () => undefined } = options;
  const found = await lookForNats(env, release);
  if (found.binary !== undefined) return found.binary;
  const { go, tooOld } = found;
  const asked = found.downloadable === undefined ? undefined : await fetchRelease(release, env, tell);
  if (asked !== undefined && "path" in asked) return { path: asked.path, version: release.version, from: "release" };
  if (go === undefined) throw nothingToRun(tooOld, asked?.unreachable);
  const why = asked === undefined ? "" : `no release could be downloaded (${asked.unreachable}); `;
  tell(`${why}building nats-server ${NATS_BUILT} with Go (about half a minute, once)`);
  const cache = cacheFolder(env);
  const folder = await installed({
    ...{ cache, name: NAME, megabytes: BUILD_MEGABYTES, works: (place) => serverRuns(place, env) },
    build: (part) => build(go, part, env),
  });
  return { path: join(folder, "nats-server"), version: NATS_BUILT, from: "built" };
}

export const INSTALL_NATS = `install nats-server ${NATS_MINIMUM} or later, or Go 1.21 or later to build it, or set NATS_URL`;

function nothingToRun(tooOld: string | undefined, unreachable: string | undefined): StackError {
  const asked = unreachable === undefined ? "" : ` and none could be downloaded (${unreachable})`;
  if (tooOld === undefined) return new StackError("missing-tool", `No nats-server was found${asked}: ${INSTALL_NATS}.`);
  return new StackError("too-old", `nats-server ${tooOld} on the PATH is too old${asked}: ${INSTALL_NATS}.`);
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
