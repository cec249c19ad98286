import type { Eligible, HuntSurvey } from "./survey.ts";

const newestFirst = (one: Eligible, other: Eligible): number =>
  other.publishedMs - one.publishedMs || (one.ad < other.ad ? -1 : one.ad > other.ad ? 1 : 0);

/** Sorting is dear, so a few more than are wanted gather first. */
const gathered = 1000;

/** The newest of very many. */
export interface Newest {
  readonly add: (one: Eligible) => void;
  /** How many are in memory now: fewer than twice as many as are wanted, and a thousand. */
  readonly held: () => number;
  readonly kept: () => Pick<HuntSurvey, "eligible" | "beyond">;
}

/** Keeps the newest `most` of those that are added, and counts the pairs of the others. */
export const newestOf = (most: number): Newest => {
  let eligible: Eligible[] = [];
  let beyond = 0;
  const prune = (): void => {
    eligible.sort(newestFirst);
    for (const { pairs } of eligible.slice(most)) beyond += pairs;
    eligible = eligible.slice(0, most);
  };
  return {
    add: (one) => {
      eligible.push(one);
      if (eligible.length >= 2 * most + gathered) prune();
    },
    held: () => eligible.length,
    kept: () => {
      prune();
      return { eligible, beyond };
    },
  };
};
