import { randomUUID } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LogRow } from "./control.ts";

export type JournalOptions = {
  /** Kept and continued at the next start. Without it a file that vanishes with the process. */
  file?: string;
  /** Calls that it takes before it says that it is full. */
  limit: number;
};

const flushAtBytes = 64 * 1024;
const flushAfterMs = 20;

/**
 * Every call, whole, on disk and append-only; in memory 16 bytes a row (where its line is, and the row before it with the same number).
 * A line is written when its call has ended; calls that have not are handed out behind the file by `lines`.
 */
export class Journal {
  readonly limit: number;
  rows = 0;
  #file: FileHandle;
  #written = 0;
  #tail: string[] = [];
  #tailBytes = 0;
  #inFlightBytes = 0;
  #flushing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #offsets = new Float64Array(1024).fill(-1);
  #lengths = new Uint32Array(1024);
  #before = new Int32Array(1024);
  readonly #pending = new Map<number, () => LogRow>();

  private constructor(file: FileHandle, limit: number) {
    this.#file = file;
    this.limit = limit;
  }

  /** Opens a journal. Throws when the file cannot be opened. A file with rows in it must be read by `restore` before anything else. */
  static async open(options: JournalOptions): Promise<Journal> {
    const path = options.file ?? join(tmpdir(), `smsmobileapi-${randomUUID()}.jsonl`);
    const file = await open(path, "a+", 0o600);
    if (options.file === undefined) await unlink(path);
    return new Journal(file, options.limit);
  }

  get full(): boolean {
    return this.rows >= this.limit;
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** Continues a file that an earlier process left: every row of it is told, and a last line that was torn is cut off. */
  async restore(tell: (row: LogRow) => void): Promise<void> {
    let good = 0;
    let rest = "";
    const size = (await this.#file.stat()).size;
    this.#written = size;
    for await (const piece of this.lines()) {
      const lines = (rest + piece).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const row = parseRow(line);
        this.#room(row.row);
        this.rows = Math.max(this.rows, row.row + 1);
        this.#offsets[row.row] = good;
        this.#lengths[row.row] = Buffer.byteLength(line) + 1;
        good += Buffer.byteLength(line) + 1;
        tell(row);
      }
    }
    if (good < size) await this.#file.truncate(good); // a line torn by a killed process
    this.#written = good;
  }

  /** Restores the chain of a number while an old file is read. */
  link(row: number, before: number): void {
    this.#before[row] = before;
  }

  /** Takes the next row number for a call. `describe` says at any time what is known of it, until it is settled. */
  begin(before: number, describe: () => LogRow): number {
    const row = this.rows++;
    this.#room(row);
    this.#before[row] = before;
    this.#pending.set(row, describe);
    return row;
  }

  /** The call has ended: its line goes to disk. One that began before `clear` is told apart by its `describe` and forgotten. */
  settle(row: number, describe: () => LogRow): void {
    if (this.#pending.get(row) !== describe || this.#closed) return;
    this.#pending.delete(row);
    this.#append(row, `${JSON.stringify(describe())}\n`);
  }

  /** The row before this one with the same key and number, or -1. */
  before(row: number): number {
    return this.#before[row] ?? -1;
  }

  async read(row: number): Promise<LogRow | undefined> {
    const pending = this.#pending.get(row);
    if (pending !== undefined) return pending();
    const offset = this.#offsets[row];
    const length = this.#lengths[row];
    if (row >= this.rows || offset === undefined || length === undefined || offset < 0) return undefined;
    await this.flush();
    const bytes = Buffer.allocUnsafe(length);
    await this.#file.read(bytes, 0, length, offset);
    return parseRow(bytes.toString());
  }

  /** The whole log as JSON lines in pieces, as it is at the time of asking: ended calls first, then those still under way. */
  async *lines(): AsyncGenerator<string> {
    const pending = [...this.#pending.values()].map((describe) => describe());
    await this.flush();
    const end = this.#written;
    let offset = 0;
    const bytes = Buffer.allocUnsafe(256 * 1024);
    const decoder = new TextDecoder();
    while (offset < end) {
      const { bytesRead } = await this.#file.read(bytes, 0, Math.min(bytes.length, end - offset), offset);
      if (bytesRead === 0) break;
      offset += bytesRead;
      yield decoder.decode(bytes.subarray(0, bytesRead), { stream: true });
    }
    const rest = pending.filter((row) => !this.#isOnDiskBefore(row.row, end));
    if (rest.length > 0) yield rest.map((row) => `${JSON.stringify(row)}\n`).join("");
  }

  /** Writes what has ended so far. What ends meanwhile is not waited for, or a busy simulator would never be done. */
  async flush(): Promise<void> {
    const end = this.#written + this.#inFlightBytes + this.#tailBytes;
    while (this.#written < end) {
      this.#flushing ??= this.#flushOnce();
      await this.#flushing;
    }
  }

  /** Calls still under way are written as they are, unanswered. */
  async close(): Promise<void> {
    for (const [row, describe] of [...this.#pending]) this.settle(row, describe);
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.flush();
    await this.#file.close();
  }

  /** Forgets everything, on disk too. Calls under way are forgotten with the rest. */
  async clear(): Promise<void> {
    this.#pending.clear();
    await this.flush();
    await this.#file.truncate(0);
    this.#written = 0;
    this.rows = 0;
    this.#offsets.fill(-1);
  }

  #append(row: number, line: string): void {
    const length = Buffer.byteLength(line);
    this.#offsets[row] = this.#written + this.#tailBytes + this.#inFlightBytes;
    this.#lengths[row] = length;
    this.#tail.push(line);
    this.#tailBytes += length;
    if (this.#tailBytes >= flushAtBytes) this.#flushing ??= this.#flushOnce();
    else this.#timer ??= setTimeout(() => (this.#flushing ??= this.#flushOnce()), flushAfterMs).unref();
  }

  async #flushOnce(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const bytes = Buffer.from(this.#tail.join(""));
    this.#tail = [];
    this.#tailBytes = 0;
    this.#inFlightBytes = bytes.length;
    await this.#file.appendFile(bytes);
    this.#written += bytes.length;
    this.#inFlightBytes = 0;
    this.#flushing = undefined;
    if (this.#tailBytes > 0) this.#timer ??= setTimeout(() => (this.#flushing ??= this.#flushOnce()), flushAfterMs).unref();
  }

  #isOnDiskBefore(row: number, end: number): boolean {
    const offset = this.#offsets[row] ?? -1;
    return offset >= 0 && offset < end;
  }

  #room(row: number): void {
    if (row < this.#lengths.length) return;
    const size = Math.max(this.#lengths.length * 2, row + 1);
    const offsets = new Float64Array(size).fill(-1);
    offsets.set(this.#offsets);
    const lengths = new Uint32Array(size);
    lengths.set(this.#lengths);
    const before = new Int32Array(size);
    before.set(this.#before);
    this.#offsets = offsets;
    this.#lengths = lengths;
    this.#before = before;
  }
}

export const parseRow = (line: string): LogRow => JSON.parse(line) as LogRow;
