import { readFileSync } from "node:fs";
import { itemsOf, numberAt, textAt } from "./json.ts";

/** A service as the run file names it. */
export interface Asked {
  readonly name: string;
  readonly replica: number;
  /** Address that answers 200 when it is ready. */
  readonly health: string;
}

export interface Answered extends Asked {
  readonly ready: boolean;
  /** Why it is not ready, in its own words. */
  readonly reasons: readonly string[];
  /** What it says beside ready or not. */
  readonly notes: readonly string[];
}

const answerMs = 3_000;

/** Asks services whether they are ready. One that does not answer is not. */
export const healthOf = (services: readonly Asked[]): Promise<Answered[]> => Promise.all(services.map(askOne));

const askOne = async (service: Asked): Promise<Answered> => {
  const told = { ...service, notes: [] };
  try {
    const response = await fetch(service.health, { signal: AbortSignal.timeout(answerMs) });
    const answer: unknown = await response.json();
    const notes = itemsOf(answer, "notes").map(String);
    const reasons = itemsOf(answer, "reasons").map(String);
    return { ...service, ready: response.ok, reasons: response.ok || reasons.length > 0 ? reasons : [`HTTP ${response.status}`], notes };
  } catch (error) {
    const slow = error instanceof Error && error.name === "TimeoutError";
    return { ...told, ready: false, reasons: [slow ? `no answer within ${answerMs / 1000} s` : "it does not answer: ended, or starting"] };
  }
};

/** What runs here, by the file that `up` keeps; none when there is no such file. */
export const servicesIn = (runFile: string): readonly Asked[] => {
  let running: unknown;
  try {
    running = JSON.parse(readFileSync(runFile, "utf8"));
  } catch {
    return []; // nothing runs here, or the file is being replaced
  }
  return itemsOf(running, "services").flatMap((service) => {
    const [name, replica, health] = [textAt(service, "name"), numberAt(service, "replica"), textAt(service, "health")];
    return name === undefined || health === undefined ? [] : [{ name, replica, health }];
  });
};

export const whoOf = ({ name, replica }: Asked): string => (replica === 1 ? name : `${name} (replica ${replica})`);
