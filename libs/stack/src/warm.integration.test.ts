import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runTool } from "./run-tool.ts";
import { temporaryFolder, write } from "./test-world.ts";
import { warmCompileCache } from "./warm.ts";

/** A service as ours are: it reads its configuration first. Then it tells whether this process had to load the type stripper. */
const MAIN = `
import { load } from "./config.ts";
load(process.env.HEALTH_PORT);
const list: unknown = Reflect.get(process, "moduleLoadList");
console.log(Array.isArray(list) && list.some((name: string) => name.includes("amaro")) ? "strips" : "finds");
`;
const CONFIG = `export const load = (port: string | undefined): void => { if (port === "none") process.exit(2); };`;

test("a service that starts after the cache was warmed never loads the type stripper, and a change warms it again", async () => {
  await using folder = await temporaryFolder();
  const root = join(folder.path, "root");
  const main = await write(join(root, "services", "one", "src", "main.ts"), MAIN);
  const config = join(root, "services", "one", "src", "config.ts");
  await write(config, CONFIG);
  await write(join(root, "services", "two", "src", "main.ts"), "this is not TypeScript");
  await write(join(root, "libs", "README.md"), "");
  await write(join(root, "package.json"), '{"type":"module"}');
  const env = { PATH: process.env["PATH"], NODE_COMPILE_CACHE: join(folder.path, "cache") };
  const start = async () => (await runTool(process.execPath, [main], { env, timeoutMs: 30_000 })).output.trim();
  const told: string[] = [];
  const warm = () => warmCompileCache({ env, root, onProgress: (text) => told.push(text) });

  await warm();
  expect(told).toEqual([expect.stringContaining("preparing")]);
  expect(await start()).toBe("finds");
  await warm();
  expect(told).toHaveLength(1);
  await write(config, `${CONFIG} export interface More { a: number }`);
  await warm();
  expect(told).toHaveLength(2);
  expect(await start()).toBe("finds");
  await write(config, `${CONFIG} export interface Again { a: number }`);
  expect(await start()).toBe("strips");
});

test("a cache that is switched off or cannot be written keeps nobody from starting", async () => {
  await using folder = await temporaryFolder();
  const told: string[] = [];
  const warm = (env: NodeJS.ProcessEnv) => warmCompileCache({ env, root: folder.path, onProgress: (text) => told.push(text) });
  await warm({});
  await warm({ NODE_COMPILE_CACHE: join(folder.path, "cache"), NODE_DISABLE_COMPILE_CACHE: "1" });
  expect(await readdir(folder.path)).toEqual([]);
  await warm({ NODE_COMPILE_CACHE: join(folder.path, "cache") });
  expect(told).toEqual([expect.stringMatching(/^the services' code could not be prepared \(ENOENT.*\); they start without$/)]);
});
