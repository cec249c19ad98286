import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";
import { resolve } from "node:path";
import { cannotRun } from "./failure.ts";
import { root } from "./places.ts";

export interface AdsFile {
  readonly path: string;
  readonly bytes: number;
}

const lookedAt = 65_536;

/**
 * What can be told of a file of ads without reading it all. @throws Failure (2), one sentence, when it is missing, a folder, unreadable,
 * empty or plainly not text. The importer looks at the rest, row by row.
 */
export const checkFile = (given: string): AdsFile => {
  const path = meant(given);
  const descriptor = opened(path);
  try {
    const status = fstatSync(descriptor);
    if (status.isDirectory()) throw cannotRun(`${path} is a folder: give a CSV file.`);
    if (!status.isFile()) throw cannotRun(`${path} is not a regular file: give a CSV file.`);
    if (status.size === 0) throw cannotRun(`${path} is empty: give a CSV file with a header line.`);
    const head = Buffer.alloc(Math.min(lookedAt, status.size));
    readSync(descriptor, head, 0, head.length, 0);
    const what = notText(head);
    if (what !== undefined) throw cannotRun(`${path} is ${what}, not CSV: save it as CSV (UTF-8) and try again.`);
    return { path, bytes: status.size };
  } finally {
    closeSync(descriptor);
  }
};

/** npm runs its scripts at the top of the checkout, and remembers where its user was: their file is meant, also where both have one. */
const meant = (given: string): string => {
  const here = resolve(given);
  const user = process.env["INIT_CWD"];
  if (user === undefined || process.cwd() !== root) return here;
  const there = resolve(user, given);
  return existsSync(there) ? there : here;
};

const opened = (path: string): number => {
  try {
    return openSync(path, "r");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") throw cannotRun(`There is no file ${path}.`);
    if (code === "EACCES" || code === "EPERM") throw cannotRun(`${path} may not be read by this user: change its permissions.`);
    throw cannotRun(`${path} cannot be opened (${String(code)}).`);
  }
};

const signatures = [
  ["PK\u0003\u0004", "a ZIP archive or a spreadsheet"],
  ["\u00d0\u00cf\u0011\u00e0", "an old Excel workbook"],
  ["\u001f\u008b", "compressed"],
  ["%PDF", "a PDF"],
  ["\u0089PNG", "a picture"],
  ["\u00ff\u00d8\u00ff", "a picture"],
] as const;

/** UTF-16 is text although it is full of NUL bytes: the importer reads it. */
const notText = (head: Buffer): string | undefined => {
  const known = signatures.find(([bytes]) => head.subarray(0, bytes.length).equals(Buffer.from(bytes, "latin1")));
  if (known !== undefined) return known[1];
  const marked = (head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff);
  if (marked || looksLikeUtf16(head)) return undefined;
  let strange = 0;
  for (const byte of head) if (byte < 9 || (byte > 13 && byte < 32 && byte !== 27)) strange += 1;
  return strange * 100 > head.length ? "binary" : undefined;
};

const looksLikeUtf16 = (head: Buffer): boolean => {
  const pairs = Math.min(head.length, 4096) >> 1;
  let even = 0;
  let odd = 0;
  for (let at = 0; at < pairs * 2; at += 2) {
    if (head[at] === 0) even += 1;
    if (head[at + 1] === 0) odd += 1;
  }
  return pairs >= 4 && Math.max(even, odd) > pairs * 0.7 && Math.min(even, odd) < pairs * 0.1;
};
