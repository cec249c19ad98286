export type StackErrorCode =
  | "missing-tool"
  | "too-old"
  | "port-in-use"
  | "no-disk-space"
  | "corrupt-download"
  | "build-failed"
  | "start-failed"
  | "not-ready"
  | "not-ours";

/** Something about this machine keeps the stack from running. `message` is one sentence that names the remedy; commands exit 2. */
export class StackError extends Error {
  override readonly name = "StackError";
  readonly code: StackErrorCode;
  /** Last lines of whatever program failed; for the log or a `--verbose`, never needed to understand `message`. */
  readonly detail: string;

  constructor(code: StackErrorCode, message: string, detail = "", options: ErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.detail = detail;
  }
}

const hasCode = (error: unknown, code: string): boolean => error instanceof Error && "code" in error && error.code === code;

export const isMissing = (error: unknown): boolean => hasCode(error, "ENOENT");
export const isTaken = (error: unknown): boolean => hasCode(error, "EEXIST");
export const isFullDirectory = (error: unknown): boolean => hasCode(error, "ENOTEMPTY") || isTaken(error);

/** True for our own ENOSPC and for what Go, Java, Maven, mongod and nats-server print when the disk is full. */
export function isDiskFull(error: unknown): boolean {
  if (hasCode(error, "ENOSPC") || hasCode(error, "EDQUOT")) return true;
  const text = error instanceof StackError ? `${error.message}\n${error.detail}` : String(error);
  return /no space left on device|disk quota exceeded|not enough space|insufficient (?:storage|disk)/i.test(text);
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
