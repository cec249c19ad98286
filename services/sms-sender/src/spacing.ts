import type { LineLimits } from "@outrider/contracts/sms";

/** When a line's day is lawful, ISO 8601 in UTC. */
export interface Window {
  readonly from: string;
  readonly to: string;
}

/** One turn's distance from the one before: the minimum and its jitter. `random` is from 0 to 1. */
export const leastGap = ({ minGapMs, jitterMs }: LineLimits, random: number): number => minGapMs + Math.floor(random * jitterMs);

/**
 * The distance on a line that spreads: what is left of the window is shared by those who may still be written to today, give or take half,
 * and never less than the least gap. Each turn shares anew, so that jitter does not add up. The share is one too small, so that the last
 * turn falls inside the window, too: at most three quarters of what is left are used by one turn.
 */
export const evenGap = (limits: LineLimits, random: number, leftMs: number, leftPeople: number): number => {
  const even = leftMs / (Math.max(1, leftPeople) + 1);
  const over = Math.max(0, even - limits.minGapMs);
  return Math.max(leastGap(limits, random), Math.floor(limits.minGapMs + over * (0.5 + random)));
};

/** The first moment from `from` on that is `gap` away from all of `taken`, which is in order. Keeps the order: the moment is put in. */
export const firstHole = (taken: number[], from: number, gap: number): number => {
  let at = from;
  let place = 0;
  for (; place < taken.length; place++) {
    const time = taken[place] ?? 0;
    if (time + gap <= at) continue;
    if (at + gap <= time) break;
    at = time + gap;
  }
  taken.splice(place, 0, at);
  return at;
};
