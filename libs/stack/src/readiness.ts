import { setTimeout as sleep } from "node:timers/promises";
import { StackError } from "./stack-error.ts";
import { lastWords, type Supervised } from "./supervised.ts";
import { lastLines } from "./tethered.ts";

const ASK_EVERY_MS = 100;
const ASK_TIMEOUT_MS = 2_000;
/** A program that ends by itself this often in a row will not become ready by waiting. */
const HOPELESS_CRASHES = 3;

/** Resolves when `url` answers 200. @throws StackError naming the program, what it waits for and its last words. */
export async function untilReady(service: Supervised, url: string, deadlineMs: number): Promise<void> {
  const { name, replica, log } = service.program;
  const who = replica === 1 ? name : `${name} (replica ${replica})`;
  const deadline = performance.now() + deadlineMs;
  let reasons: string | undefined;
  for (;;) {
    const answer = await ask(url);
    if (answer === "ready") return;
    reasons = answer ?? reasons;
    const detail = lastLines(service.output(), 15);
    if (service.refuses() || service.crashes() >= HOPELESS_CRASHES) {
      const said = lastWords(service.output()) || "it said nothing";
      throw new StackError(
        "not-ready",
        `${who} ${service.refuses() ? "refuses to start" : "ends at every start"}, with ${service.lastExit()} (${said}): correct that; its log is ${log}.`,
        detail,
      );
    }
    if (performance.now() > deadline) {
      const why = reasons ?? (lastWords(service.output()) || "it does not answer");
      throw new StackError(
        "not-ready",
        `${who} was not ready within ${Math.round(deadlineMs / 1000)} s (${why}): its log is ${log}.`,
        detail,
      );
    }
    await sleep(ASK_EVERY_MS);
  }
}

/** `ready`, the reasons why not, or undefined when nobody answers. */
async function ask(url: string): Promise<string | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
    const text = await answer.text();
    return answer.ok ? "ready" : reasonsIn(text, answer.status);
  } catch {
    // Not listening yet, or starting again.
    return undefined;
  }
}

function reasonsIn(text: string, status: number): string {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null && "reasons" in body && Array.isArray(body.reasons))
      return body.reasons.map(String).join("; ");
  } catch {
    // Not JSON: the status has to do.
  }
  return `HTTP ${status}`;
}

/** The address that a simulator prints in its one line `{"listening": port, "url": …}` once it listens. */
export async function untilListening(simulator: Supervised, deadlineMs: number): Promise<string> {
  const { name, log } = simulator.program;
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const url = listeningLine(simulator.output());
    if (url !== undefined) return url;
    const hopeless = simulator.refuses() || simulator.crashes() >= HOPELESS_CRASHES;
    if (hopeless || performance.now() > deadline) {
      const said = lastWords(simulator.output()) || "it said nothing";
      throw new StackError(
        "not-ready",
        `The simulator ${name} does not start (${said}): its log is ${log}.`,
        lastLines(simulator.output(), 15),
      );
    }
    await sleep(20);
  }
}

function listeningLine(output: string): string | undefined {
  for (const line of output.split("\n")) {
    if (!line.startsWith("{") || !line.includes('"listening"') || !line.endsWith("}")) continue;
    const said: unknown = JSON.parse(line);
    if (typeof said === "object" && said !== null && "url" in said && typeof said.url === "string") return said.url;
  }
  return undefined;
}
