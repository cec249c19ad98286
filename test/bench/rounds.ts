/** What one side of a comparison took for one round, in milliseconds of wall time and of CPU over all the processes that work for it. */
export interface Round {
  readonly ms: number;
  readonly cpuMs: number;
}

export interface Side {
  /** Items a second: the best round and the one in the middle. */
  readonly best: number;
  readonly median: number;
  readonly cpuMicrosPerItem: number;
}

/**
 * Runs both sides in turn, the one that begins changing from round to round, so that a busy moment of the machine falls on both. The first
 * round of each warms up and is not counted.
 */
export const inTurns = async (
  rounds: number,
  sides: readonly [(round: number) => Promise<Round>, (round: number) => Promise<Round>],
): Promise<readonly [readonly Round[], readonly Round[]]> => {
  const taken: [Round[], Round[]] = [[], []];
  for (let round = 0; round <= rounds; round++) {
    const order: readonly (0 | 1)[] = round % 2 === 0 ? [0, 1] : [1, 0];
    for (const side of order) {
      const took = await sides[side](round);
      if (round > 0) taken[side].push(took);
    }
  }
  return taken;
};

export const sideOf = (rounds: readonly Round[], items: number): Side => ({
  best: items / (Math.min(...rounds.map(({ ms }) => ms)) / 1000),
  median: items / (medianOf(rounds.map(({ ms }) => ms)) / 1000),
  cpuMicrosPerItem: (medianOf(rounds.map(({ cpuMs }) => cpuMs)) * 1000) / items,
});

export const medianOf = (values: readonly number[]): number => quantileOf(values, 0.5);

/** The smallest value that at least `share` of the values do not exceed. */
export const quantileOf = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
};

/** Times `work`; `cpuMs` reads the CPU time of whoever works for it besides this process. */
export const timed = async (work: () => Promise<void>, cpuMs: () => number = () => 0): Promise<Round> => {
  const others = cpuMs();
  const own = process.cpuUsage();
  const began = performance.now();
  await work();
  const ms = performance.now() - began;
  const { user, system } = process.cpuUsage(own);
  return { ms, cpuMs: (user + system) / 1000 + cpuMs() - others };
};

/** Both sides for the line of JSON: rates are medians, `ratio` is that of the medians, `cpuRatio` what raw costs in CPU of what we cost. */
export const compared = (ours: Side, raw: Side) => ({
  ours: Math.round(ours.median),
  raw: Math.round(raw.median),
  ratio: rounded(ours.median / raw.median),
  bestRatio: rounded(ours.best / raw.best),
  cpuRatio: rounded(raw.cpuMicrosPerItem / ours.cpuMicrosPerItem),
});

export const rounded = (value: number, digits = 3): number => Number(value.toFixed(digits));
