import type { Channel } from "@outrider/contracts/fields";
import type { HuntTally } from "@outrider/contracts/hunts";
import type { HuntId } from "@outrider/contracts/ids";
import type { Pass } from "./run.ts";

/** What a hunt has come to in a day; `channels`: what was allocated, by channel. */
export interface DayTally extends HuntTally {
  readonly channels: Readonly<Partial<Record<Channel, number>>>;
}

/** Each hunt's tally over all passes of a day. While a pass is open, its hunts show what they have been given so far. */
export const talliesOf = (passes: readonly Pass[]): DayTally[] => {
  const hunts = new Map<HuntId, DayTally>();
  for (const pass of passes) {
    for (const tally of tallied(pass)) {
      const before = hunts.get(tally.hunt);
      hunts.set(tally.hunt, before === undefined ? tally : both(before, tally));
    }
  }
  return [...hunts.values()];
};

const tallied = ({ open, rows, channels, tallies }: Pass): readonly DayTally[] =>
  (open ? [...rows].map(([hunt, count]): HuntTally => ({ hunt, found: count, allocated: count, skipped: {} })) : tallies).map((tally) => ({
    ...tally,
    channels: Object.fromEntries(channels.get(tally.hunt) ?? []),
  }));

const both = (before: DayTally, tally: DayTally): DayTally => ({
  ...before,
  ...tally,
  found: before.found + tally.found,
  allocated: before.allocated + tally.allocated,
  skipped: sum(before.skipped, tally.skipped),
  channels: sum(before.channels, tally.channels),
});

type Sums = Readonly<Record<string, number | undefined>>;

const sum = (one: Sums, other: Sums): Record<string, number> => {
  const total: Record<string, number> = {};
  for (const [name, some] of [one, other].flatMap((each) => Object.entries(each))) total[name] = (total[name] ?? 0) + (some ?? 0);
  return total;
};
