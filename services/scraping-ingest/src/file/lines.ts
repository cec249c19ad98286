import { isUtf8 } from "node:buffer";
import { firstBroken } from "./text.ts";

/** One line of the file without its end. `problem`: it cannot be used; `text` is then what can be shown of it. */
export interface Line {
  /** From 1. */
  readonly line: number;
  readonly text: string;
  readonly problem?: string;
}

export interface LinesOf {
  readonly push: (bytes: Buffer) => readonly Line[];
  readonly end: () => readonly Line[];
}

/** What is kept of a line that cannot be used, characters. */
export const shownOfBad = 2000;

/** Cuts UTF-8 into lines. A line longer than `longest` bytes is passed over without being held: memory stays as it is. */
export const linesOf = (longest: number): LinesOf => {
  let carried: Buffer[] = [];
  let carriedBytes = 0;
  let overlong = false;
  let next = 1;
  let offset = 0;

  const tooLong = (begin: string): Line => ({
    line: next++,
    text: begin,
    problem: `the line is longer than ${longest} bytes`,
  });
  const usable = (bytes: Buffer): Line => {
    const line = next++;
    const at = offset;
    offset += bytes.length + 1;
    if (isUtf8(bytes)) {
      const text = bytes.toString("utf8");
      const nul = bytes.indexOf(0);
      return nul < 0 ? { line, text } : { line, text: shown(text), problem: `byte ${nul + 1} of the line is NUL` };
    }
    const broken = firstBroken(bytes);
    const problem = `the line is not UTF-8 at byte ${at + broken} of the file (0x${bytes[broken]?.toString(16).toUpperCase()})`;
    return { line, text: shown(bytes.toString("latin1")), problem };
  };

  const hold = (bytes: Buffer): void => {
    if (bytes.length === 0) return;
    if (carriedBytes + bytes.length > longest) {
      if (!overlong) carried = [Buffer.from(Buffer.concat([...carried, bytes.subarray(0, longest)]).subarray(0, shownOfBad))];
      overlong = true;
    } else if (!overlong) carried.push(Buffer.from(bytes)); // a copy: the piece that it is a part of may go
    carriedBytes += bytes.length;
  };
  const release = (): Line => {
    const bytes = carried.length === 1 && carried[0] !== undefined ? carried[0] : Buffer.concat(carried);
    const was = { overlong, bytes: carriedBytes };
    carried = [];
    carriedBytes = 0;
    overlong = false;
    if (!was.overlong) return usable(withoutReturn(bytes));
    offset += was.bytes + 1;
    return tooLong(shown(bytes.toString("utf8")));
  };

  return {
    push: (bytes) => {
      const last = bytes.lastIndexOf(0x0a);
      if (last < 0) {
        hold(bytes);
        return [];
      }
      const lines: Line[] = [];
      let from = 0;
      if (carriedBytes > 0) {
        const feed = bytes.indexOf(0x0a);
        hold(bytes.subarray(0, feed));
        lines.push(release());
        from = feed + 1;
      }
      const whole = bytes.subarray(from, last);
      if (from <= last && quick(whole, longest)) {
        for (const text of whole.toString("utf8").split("\n")) {
          lines.push({ line: next++, text: text.endsWith("\r") ? text.slice(0, -1) : text });
        }
        offset += whole.length + 1;
      } else {
        while (from <= last) {
          const feed = bytes.indexOf(0x0a, from);
          hold(bytes.subarray(from, feed));
          lines.push(release());
          from = feed + 1;
        }
      }
      hold(bytes.subarray(last + 1));
      return lines;
    },
    end: () => (carriedBytes > 0 ? [release()] : []),
  };
};

/** Nothing in it needs to be looked at line by line. */
const quick = (bytes: Buffer, longest: number): boolean => bytes.length <= longest && isUtf8(bytes) && !bytes.includes(0);

const shown = (text: string): string => text.slice(0, shownOfBad).replaceAll("\u0000", "\uFFFD");

const withoutReturn = (bytes: Buffer): Buffer => (bytes.at(-1) === 0x0d ? bytes.subarray(0, -1) : bytes);
