import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

enableCompileCache(
  process.env["NODE_COMPILE_CACHE"] ?? join(process.env["OUTRIDER_CACHE"] ?? join(homedir(), ".cache", "outrider"), "node-compile"),
);
// `outrider … | head` closes its end early: the rest of the output is not wanted, the work is.
process.stdout.on("error", () => undefined);
// Whoever read what is said has been killed: what is left to do is to end in order.
process.stderr.on("error", () => undefined);
const { runCommandLine } = await import("./program.ts");
process.exitCode = await runCommandLine(process.argv.slice(2));
// What is left open by then (kept connections, a timer) is not worth waiting for; output to a pipe is.
process.stdout.write("", () => process.stderr.write("", () => process.exit()));
