import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";

const root = resolve(import.meta.dirname, "..", "..", "..", "..");

/** Stands for `up`: says in a file that it runs, and in another one that it was told to end. */
const program = `
import { writeFileSync } from "node:fs";
import { interruptsOf } from ${JSON.stringify(join(import.meta.dirname, "interrupts.ts"))};
const interrupts = interruptsOf({ say: () => undefined });
const alive = setInterval(() => undefined, 1000);
writeFileSync("runs", String(process.pid));
interrupts.happened.catch(() => { writeFileSync("ended", ""); clearInterval(alive); interrupts[Symbol.dispose](); });
`;

const folderWithProgram = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "outrider-interrupts-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "up.mts"), program);
  return folder;
};
const appears = (file: string): Promise<void> => vi.waitFor(() => expect(existsSync(file)).toBe(true), { timeout: 20_000, interval: 50 });
/** Its number, once it is written down whole: 0, which an empty file would be, is this test's own group. */
const runningIn = (folder: string): Promise<number> =>
  vi.waitFor(
    () => {
      const pid = Number(readFileSync(join(folder, "runs"), "utf8"));
      expect(pid).toBeGreaterThan(1);
      return pid;
    },
    { timeout: 20_000, interval: 50 },
  );
const endsOf = async (folder: string, pid: number): Promise<void> => {
  let ended = false;
  onTestFinished(() => {
    if (!ended) process.kill(pid, "SIGKILL");
  });
  await appears(join(folder, "ended"));
  ended = true;
};

test("whoever is started by npm ends when the shell in between is killed, and nobody else does", async () => {
  const folder = folderWithProgram();
  const { npm_lifecycle_event: _ours, ...env } = process.env;
  const under = (more: NodeJS.ProcessEnv) =>
    spawn("/bin/sh", ["-c", `"${process.execPath}" up.mts; true`], { cwd: folder, env: { ...env, ...more }, stdio: "ignore" });
  const shell = under({ npm_lifecycle_event: "start" });
  const first = await runningIn(folder);
  shell.kill("SIGKILL");
  await endsOf(folder, first);

  rmSync(join(folder, "runs"));
  rmSync(join(folder, "ended"));
  const other = under({});
  const pid = await runningIn(folder);
  onTestFinished(() => void process.kill(pid, "SIGKILL"));
  other.kill("SIGKILL");
  await new Promise((resume) => setTimeout(resume, 1_500));
  expect(existsSync(join(folder, "ended"))).toBe(false);
});

test.each(["start", "test"])("a SIGTERM to `npm %s` reaches what it runs", async (script) => {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const folder = folderWithProgram();
  const line = (scripts[script] ?? "").replace(/node .*$/, () => `"${process.execPath}" up.mts`);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "x", scripts: { [script]: line } }));
  // As for a program that does not look after its parent.
  writeFileSync(
    join(folder, "up.mts"),
    program.replace("interruptsOf({ say: () => undefined })", "interruptsOf({ say: () => undefined }, {})"),
  );
  const npm = spawn("npm", [script], { cwd: folder, stdio: "ignore" });
  const exited = once(npm, "exit");
  const pid = await runningIn(folder);
  npm.kill("SIGTERM");
  await endsOf(folder, pid);
  await exited;
});
