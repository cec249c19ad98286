import { copyFile, stat, truncate } from "node:fs/promises";
import { isMissing } from "./stack-error.ts";

/** One log keeps at most about twice this: the file and the one before it. */
export const LOG_BYTES = 20 * 1024 * 1024;

/**
 * Moves a log that has grown over `bytes` to `<file>.1`, replacing what was there. The text is copied and the file emptied, for the
 * writer holds it open in append mode and goes on at its new end; lines written between the two steps are lost, which is the price
 * of a writer that never has to wait for us.
 */
export async function trimLog(file: string, bytes = LOG_BYTES): Promise<void> {
  try {
    if ((await stat(file)).size <= bytes) return;
    await copyFile(file, `${file}.1`);
    await truncate(file, 0);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
