import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { numberAt } from "../json.ts";
import { lawfulMoment } from "./starting-time.ts";

const fileIn = (dir: string): string => join(dir, "clock.json");

/**
 * What the sandbox's clock shows at the start. A folder that was used before goes on where its clock would be by now: time does not run
 * back under what is stored there. `told` (from `--at`) wins.
 */
export const clockFor = (dir: string, told: string | undefined, nowMs = Date.now()): string =>
  told ?? lawfulMoment(new Date(nowMs + storedOffset(dir)).toISOString());

export const rememberClock = (dir: string, at: string, nowMs = Date.now()): void => {
  mkdirSync(dir, { recursive: true });
  writeFileSync(fileIn(dir), `${JSON.stringify({ offsetMs: Math.max(0, Date.parse(at) - nowMs) })}\n`);
};

const storedOffset = (dir: string): number => {
  if (!existsSync(fileIn(dir))) return 0;
  try {
    return Math.max(0, numberAt(JSON.parse(readFileSync(fileIn(dir), "utf8")), "offsetMs"));
  } catch {
    return 0; // half written when the machine went down: the real time is as good a start as any
  }
};
