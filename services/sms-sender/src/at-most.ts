/** Runs at most `limit` pieces of work at the same time, in the order asked. */
export const atMost = (limit: number) => {
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
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= limit) await new Promise<void>((go) => line.push(go));
    else running += 1;
    try {
      return await work();
    } finally {
      next();
    }
  };
};
