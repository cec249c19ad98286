import { mkdir, statfs } from "node:fs/promises";
import { StackError } from "./stack-error.ts";

const MEGABYTE = 1024 * 1024;

/** Free megabytes for an ordinary user on the disk that holds `folder`, which must exist. */
export async function freeMegabytes(folder: string): Promise<number> {
  const disk = await statfs(folder);
  return Math.floor((disk.bavail * disk.bsize) / MEGABYTE);
}

/** Makes `folder` and refuses when its disk has less than `megabytes` left: a server that fills the disk loses more than a start. */
export async function requireDisk(folder: string, megabytes: number, need: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const free = await freeMegabytes(folder);
  if (free >= megabytes) return;
  throw new StackError(
    "no-disk-space",
    `${need} needs ${megabytes} MB in ${folder}, where ${free} MB are free: make room there or choose another folder.`,
  );
}
