/** Numbers that look random and are the same for the same seed. */
export interface Dice {
  /** From 0 to 1. */
  readonly next: () => number;
  /** An integer from `least` to `most`, both included. */
  readonly between: (least: number, most: number) => number;
  readonly pick: <T>(items: readonly T[]) => T;
}

/** Mulberry32. Each use gets dice of its own (`salt`), so that one that draws more often does not change what another one draws. */
export const diceOf = (seed: number, salt: number): Dice => {
  let state = (Math.imul(seed | 0, 0x9e3779b1) ^ Math.imul(salt, 0x85ebca6b)) >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    next,
    between: (least, most) => least + Math.floor(next() * (most - least + 1)),
    pick: (items) => {
      const picked = items[Math.floor(next() * items.length)];
      if (picked === undefined) throw new RangeError("nothing to pick from");
      return picked;
    },
  };
};
