import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

export interface RunningService {
  readonly name: string;
  readonly replica: number;
  /** Null between an end and the next start. */
  readonly pid: number | null;
  /** Address that answers 200 when the service is ready. */
  readonly health: string;
  readonly restarts: number;
}

export interface Running {
  /** Who has started it, and ends it: with this process everything ends within seconds. */
  readonly pid: number;
  readonly gateway: string | null;
  readonly nats: string;
  readonly mongodb: string;
  readonly simulators: Readonly<Record<string, string>>;
  readonly services: readonly RunningService[];
}

/** Tells other programs what runs. Replaced as a whole, so that a reader never sees half of it. */
export function writeRunFile(file: string, running: Running): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify(running, undefined, 2)}\n`, { mode: 0o600 }); // NATS_URL may hold a password
  renameSync(`${file}.new`, file);
}

export const removeRunFile = (file: string): void => rmSync(file, { force: true });
