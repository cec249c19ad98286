import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isMissing } from "./stack-error.ts";

/** A temporary folder for one test, and what a test of processes needs to look at. */
export async function temporaryFolder(): Promise<{ path: string; [Symbol.asyncDispose](): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "outrider-stack-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
}

export async function write(file: string, text: string, mode = 0o644): Promise<string> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  await chmod(file, mode);
  return file;
}

/** An executable shell script, to stand for a program on the PATH. */
export const writeProgram = (file: string, script: string): Promise<string> => write(file, `#!/bin/sh\n${script}\n`, 0o755);

/** Waits until `look` answers something other than false or undefined, and answers that. */
export async function until<T>(
  what: string,
  look: () => T | false | undefined | Promise<T | false | undefined>,
  deadlineMs = 10_000,
): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found !== false && found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${deadlineMs} ms`);
    await sleep(20);
  }
}

/** Whether a process has ended; one that nobody has collected yet has. */
export async function isGone(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
  } catch (error) {
    return isMissing(error) || (error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

/** A service that says it is ready, or why not, and writes its environment where a test can read it. */
export const FAKE_SERVICE = `
import { createServer } from "node:http";
import { writeFileSync } from "node:fs";
const { HEALTH_PORT, FAKE_REASONS, FAKE_OUT, OUTRIDER_REPLICA } = process.env;
if (FAKE_OUT) writeFileSync(FAKE_OUT + "-" + OUTRIDER_REPLICA + ".json", JSON.stringify(process.env));
const reasons: string[] = FAKE_REASONS ? FAKE_REASONS.split(",") : [];
createServer((_request, response) => {
  response.writeHead(reasons.length === 0 ? 200 : 503).end(JSON.stringify({ ready: reasons.length === 0, reasons }));
}).listen(Number(HEALTH_PORT), "127.0.0.1");
process.once("SIGTERM", () => process.exit(0));
console.log(JSON.stringify({ level: 30, message: "fake service started" }));
`;

export const FAKE_SIMULATOR = `
import { createServer } from "node:http";
const server = createServer((_request, response) => response.end("simulated"));
server.listen(Number(process.env.PORT), "127.0.0.1", () => {
  console.log(JSON.stringify({ listening: Number(process.env.PORT), url: "http://127.0.0.1:" + process.env.PORT }));
});
process.once("SIGTERM", () => process.exit(0));
`;

/** A repository with the fake service under some names, one that ends at once (\`broken\`), and the simulator. */
export async function fakeRepository(root: string): Promise<string> {
  await write(join(root, "package.json"), '{"type":"module"}');
  for (const name of ["one", "two"]) await write(join(root, "services", name, "src", "main.ts"), FAKE_SERVICE);
  await write(
    join(root, "services", "broken", "src", "main.ts"),
    `console.log(JSON.stringify({ level: 60, message: "bad configuration", error: { message: "GATEWAY_PORT is not a number" } })); process.exit(1);`,
  );
  await write(
    join(root, "services", "refusing", "src", "main.ts"),
    `process.stderr.write("refusing: NATS holds the data of a sandbox; begin anew.\\n"); process.exit(2);`,
  );
  await write(join(root, "libs", "simulators", "src", "smsmobileapi", "main.ts"), FAKE_SIMULATOR);
  return root;
}
