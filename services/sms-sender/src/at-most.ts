export interface Slots {
  readonly run: <T>(work: () => Promise<T>) => Promise<T>;
  /** Pieces of work under way. */
  readonly taken: () => number;
}

/** Runs at most `limit` pieces of work at the same time, in the order asked. */
export const atMost = (limit: number): Slots => {
  let running = 0;
  let head = 0;
  let line: (() => void)[] = [];
  const next = (): void => {
    const go = line[head++];
    if (head >= line.length) {
      line = [];
      head = 0;
    }
    if (go === undefined) running -= 1;
    else go();
  };
  return {
    run: async (work) => {
      if (running >= limit) await new Promise<void>((go) => line.push(go));
      else running += 1;
      try {
        return await work();
      } finally {
        next();
      }
    },
    taken: () => running,
  };
};
