/** How many of the messages that were handed back are still waiting at the server for their moment. */
export const waitingAtServer = () => {
  let waits: number[] = [];
  return {
    count: (now: number): number => {
      waits = waits.filter((until) => until > now);
      return waits.length;
    },
    add: (until: number): void => {
      waits.push(until);
    },
  };
};

/** How often each message has failed here; bounded. Deliveries say nothing of that: a message may have waited a hundred times. */
export const failureCounts = (most = 10_000) => {
  const counts = new Map<number, number>();
  return {
    failed: (seq: number): number => {
      const count = (counts.get(seq) ?? 0) + 1;
      counts.delete(seq);
      counts.set(seq, count);
      const oldest = counts.keys().next();
      if (counts.size > most && !oldest.done) counts.delete(oldest.value);
      return count;
    },
    settled: (seq: number): void => {
      counts.delete(seq);
    },
  };
};

/** Lets one loop wait until something has changed. */
export const changes = () => {
  let wake: (() => void) | undefined;
  return {
    next: (): Promise<void> =>
      new Promise((resume) => {
        wake = resume;
      }),
    happened: (): void => {
      wake?.();
      wake = undefined;
    },
  };
};
