import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "outrider-install-"));
  await mkdir(join(root, "scripts"));
  await copyFile(join(import.meta.dirname, "install.mjs"), join(root, "scripts", "install.mjs"));
  await writeFile(join(root, "package-lock.json"), "{}");
});

afterEach(() => rm(root, { recursive: true, force: true }));

/** Stands for npm: notes the call, then does `body`. */
const fakeNpm = (body: string) =>
  writeFile(
    join(root, "npm-cli.cjs"),
    `const fs = require("node:fs"), path = require("node:path");
fs.appendFileSync("calls", process.argv.slice(2).join(" ") + "\\n");
const install = () => { fs.mkdirSync("node_modules/.bin", { recursive: true }); fs.writeFileSync("node_modules/.bin/node", ""); };
${body}`,
  );

const calls = async () => (await readFile(join(root, "calls"), "utf8").catch(() => "")).split("\n").filter((line) => line !== "");

function start(): ChildProcess {
  const env = { ...process.env, npm_execpath: join(root, "npm-cli.cjs"), npm_node_execpath: process.execPath };
  return spawn(process.execPath, ["scripts/install.mjs"], { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
}

async function install(child = start()): Promise<{ code: number | null; said: string }> {
  let said = "";
  child.stderr?.on("data", (chunk) => {
    said += chunk;
  });
  child.stdout?.on("data", (chunk) => {
    said += chunk;
  });
  const [code] = await once(child, "close");
  return { code, said: said.trim() };
}

test("installs once, says nothing when it is quick, and again only when the lock file changed", async () => {
  await fakeNpm("install();");
  expect(await install()).toEqual({ code: 0, said: "" });
  expect(await install()).toEqual({ code: 0, said: "" });
  expect(await calls()).toEqual([expect.stringMatching(/^install --no-save .*--include=dev/)]);
  await writeFile(join(root, "package-lock.json"), '{"changed":true}');
  await install();
  expect(await calls()).toHaveLength(2);
});

test("after an installation that was cut short it installs again", async () => {
  await fakeNpm("install(); process.exit(1);");
  expect((await install()).code).toBe(2);
  await fakeNpm("install();");
  expect((await install()).code).toBe(0);
  expect(await calls()).toHaveLength(2);
});

test("tells in plain lines what goes on when it takes over two seconds and nobody watches", async () => {
  await fakeNpm(`install(); console.error("npm http fetch GET 200 https://example.org/a/-/a-1.0.0.tgz 5ms"); setTimeout(() => {}, 3000);`);
  const { code, said } = await install();
  expect(code).toBe(0);
  expect(said).toMatch(/^installing packages: 1 fetched, 2 s\ninstalled packages in 3 s$/);
});

test.each([
  ["npm error code ENOSPC", /^No disk space was left while installing packages: make room and start again\.$/],
  ["npm error code ENOTFOUND\nnpm error request failed", /^The package registry could not be reached: check the network/],
  ["npm error code EINTEGRITY", /^A package arrived damaged or changed: run `npm cache clean --force`/],
  ["npm error code E404", /^The package registry refused a package/],
  [
    "npm warn EACCES is only a warning\nnpm error code EODD\nnpm error something odd",
    /^Packages could not be installed \(something odd\): run `npm install`/,
  ],
])("%j is one sentence with the remedy, and exit code 2", async (output, sentence) => {
  await fakeNpm(`console.error(${JSON.stringify(output)}); process.exit(1);`);
  const { code, said } = await install();
  expect(code).toBe(2);
  expect(said).toMatch(sentence);
});

test("a missing npm is one sentence, too", async () => {
  const child = spawn(process.execPath, ["scripts/install.mjs"], {
    cwd: root,
    env: { PATH: join(root, "nothing") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  expect(await install(child)).toEqual({ code: 2, said: "npm was not found: install Node 20 or newer together with npm." });
});

test("of two at once the second waits for the first and then has nothing to do", async () => {
  await fakeNpm("setTimeout(install, 800);");
  const results = await Promise.all([install(), install()]);
  expect(results.map(({ code }) => code)).toEqual([0, 0]);
  expect(await calls()).toHaveLength(1);
});

test("a folder that may not be written to is one sentence", async (context) => {
  if (process.getuid?.() === 0) context.skip();
  await fakeNpm("install();");
  await chmod(root, 0o500);
  const { code, said } = await install();
  await chmod(root, 0o700);
  expect(code).toBe(2);
  expect(said).toMatch(/^Packages could not be installed \(EACCES/);
});
