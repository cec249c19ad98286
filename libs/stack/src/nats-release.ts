import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { cacheFolder, installed } from "./cache.ts";
import { download, Unreachable } from "./download.ts";
import { answersVersion, versionOf } from "./run-tool.ts";
import { messageOf, StackError } from "./stack-error.ts";
import { fileInTar } from "./tar.ts";

/** A release of nats-server: its version, and the SHA-256 of its archive for each platform, named as in `<platform>-<arch>` of Node. */
export interface NatsRelease {
  readonly version: string;
  readonly archives: Readonly<Record<string, string>>;
}

/** Where the sums come from: docs/decisions/0015. A platform that is not here builds its server with Go. */
export const NATS_RELEASE: NatsRelease = {
  version: "2.15.0",
  archives: {
    "linux-x64": "5d2c51caca950333aba84911df7d377f826f3a59ec36061c6539105084f65c92",
    "linux-arm64": "cdc208f5a3f42963a52b6ab06ef65626bb870315dc936e26ba571780c6351112",
    "darwin-x64": "5bd8b59ca5bf93fab3da2c5843cf564cd6e2e291e22ae3b861746e7ebe259b95",
    "darwin-arm64": "e1c4e22d70bd44abfa0bcb3c16f7cf0c66f648c2e728c58924e8a1ce88913cc8",
  },
};

const SAYS = /nats-server: v(\d+\.\d+\.\d+\S*)/;

/** What a nats-server says that it is; undefined when it does not run. */
export const versionOfServer = (path: string, env: NodeJS.ProcessEnv): Promise<string | undefined> =>
  versionOf(path, ["--version"], SAYS, env);

/** Whether the copy in a folder of the cache runs: one that does not was damaged after it was put there. */
export const serverRuns = (folder: string, env: NodeJS.ProcessEnv): Promise<boolean> =>
  answersVersion(join(folder, "nats-server"), SAYS, { env });

const HOST = "https://github.com/nats-io/nats-server/releases/download";
const PLATFORM = `${process.platform}-${process.arch}`;
const MEGABYTES = 100;
const ARCHIVE_BYTES = 64 * 1024 * 1024;
const ANSWER_MS = 4_000;
const STALL_MS = 15_000;

/** Folder name in the cache. */
export const releaseName = (release: NatsRelease): string => `nats-server-${release.version}-release-${PLATFORM}`;

/** The version that a start would download, or undefined: no sum for this platform, or `OUTRIDER_NATS_DOWNLOADS=off`. */
export const downloadable = (env: NodeJS.ProcessEnv, release: NatsRelease): string | undefined =>
  env["OUTRIDER_NATS_DOWNLOADS"] === "off" || release.archives[PLATFORM] === undefined ? undefined : release.version;

/**
 * The release's server in the cache, downloaded from the release host or from the mirror at `OUTRIDER_NATS_DOWNLOADS`. One sentence
 * instead when it cannot be had: then another way is tried. That costs at most 4 s, and only as long as nothing else was built.
 * @throws StackError when what came is not what was pinned, and when the disk is full. Neither is made good by another way.
 */
export async function fetchRelease(
  release: NatsRelease,
  env: NodeJS.ProcessEnv,
  tell: (text: string) => void,
): Promise<{ path: string } | { unreachable: string }> {
  const sum = release.archives[PLATFORM];
  if (downloadable(env, release) === undefined || sum === undefined) return { unreachable: `there is none for ${PLATFORM}` };
  const cache = cacheFolder(env);
  const name = releaseName(release);
  try {
    tell(`downloading nats-server ${release.version} (about 8 MB, once)`);
    const folder = await installed({
      ...{ cache, name, megabytes: MEGABYTES, works: (place) => serverRuns(place, env) },
      build: (part) => build(part, release.version, sum, env),
    });
    return { path: join(folder, "nats-server") };
  } catch (error) {
    if (error instanceof Unreachable) return { unreachable: messageOf(error) };
    throw error;
  }
}

async function build(part: string, version: string, sum: string, env: NodeJS.ProcessEnv): Promise<void> {
  const url = archiveUrl(version, env);
  const archive = await download(url, env, { answerMs: ANSWER_MS, stallMs: STALL_MS, bytes: ARCHIVE_BYTES });
  const found = createHash("sha256").update(archive).digest("hex");
  if (found !== sum) {
    throw new StackError(
      "corrupt-download",
      `What ${url.host} sent as nats-server ${version} is not that release (SHA-256 ${found.slice(0, 12)}…, not ${sum.slice(0, 12)}…): ` +
        "start again, and if that does not help, install nats-server yourself or set OUTRIDER_NATS_DOWNLOADS=off to build it with Go.",
    );
  }
  const server = fileInTar(gunzipSync(archive), "nats-server");
  const path = join(part, "nats-server");
  await writeFile(path, server ?? "", { mode: 0o755 });
  const says = await versionOfServer(path, env);
  if (says !== version) {
    throw new StackError(
      "corrupt-download",
      `The nats-server ${version} that was downloaded does not run on this machine: install nats-server yourself or set NATS_URL.`,
    );
  }
}

function archiveUrl(version: string, env: NodeJS.ProcessEnv): URL {
  const told = env["OUTRIDER_NATS_DOWNLOADS"];
  const base = told === undefined || told === "" ? HOST : told;
  const platform = PLATFORM.replace("-x64", "-amd64");
  const url = URL.parse(`${base.replace(/\/+$/, "")}/v${version}/nats-server-v${version}-${platform}.tar.gz`);
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new StackError(
    "start-failed",
    `OUTRIDER_NATS_DOWNLOADS is "${base}": give an http or https address that holds v${version}/, or \`off\`, or unset it.`,
  );
}
