import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { access, mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { requireDisk } from "./disk.ts";
import { isDiskFull, isFullDirectory, isMissing, isTaken, StackError } from "./stack-error.ts";

/** Where built and fetched servers are kept, for one user: `OUTRIDER_CACHE`, or the folder that the platform has for caches. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  const told = env["OUTRIDER_CACHE"];
  if (told !== undefined && told !== "") return told;
  const shared = env["XDG_CACHE_HOME"];
  return join(shared === undefined || shared === "" ? join(homedir(), ".cache") : shared, "outrider");
}

export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

export interface Installation {
  readonly cache: string;
  /** Folder name: tool, version, platform. A new version gets a new name and never touches the old one. */
  readonly name: string;
  /** Free megabytes that building needs. */
  readonly megabytes: number;
  readonly build: (folder: string) => Promise<void>;
  /** Whether the copy that is there is sound: if not, it is built anew. Without this, any copy is. */
  readonly works?: (folder: string) => Promise<boolean>;
}

const isThere = (): Promise<boolean> => Promise.resolve(true);

/**
 * The folder `cache/name`, built first if it is not there or does not work. It is built beside its place and moved there when complete, so that it
 * exists whole or not at all. Of several processes one builds and the others wait for it.
 */
export async function installed({ cache, name, megabytes, build, works = isThere }: Installation): Promise<string> {
  const place = join(cache, name);
  if ((await exists(place)) && (await works(place))) return place;
  await requireDisk(cache, megabytes, `Setting up ${name}`);
  await using _lock = await lock(join(cache, `${name}.lock`));
  // Meanwhile another process may have put one there, which it may be running by now.
  if ((await exists(place)) && (await works(place))) return place;
  await rm(place, { recursive: true, force: true });
  await removeLeftovers(cache, `${name}.part-`);
  const part = await mkdtemp(join(cache, `${name}.part-`));
  try {
    await build(part);
    await rename(part, place);
  } catch (error) {
    await rm(part, { recursive: true, force: true });
    if (isFullDirectory(error)) return place;
    if (isDiskFull(error))
      throw new StackError("no-disk-space", `No disk space was left while setting up ${name} in ${cache}: make room and start again.`, "", {
        cause: error,
      });
    throw error;
  }
  return place;
}

/** Half-built folders of builders that were killed. Called under the lock, so none of them is being built now. */
async function removeLeftovers(cache: string, prefix: string): Promise<void> {
  for (const entry of await readdir(cache)) {
    if (entry.startsWith(prefix)) await rm(join(cache, entry), { recursive: true, force: true });
  }
}

const HEARTBEAT_MS = 1_000;
/** A holder that has not touched its lock for this long is dead or was on another machine. */
const STALE_MS = 15_000;

/** Waits for, then holds, a lock file until disposed. A lock whose holder died is taken over. */
export async function lock(file: string): Promise<AsyncDisposable> {
  for (;;) {
    const held = await holdNow(file);
    if (held !== undefined) return held;
    await sleep(100);
  }
}

/** Holds a lock file until disposed, or answers undefined because somebody alive holds it. */
export async function holdNow(file: string): Promise<AsyncDisposable | undefined> {
  await mkdir(dirname(file), { recursive: true });
  while (!(await tryLock(file))) {
    if (!(await isAbandoned(file))) return undefined;
    await takeAway(file);
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    // A lock that cannot be touched is taken over by somebody else, who then builds the same thing beside us: no harm but time.
    utimes(file, now, now).catch(() => clearInterval(heartbeat));
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return {
    [Symbol.asyncDispose]: async () => {
      clearInterval(heartbeat);
      await rm(file, { force: true });
    },
  };
}

/** Whether somebody alive holds a lock file. */
export const isHeld = async (file: string): Promise<boolean> => existsSync(file) && !(await isAbandoned(file));

async function tryLock(file: string): Promise<boolean> {
  try {
    await using holder = await open(file, "wx");
    await holder.writeFile(`${process.pid}\n`);
    return true;
  } catch (error) {
    if (isTaken(error)) return false;
    throw error;
  }
}

async function isAbandoned(file: string): Promise<boolean> {
  try {
    if (Date.now() - (await stat(file)).mtimeMs > STALE_MS) return true;
    const pid = Number.parseInt(await readFile(file, "utf8"), 10);
    return Number.isInteger(pid) && !(await isAlive(pid));
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, under another user.
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
  // Ended, but not yet collected by a parent that does not care: common in containers. Elsewhere than on Linux there is no such file.
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return !stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
}

/** By way of a rename, which only one of several takers can win. */
async function takeAway(file: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  await rm(aside, { force: true });
}
