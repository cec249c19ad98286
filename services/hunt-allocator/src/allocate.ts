import { type Capacity, mostContacts, type Shared, share } from "./share.ts";
import { type Candidate, type Denial, type HuntInPlay, type Judge, type Keep, type Survey, survey } from "./survey.ts";

export interface AllocationInput<C extends Candidate> {
  readonly hunts: readonly HuntInPlay[];
  readonly candidates: Iterable<C>;
  readonly capacity: Capacity;
  readonly judge: Judge<C>;
}

export interface Allocated extends Shared {
  readonly denials: readonly Denial[];
}

/** Begins an allocation whose candidates come bit by bit: `share(survey.hunts(), capacity)` ends it, as often as one likes. */
export const beginAllocation = <C extends Candidate>(
  hunts: readonly HuntInPlay[],
  capacity: Capacity,
  judge: Judge<C>,
  keep?: Keep<C>,
): Survey<C> => {
  const prices = hunts.flatMap(({ routes }) => routes.map(({ price }) => price));
  return survey(hunts, judge, mostContacts(capacity, Math.min(...prices, Number.MAX_SAFE_INTEGER)), keep);
};

/**
 * Who is contacted by which hunt through which channel, and who is not and why. Pure. Per hunt and in all: found = allocated + all skipped,
 * counted in pairs of hunt and ad.
 */
export const allocate = <C extends Candidate>({ hunts, candidates, capacity, judge }: AllocationInput<C>): Allocated => {
  const seen = beginAllocation(hunts, capacity, judge);
  for (const candidate of candidates) seen.take(candidate);
  return { ...share(seen.hunts(), capacity), denials: seen.denials() };
};
