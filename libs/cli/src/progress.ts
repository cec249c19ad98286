import { barProgress, duration, type Moment, plainProgress } from "./format.ts";
import { dim, good, type Output } from "./output.ts";

export interface Progress {
  readonly update: (done: number, total?: number, note?: string) => void;
  /** Says what it was and how long it took. */
  readonly end: (text: string) => number;
  /** Clears the line, says nothing. */
  readonly drop: () => void;
}

const drawEveryMs = 100;
const sayEveryMs = 1_000;
/** Nothing is said of what takes less than this. */
const quietMs = 2_000;
const rateWindowMs = 5_000;

/** Rate over the last five seconds. */
export const rateOf = (): ((done: number, nowMs: number) => number) => {
  const seen: { readonly done: number; readonly at: number }[] = [];
  return (done, at) => {
    seen.push({ done, at });
    while (seen.length > 2 && at - (seen[0]?.at ?? at) > rateWindowMs) seen.shift();
    const [first] = seen;
    return first === undefined || at <= first.at ? 0 : Math.max(0, ((done - first.done) * 1000) / (at - first.at));
  };
};

/** On a terminal a bar with rate and time left; elsewhere plain lines, at most one a second, once it takes over two seconds. */
export const progressOf = (output: Output, label: string): Progress => {
  const since = performance.now();
  const rate = rateOf();
  let moment: Moment = { label, done: 0, elapsedMs: 0, rate: 0 };
  let shown: string | undefined;
  let last = 0;
  const show = (): void => {
    const now = performance.now();
    moment = { ...moment, elapsedMs: now - since };
    if (output.terminal) {
      if (now - last < drawEveryMs) return;
      last = now;
      output.draw(barProgress(moment, output.columns()));
    } else {
      if (now - since < quietMs || now - last < sayEveryMs) return;
      const line = plainProgress(moment);
      if (line === shown) return;
      last = now;
      shown = line;
      output.say(`  ${line}`);
    }
  };
  const timer = setInterval(show, output.terminal ? drawEveryMs : sayEveryMs);
  timer.unref();
  const stop = (): number => {
    clearInterval(timer);
    output.draw("");
    return performance.now() - since;
  };
  return {
    update: (done, total, note) => {
      moment = { ...moment, done, total, note, rate: rate(done, performance.now()) };
      show();
    },
    end: (text) => {
      const ms = stop();
      output.say(`${good("✓")} ${text} ${dim(duration(ms))}`);
      return ms;
    },
    drop: () => void stop(),
  };
};
