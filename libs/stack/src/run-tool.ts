import { spawn } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { isDiskFull, isMissing, StackError } from "./stack-error.ts";
import { lastLines } from "./tethered.ts";

export interface ToolResult {
  readonly code: number | null;
  readonly output: string;
  /** It was ended because it took too long. */
  readonly late: boolean;
}

const OUTPUT_CHARACTERS = 64 * 1024;

/** Runs a program to its end and collects what it prints (the last 64 KB). Throws only when it cannot be started. */
export function runTool(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; timeoutMs: number },
): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const { timeoutMs, ...where } = options;
    const child = spawn(command, args, { ...where, stdio: ["ignore", "pipe", "pipe"], timeout: timeoutMs, killSignal: "SIGKILL" });
    let output = "";
    const collect = (chunk: string): void => {
      output = (output + chunk).slice(-OUTPUT_CHARACTERS);
    };
    child.stdout.setEncoding("utf8").on("data", collect);
    child.stderr.setEncoding("utf8").on("data", collect);
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output, late: child.killed }));
  });
}

/** As `runTool`, but anything other than exit 0 is a `StackError` that says what was being done and ends in `remedy`. */
export async function buildWith(
  command: string,
  args: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv; timeoutMs: number; doing: string; remedy: string },
): Promise<string> {
  const { doing, remedy, ...run } = options;
  const { code, output } = await runTool(command, args, run);
  if (code === 0) return output;
  const detail = lastLines(output, 12);
  if (isDiskFull(output))
    throw new StackError("no-disk-space", `No disk space was left while ${doing}: make room and start again.`, detail);
  const said = lastLines(output, 1).slice(0, 200) || "it printed nothing";
  throw new StackError("build-failed", `${doing[0]?.toUpperCase()}${doing.slice(1)} failed (${said}): ${remedy}`, detail);
}

/** Full path of an executable on the PATH of `env`, or undefined. */
export async function onPath(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const folder of (env["PATH"] ?? "").split(delimiter)) {
    if (folder === "") continue;
    const file = join(folder, name);
    const usable = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return file;
  }
  return undefined;
}

/**
 * Whether `command --version` can be run and prints what `pattern` wants. One that does not answer in time counts as well: that is a slow
 * machine, and no reason to take away what others may be running.
 */
export async function answersVersion(
  command: string,
  pattern: RegExp,
  { env, timeoutMs = VERSION_MS }: { env: NodeJS.ProcessEnv; timeoutMs?: number },
): Promise<boolean> {
  const result = await askVersion(command, ["--version"], env, timeoutMs);
  return result !== undefined && (result.late || (result.code === 0 && pattern.test(result.output)));
}

/** First match of `pattern`'s group in what `command args` prints; undefined when it cannot be run, fails or prints something else. */
export async function versionOf(
  command: string,
  args: readonly string[],
  pattern: RegExp,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const result = await askVersion(command, args, env, VERSION_MS);
  return result?.code === 0 ? pattern.exec(result.output)?.[1] : undefined;
}

const VERSION_MS = 15_000;

async function askVersion(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  timeoutMs: number,
): Promise<ToolResult | undefined> {
  try {
    return await runTool(command, args, { env, timeoutMs });
  } catch (error) {
    if (isMissing(error) || (error instanceof Error && "code" in error)) return undefined;
    throw error;
  }
}

/** Whether dotted version `have` is `need` or later, compared number by number; a pre-release counts as its release. */
export function isAtLeast(have: string, need: string): boolean {
  const parts = (version: string): number[] =>
    version
      .split(/[.+-]/)
      .slice(0, 3)
      .map((part) => Number.parseInt(part, 10) || 0);
  const wanted = parts(need);
  const found = parts(have);
  for (const [index, part] of wanted.entries()) {
    const difference = (found[index] ?? 0) - part;
    if (difference !== 0) return difference > 0;
  }
  return true;
}
