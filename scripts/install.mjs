// Installs what package-lock.json names, when needed. Runs before everything else, on whatever Node the machine has (20 or newer):
// plain JavaScript, and nothing imported but Node itself.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MODULES = join(ROOT, "node_modules");
const STAMP = join(MODULES, ".outrider-install");
const LOCK = join(ROOT, ".outrider", "install.lock");
const QUIET_MS = 2_000;
const PLAIN_LINE_EVERY_MS = 10_000;

class InstallError extends Error {}

/** What decides what is installed. Not the Node version: the first run is the machine's own Node, the second the one installed here. */
function wanted() {
  const libc = process.report?.getReport?.().header?.glibcVersionRuntime ? "glibc" : "other";
  return createHash("sha256")
    .update(readFileSync(join(ROOT, "package-lock.json")))
    .update(`${process.platform} ${process.arch} ${libc}`)
    .digest("hex");
}

const upToDate = () => existsSync(STAMP) && readFileSync(STAMP, "utf8") === wanted();

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** One installation at a time in this checkout: `npm test` and `npm start` may be called in two terminals. */
async function takeLock() {
  mkdirSync(join(ROOT, ".outrider"), { recursive: true });
  for (let told = false; ; ) {
    try {
      writeFileSync(LOCK, String(process.pid), { flag: "wx" });
      process.once("exit", () => rmSync(LOCK, { force: true }));
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const holder = existsSync(LOCK) ? Number(readFileSync(LOCK, "utf8")) : 0;
    if (holder > 0 && !isAlive(holder)) rmSync(LOCK, { force: true });
    else if (!told) {
      process.stderr.write(`waiting for the installation that process ${holder} does\n`);
      told = true;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Says nothing for two seconds; then, on a terminal, one line that counts the seconds, elsewhere a plain line now and then. */
function progress(what) {
  const since = Date.now();
  let lastLine = 0;
  const timer = setInterval(() => {
    const elapsed = Date.now() - since;
    if (elapsed < QUIET_MS) return;
    const text = `installing packages: ${what()}, ${Math.round(elapsed / 1000)} s`;
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`);
    else if (lastLine === 0 || elapsed - lastLine >= PLAIN_LINE_EVERY_MS) {
      lastLine = elapsed;
      process.stderr.write(`${text}\n`);
    }
  }, 250);
  return (ending) => {
    clearInterval(timer);
    const elapsed = Date.now() - since;
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[2K");
    if (elapsed >= QUIET_MS && ending) process.stderr.write(`installed packages in ${Math.round(elapsed / 1000)} s\n`);
  };
}

/** npm as it was called, else as the PATH has it. */
function npmCommand() {
  const program = process.env.npm_execpath;
  return program?.endsWith("js") ? [process.env.npm_node_execpath ?? process.execPath, [program]] : ["npm", []];
}

/**
 * `npm install` and not `npm ci`: where a registry lacks the optional binaries of other platforms, npm leaves them out of the lock
 * file and then refuses it. Versions come from the lock all the same, and `--no-save` leaves it as it is.
 */
function runNpm() {
  const [command, before] = npmCommand();
  const args = [
    ...before,
    "install",
    "--no-save",
    "--include=dev",
    "--include=optional",
    "--prefer-offline",
    "--no-audit",
    "--no-fund",
    "--loglevel=http",
  ];
  return new Promise((resolve, reject) => {
    let output = "";
    let fetched = 0;
    const end = progress(() => (fetched === 0 ? "reading what is there" : `${fetched} fetched`));
    const npm = spawn(command, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    const collect = (chunk) => {
      fetched += chunk.toString().match(/http (?:fetch|cache) .*\.tgz/g)?.length ?? 0;
      output = (output + chunk).slice(-64 * 1024);
    };
    npm.stdout.on("data", collect);
    npm.stderr.on("data", collect);
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => npm.kill(signal));
    npm.once("error", (error) => {
      end(false);
      reject(error.code === "ENOENT" ? new InstallError("npm was not found: install Node 20 or newer together with npm.") : error);
    });
    npm.once("close", (code) => {
      end(code === 0);
      if (code === 0) resolve();
      else reject(new InstallError(explain(output, code)));
    });
  });
}

const CAUSES = [
  [/ENOSPC|no space left/i, "No disk space was left while installing packages: make room and start again."],
  [/EDQUOT|quota exceeded/i, "The disk quota was used up while installing packages: make room and start again."],
  [/EINTEGRITY/, "A package arrived damaged or changed: run `npm cache clean --force` and start again."],
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT|network/i,
    "The package registry could not be reached: check the network or npm's `registry` and `proxy` settings, then start again.",
  ],
  [/EACCES|EPERM|EROFS/, `Packages may not be written to ${MODULES}: make that folder yours and start again.`],
  [/\bE40[134]\b/, "The package registry refused a package: check npm's `registry` setting and that you are logged in, then start again."],
];

/** Only what npm marks as its errors counts: a retry that succeeded is in the output, too. */
function explain(output, code) {
  const errors = output.split("\n").filter((line) => /^npm (?:error|ERR!)/.test(line));
  const text = errors.length > 0 ? errors.join("\n") : output;
  for (const [pattern, sentence] of CAUSES) if (pattern.test(text)) return sentence;
  const said = errors.map((line) => line.replace(/^npm (?:error|ERR!)\s*/, "")).find((line) => line !== "" && !line.startsWith("code "));
  return `Packages could not be installed (${said ?? `npm ended with ${code}`}): run \`npm install\` to see it in full.`;
}

function requireNode24() {
  const own = Number(process.versions.node.split(".")[0]);
  if (own >= 24 || existsSync(join(MODULES, ".bin", process.platform === "win32" ? "node.cmd" : "node"))) return;
  throw new InstallError(
    "Node 24 was not installed with the packages: allow install scripts (`npm config set ignore-scripts false`) or install Node 24 yourself, then start again.",
  );
}

async function main() {
  if (Number(process.versions.node.split(".")[0]) < 20) {
    throw new InstallError(`Node ${process.versions.node} is too old: install Node 20 or newer, then start again.`);
  }
  if (upToDate()) return;
  await takeLock();
  if (upToDate()) return;
  // Gone until npm is done, so that an installation cut short is not taken for a whole one.
  rmSync(STAMP, { force: true });
  await runNpm();
  requireNode24();
  writeFileSync(STAMP, wanted());
}

try {
  await main();
} catch (error) {
  process.stderr.write(
    `${error instanceof InstallError ? error.message : `Packages could not be installed (${error.message}): check the disk and the permissions of ${ROOT}.`}\n`,
  );
  process.exitCode = 2;
}
