import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { itemsOf, numberAt } from "../json.ts";
import { lawfulMoment } from "./starting-time.ts";

/** Every start takes its moment, so that a clock which just goes on is a few milliseconds off: no era of its own. */
const sameOffsetMs = 1_000;
/** The oldest beyond are dropped; what was before them is judged by the oldest that is left. */
const erasMost = 1_000;

const fileIn = (dir: string): string => join(dir, "clock.json");

/**
 * What the sandbox's clock shows at the start. A folder that was used before goes on where its clock would be by now: time does not run
 * back under what is stored there. `told` (from `--at`) wins.
 */
export const clockFor = (dir: string, told: string | undefined, nowMs = Date.now()): string =>
  told ?? lawfulMoment(new Date(nowMs + storedOffset(dir)).toISOString());

export const rememberClock = (dir: string, at: string, nowMs = Date.now()): void => {
  mkdirSync(dir, { recursive: true });
  const offsetMs = Math.max(0, Date.parse(at) - nowMs);
  const { eras } = storedIn(dir);
  const last = eras.at(-1);
  const goesOn = last !== undefined && Math.abs(last.offsetMs - offsetMs) < sameOffsetMs;
  const kept = goesOn ? eras : [...eras, { sinceMs: nowMs, offsetMs }].slice(-erasMost);
  writeFileSync(fileIn(dir), `${JSON.stringify({ offsetMs, eras: kept })}\n`);
};

/** What the sandbox's clock showed at a moment of the machine's, ms: the simulator keeps the machine's time. */
export const shownAt = (dir: string): ((realMs: number) => number) => {
  const { eras, offsetMs } = storedIn(dir);
  return (realMs) => realMs + (eras.findLast(({ sinceMs }) => sinceMs <= realMs) ?? eras[0] ?? { offsetMs }).offsetMs;
};

const storedOffset = (dir: string): number => storedIn(dir).offsetMs;

interface Era {
  readonly sinceMs: number;
  readonly offsetMs: number;
}

const storedIn = (dir: string): { readonly offsetMs: number; readonly eras: readonly Era[] } => {
  const none = { offsetMs: 0, eras: [] };
  if (!existsSync(fileIn(dir))) return none;
  try {
    const stored: unknown = JSON.parse(readFileSync(fileIn(dir), "utf8"));
    const eras = itemsOf(stored, "eras").map((era) => ({ sinceMs: numberAt(era, "sinceMs"), offsetMs: numberAt(era, "offsetMs") }));
    const offsetMs = Math.max(0, numberAt(stored, "offsetMs"));
    // An older release wrote the offset alone: it held for all that the folder has seen.
    return { offsetMs, eras: eras.length === 0 ? [{ sinceMs: 0, offsetMs }] : eras };
  } catch {
    return none; // half written when the machine went down: the real time is as good a start as any
  }
};
