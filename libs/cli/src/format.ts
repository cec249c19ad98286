/** 1234567 → "1,234,567". */
export const count = (value: number): string => value.toLocaleString("en-US");

/** Milliseconds as people read them: "0.4 s", "12 s", "3 min 05 s". */
export const duration = (ms: number): string => {
  const seconds = ms / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 99.5) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 6000) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
};

export interface Moment {
  readonly label: string;
  readonly done: number;
  /** Undefined while nobody knows. */
  readonly total?: number | undefined;
  readonly elapsedMs: number;
  /** Things per second, lately. */
  readonly rate: number;
  readonly note?: string | undefined;
}

/** "sending 1,200 of 5,000 (24 %), 310/s, 12 s left" */
export const plainProgress = ({ label, done, total, elapsedMs, rate, note }: Moment): string => {
  const parts = [total === undefined ? count(done) : `${count(done)} of ${count(total)} (${percent(done, total)} %)`];
  if (rate >= 0.05) parts.push(`${rate < 10 ? rate.toFixed(1) : count(Math.round(rate))}/s`);
  const left = secondsLeft(done, total, elapsedMs);
  if (left !== undefined) parts.push(`${duration(left * 1000)} left`);
  if (note !== undefined && note !== "") parts.push(note);
  return `${label} ${parts.join(", ")}`;
};

/** The same with a bar before it, cut to the terminal's width. */
export const barProgress = (moment: Moment, columns: number): string => {
  const width = 20;
  const { done, total, elapsedMs } = moment;
  const filled =
    total === undefined || total === 0 ? Math.floor(elapsedMs / 200) % width : Math.round((Math.min(done, total) / total) * width);
  const bar =
    total === undefined ? `${"·".repeat(filled)}━${"·".repeat(width - filled - 1)}` : "━".repeat(filled) + "·".repeat(width - filled);
  return `${bar} ${plainProgress(moment)}`.slice(0, Math.max(20, columns - 1));
};

const percent = (done: number, total: number): number => (total === 0 ? 100 : Math.min(100, Math.floor((done / total) * 100)));

/** By the rate over all of the time: what comes in bursts would jump between seconds and hours. */
const secondsLeft = (done: number, total: number | undefined, elapsedMs: number): number | undefined =>
  total === undefined || done === 0 || done >= total || elapsedMs < 1_000 ? undefined : ((total - done) * elapsedMs) / done / 1000;

/** A table cell: what is not there is a dash, lists and objects are short. */
export const cell = (value: unknown): string => {
  if (value === undefined || value === null || value === "") return "–";
  if (typeof value === "number") return count(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return inOneLine(value);
  return jsonText(value);
};

/** What moves a terminal's cursor, colours it or turns its text round. People's messages and ads may hold any of it. */
const controls = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** What of these JSON does not escape by itself. */
const unescaped = /[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A document as JSON that is harmless to a terminal, and the same document to a program. `indent`: spaces, on lines of their own. */
export const jsonText = (document: unknown, indent?: number): string =>
  // What JSON has no word for, such as an answer that is none, is nothing.
  (JSON.stringify(document, undefined, indent) ?? "").replaceAll(
    unescaped,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** The lines of somebody else's text, harmless to a terminal. */
export const inLines = (text: string): readonly string[] =>
  text.split(/\r\n|\r|\n/).map((line) => line.replaceAll("\t", " ").replaceAll(controls, ""));

export const inOneLine = (text: string): string => inLines(text).join(" ");

/** One line of at most so many characters; a cut one says so. */
export const short = (text: string, most: number): string => {
  const characters = [...inOneLine(text)];
  return characters.length <= most ? characters.join("") : `${characters.slice(0, most - 1).join("")}…`;
};
