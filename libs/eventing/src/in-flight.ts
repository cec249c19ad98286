/** Those who wait for an answer, at most `places` of them, each by a number of its own. */
export interface InFlight<Waiting> {
  readonly size: () => number;
  /** Takes a place, of which one must be free, and answers a number that was never given before. */
  readonly enter: (waiting: Waiting) => number;
  /** Gives the place back; undefined: whoever had this number has left. */
  readonly leave: (id: number) => Waiting | undefined;
  /** The numbers of those for whom it holds, in no order. */
  readonly which: (holds: (waiting: Waiting) => boolean) => readonly number[];
}

/**
 * Not a Map: one whose entries come and go is given a new table again and again, and V8 has every old table point to the next one. A single old
 * table in the old generation so keeps all later ones, and whoever waited in them, until that generation is collected. Scavenges took ten
 * milliseconds instead of one.
 */
export const inFlightOf = <Waiting>(places: number): InFlight<Waiting> => {
  const waitings = Array.from<Waiting | undefined>({ length: places });
  const ids = Array.from({ length: places }, () => 0);
  let size = 0;
  let last = 0;
  return {
    size: () => size,
    enter: (waiting) => {
      if (size === places) throw new RangeError("nobody may enter: all places are taken");
      do last++;
      while (waitings[last % places] !== undefined);
      waitings[last % places] = waiting;
      ids[last % places] = last;
      size++;
      return last;
    },
    leave: (id) => {
      // A late answer: another has this place now.
      if (ids[id % places] !== id) return undefined;
      const waiting = waitings[id % places];
      if (waiting === undefined) return undefined;
      waitings[id % places] = undefined;
      size--;
      return waiting;
    },
    which: (holds) =>
      ids.filter((_, place) => {
        const waiting = waitings[place];
        return waiting !== undefined && holds(waiting);
      }),
  };
};
