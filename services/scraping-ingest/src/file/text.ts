import { isUtf8 } from "node:buffer";
import { Unreadable } from "../providers/ad-source.ts";

/** Turns the bytes of a file into UTF-8 with `\n` or `\r\n` between lines. Both may throw `Unreadable`. */
export interface TextOf {
  readonly push: (bytes: Buffer) => Buffer;
  readonly end: () => Buffer;
}

/** How much is looked at before it is decided what the file is, bytes. */
export const sniffed = 65_536;

/** Looks at the beginning, says no to what is not text, and reads UTF-16 as what it means. Bad bytes further on are the line's own fault. */
export const textOf = (): TextOf => {
  let head: Buffer[] = [];
  let held = 0;
  let convert: Converter | undefined;

  const begin = (): Buffer => {
    const start = Buffer.concat(head);
    head = [];
    convert = converterFor(start);
    return convert.push(convert.skip === 0 ? start : start.subarray(convert.skip));
  };
  return {
    push: (bytes) => {
      if (convert !== undefined) return convert.push(bytes);
      head.push(bytes);
      held += bytes.length;
      return held < sniffed ? Buffer.alloc(0) : begin();
    },
    end: () => {
      if (convert !== undefined) return convert.end();
      const start = begin();
      return Buffer.concat([start, convert === undefined ? Buffer.alloc(0) : (convert as Converter).end()]);
    },
  };
};

interface Converter extends TextOf {
  /** Bytes of the mark at the beginning. */
  readonly skip: number;
}

const nothing = Buffer.alloc(0);

const converterFor = (start: Buffer): Converter => {
  if (start.length === 0) throw new Unreadable("The file is empty.");
  const what = magic.find(({ bytes }) => start.subarray(0, bytes.length).equals(Buffer.from(bytes, "latin1")))?.what;
  if (what !== undefined) throw new Unreadable(`The file is ${what}, not CSV. Save it as CSV (UTF-8) and import that.`);
  const utf16 = utf16Of(start);
  if (utf16 !== undefined) return fromUtf16(utf16.encoding, utf16.skip);
  const skip = start.subarray(0, 3).equals(Buffer.of(0xef, 0xbb, 0xbf)) ? 3 : 0;
  refuseBinary(start);
  refuseOtherEncodings(start);
  const oldMac = !start.includes(0x0a) && start.includes(0x0d);
  return { skip, push: oldMac ? withLineFeeds : (bytes) => bytes, end: () => nothing };
};

const magic = [
  { bytes: "PK\x03\x04", what: "a ZIP archive or a spreadsheet (xlsx, ods)" },
  { bytes: "\xd0\xcf\x11\xe0", what: "an old Excel workbook (xls)" },
  { bytes: "\x1f\x8b", what: "compressed (gzip)" },
  { bytes: "%PDF", what: "a PDF" },
  { bytes: "\x89PNG", what: "a picture (PNG)" },
  { bytes: "\xff\xd8\xff", what: "a picture (JPEG)" },
  { bytes: "SQLite format 3", what: "an SQLite database" },
] as const;

/** By its byte order mark, or because every other byte is NUL, as it is in UTF-16 text that is mostly Latin letters. */
const utf16Of = (start: Buffer): { readonly encoding: "utf-16le" | "utf-16be"; readonly skip: number } | undefined => {
  if (start[0] === 0xff && start[1] === 0xfe) return { encoding: "utf-16le", skip: 2 };
  if (start[0] === 0xfe && start[1] === 0xff) return { encoding: "utf-16be", skip: 2 };
  const pairs = Math.min(start.length, 4096) >> 1;
  let even = 0;
  let odd = 0;
  for (let at = 0; at < pairs * 2; at += 2) {
    if (start[at] === 0) even++;
    if (start[at + 1] === 0) odd++;
  }
  if (pairs >= 4 && odd > pairs * 0.7 && even < pairs * 0.1) return { encoding: "utf-16le", skip: 0 };
  if (pairs >= 4 && even > pairs * 0.7 && odd < pairs * 0.1) return { encoding: "utf-16be", skip: 0 };
  return undefined;
};

const fromUtf16 = (encoding: "utf-16le" | "utf-16be", skip: number): Converter => {
  const decoder = new TextDecoder(encoding);
  return {
    skip,
    push: (bytes) => Buffer.from(decoder.decode(bytes, { stream: true })),
    end: () => Buffer.from(decoder.decode()),
  };
};

/** One byte in a hundred is a NUL or a control that no text has. */
const refuseBinary = (start: Buffer): void => {
  let strange = 0;
  let first = -1;
  for (const [at, byte] of start.entries()) {
    if (byte < 9 || (byte > 13 && byte < 32 && byte !== 27)) {
      strange++;
      if (first < 0) first = at;
    }
  }
  if (strange * 100 <= start.length) return;
  throw new Unreadable(
    `The file is binary, not CSV: byte ${first} is ${hex(start[first])}, and there are ${strange} such in the beginning.`,
  );
};

/** A header line, or more than a tenth of the first lines, that is not UTF-8 means another encoding, not a broken line. */
const refuseOtherEncodings = (start: Buffer): void => {
  if (isUtf8(start)) return;
  let lines = 0;
  let broken = 0;
  let first = -1;
  for (let from = 0; from < start.length; ) {
    const feed = start.indexOf(0x0a, from);
    const to = feed < 0 ? start.length : feed;
    const line = start.subarray(from, to);
    // The last line may end inside a character: that is not its fault.
    if (!isUtf8(line) && (feed >= 0 || start.length < sniffed)) {
      broken++;
      if (first < 0) first = from + firstBroken(line);
      if (lines === 0) break;
    }
    lines++;
    from = to + 1;
  }
  if (broken === 0 || (lines > 0 && broken * 10 <= lines)) return;
  throw new Unreadable(
    `The file is not UTF-8: byte ${first} is ${hex(start[first])}. It looks like Latin-1 or Windows-1252; save it as UTF-8 and import that.`,
  );
};

/** Offset of the first byte that cannot be UTF-8. */
export const firstBroken = (bytes: Buffer): number => {
  let low = 0;
  let high = bytes.length; // invariant: what stands before `low` is fine, before `high` is not
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (isUtf8(bytes.subarray(0, wholeCharacters(bytes, middle)))) low = middle;
    else high = middle;
  }
  return wholeCharacters(bytes, low);
};

/** The largest end at or before `end` that does not cut a character in two. */
const wholeCharacters = (bytes: Buffer, end: number): number => {
  for (let back = 1; back <= 3 && end - back >= 0; back++) {
    const byte = bytes[end - back] ?? 0;
    if (byte < 0x80) return end;
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? end - back : end;
  }
  return end;
};

const withLineFeeds = (bytes: Buffer): Buffer => {
  const copy = Buffer.from(bytes);
  for (let at = copy.indexOf(0x0d); at >= 0; at = copy.indexOf(0x0d, at + 1)) copy[at] = 0x0a;
  return copy;
};

const hex = (byte: number | undefined): string => `0x${(byte ?? 0).toString(16).padStart(2, "0").toUpperCase()}`;
