import { randomFillSync } from "node:crypto";

// Random bytes are drawn in blocks: asking the system for 8 bytes at a time costs more than a whole message does.
const pool = Buffer.allocUnsafe(4096);
let used = pool.length;

const draw = (bytes: number): number => {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return used - bytes;
};

/** `bytes` random bytes as lower-case hex. */
export const randomHex = (bytes: number): string => {
  const from = draw(bytes);
  return pool.toString("hex", from, from + bytes);
};

/** A random id of 22 characters (128 bits), safe as a subject token. */
export const randomId = (): string => {
  const from = draw(16);
  return pool.toString("base64url", from, from + 16);
};

/** `bytes` random bytes in memory of their own. */
export const randomBytesOf = (bytes: number): Buffer => {
  const from = draw(bytes);
  return Buffer.from(pool.subarray(from, from + bytes));
};
