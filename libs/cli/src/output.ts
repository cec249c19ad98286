import colors from "picocolors";
import { jsonText } from "./format.ts";

/** Results go to standard output, everything else to standard error, so that `--json` leaves one document as the last line. */
export interface Output {
  readonly json: boolean;
  /** Whether standard error is a terminal, where a line may be drawn over. */
  readonly terminal: boolean;
  readonly say: (line: string) => void;
  /** The document with `--json`, else what `text` makes of it. */
  readonly result: (document: unknown, text: () => string) => void;
  /** The same of a command that fails with what it has found: with `--json` whoever tells the failure prints the document, too. */
  readonly found: (text: () => string) => void;
  /** Draws over the line that stands; on a terminal only. An empty text clears it. */
  readonly draw: (line: string) => void;
  readonly columns: () => number;
}

export const outputOf = (json: boolean): Output => {
  const terminal = process.stderr.isTTY === true;
  let drawn = false;
  const draw = (line: string): void => {
    if (!terminal) return;
    process.stderr.write(`\r\u001b[2K${line}`);
    drawn = line !== "";
  };
  const say = (line: string): void => {
    if (drawn) draw("");
    process.stderr.write(`${line}\n`);
  };
  const print = (text: () => string): void => {
    if (drawn) draw("");
    process.stdout.write(`${text()}\n`);
  };
  return {
    json,
    terminal,
    say,
    draw,
    // A terminal whose size nobody has set says that it is 0 wide.
    columns: () => process.stderr.columns || 100,
    result: (document, text) => print(() => (json ? jsonText(document) : text())),
    found: (text) => {
      if (!json) print(text);
    },
  };
};

export const bold = (text: string): string => colors.bold(text);
export const dim = (text: string): string => colors.dim(text);
export const good = (text: string): string => colors.green(text);
export const bad = (text: string): string => colors.red(text);
