import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runTool } from "./run-tool.ts";
import { isMissing } from "./stack-error.ts";

const WARM_MS = 60_000;

/**
 * Fills Node's compile cache with the services of `root` before they start for the first time, or again after a change. A process that strips
 * types itself keeps the stripper, about 20 MB, as long as it lives; one that finds its modules in the cache never loads it. Only a matter
 * of memory and time: when it fails, the services strip for themselves.
 */
export async function warmCompileCache(options: {
  readonly env: NodeJS.ProcessEnv;
  readonly root: string;
  readonly onProgress: (text: string) => void;
}): Promise<void> {
  const { env, root, onProgress } = options;
  const cache = env["NODE_COMPILE_CACHE"];
  if (cache === undefined || cache === "" || env["NODE_DISABLE_COMPILE_CACHE"] === "1") return;
  try {
    const file = join(cache, `warm-${createHash("sha256").update(root).digest("hex").slice(0, 16)}`);
    const print = await fingerprint(root);
    if ((await readFile(file, "utf8").catch(() => "")).trim() === print) return;
    onProgress("preparing the services' code (a second or two, once)");
    await mkdir(cache, { recursive: true });
    const program = join(import.meta.dirname, "warm-program.ts");
    const scripts = (await foldersIn(join(root, "services"))).map((folder) => join(folder, "src", "main.ts"));
    const wrong = { HEALTH_PORT: "none", PORT: "none" };
    const { code } = await runTool(process.execPath, [program, ...scripts], { cwd: root, env: { ...env, ...wrong }, timeoutMs: WARM_MS });
    if (code === 0) await writeFile(file, `${print}\n`);
    else await rm(file, { force: true });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    onProgress(`the services' code could not be prepared (${error.message}); they start without`);
  }
}

/** Changes with every source file of ours, and with Node. */
async function fingerprint(root: string): Promise<string> {
  const hash = createHash("sha256").update(`${process.version}\n`);
  for (const kind of ["libs", "services"]) {
    for (const folder of await foldersIn(join(root, kind))) await addFolder(hash, join(folder, "src"));
  }
  return hash.digest("hex");
}

const foldersIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name))
    .sort();

async function addFolder(hash: ReturnType<typeof createHash>, folder: string): Promise<void> {
  try {
    const files = (await readdir(folder, { recursive: true })).filter((file) => /\.(ts|json)$/.test(file)).sort();
    const stats = await Promise.all(files.map((file) => stat(join(folder, file))));
    for (const [index, { mtimeMs, size }] of stats.entries()) hash.update(`${folder}/${files[index]} ${mtimeMs} ${size}\n`);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
