import { sep } from "node:path";
import { places } from "./places.ts";

/** 1: refused, failed, or a check does not hold. 2: cannot run (a missing tool, bad input, nothing running). */
export type ExitCode = 1 | 2;

interface FailureOptions extends ErrorOptions {
  readonly found?: object;
}

/** Why a command ends without success. `message` is one sentence for a person. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly exitCode: ExitCode;
  /** More lines for `--verbose` and logs; never needed to understand `message`. */
  readonly detail: string;
  /** What the command had found out all the same: with `--json` it is in the one document that tells the failure. */
  readonly found: object;

  constructor(exitCode: ExitCode, message: string, detail = "", { found = {}, ...options }: FailureOptions = {}) {
    super(message, options);
    this.exitCode = exitCode;
    this.detail = detail;
    this.found = found;
  }
}

/** What others tell in passing, as a sentence: a capital letter and a full stop. */
export const sentenceOf = (told: string): string => {
  const text = told.trim();
  const began = /^[a-z]+[ ,:]/.test(text) ? `${text.charAt(0).toUpperCase()}${text.slice(1)}` : text;
  return /[.!?:…)]$/.test(began) ? began : `${began}.`;
};

export const refused = (message: string, detail = "", options: FailureOptions = {}): Failure => new Failure(1, message, detail, options);
export const cannotRun = (message: string, detail = "", options: FailureOptions = {}): Failure => new Failure(2, message, detail, options);

interface Ending {
  readonly sentence: string;
  readonly exitCode: ExitCode;
  readonly detail: string;
}

/** The sentence and the exit code of whatever a command threw. What the stack says about this machine is always "cannot run". */
export const endingOf = (error: unknown): Ending => {
  if (error instanceof Failure) return { sentence: error.message, exitCode: error.exitCode, detail: error.detail };
  if (error instanceof Error && error.name === "StackError") {
    return { sentence: error.message, exitCode: 2, detail: "detail" in error ? String(error.detail) : "" };
  }
  const unusable = unusableFolder(error);
  if (unusable !== undefined) return { sentence: unusable, exitCode: 2, detail: error instanceof Error ? (error.stack ?? "") : "" };
  const sentence = error instanceof Error ? error.message : String(error);
  return { sentence: `Something unexpected happened: ${sentence}`, exitCode: 1, detail: error instanceof Error ? (error.stack ?? "") : "" };
};

const refusesFiles: readonly unknown[] = ["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST", "EISDIR"];

/** The folder of data, or the cache of servers, is no folder, is not ours, or is full: this machine's matter, and no defect. */
const unusableFolder = (error: unknown): string | undefined => {
  if (!(error instanceof Error && "code" in error && "path" in error && typeof error.path === "string")) return undefined;
  if (error.code === "ENOSPC" || error.code === "EDQUOT") return `No disk space is left for ${error.path}: make room and start again.`;
  if (!refusesFiles.includes(error.code)) return undefined;
  const variable = `${error.path}${sep}`.startsWith(`${places.home}${sep}`) ? "OUTRIDER_HOME" : "OUTRIDER_CACHE";
  return `${error.path} cannot be written (${String(error.code)}): make it yours, or choose another folder by ${variable}.`;
};

/** The one document of a command that failed. */
export const documentOf = (error: unknown): object => {
  const { sentence, exitCode } = endingOf(error);
  return { ...(error instanceof Failure ? error.found : {}), error: sentence, exitCode };
};
