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

/**
 * How many messages of a durable are not handled yet, as far as one of its replicas knows: deliveries tell how many come after them. Who asks
 * for messages and has heard nothing since the last look has none to come, although its own last delivery may tell otherwise: another replica
 * got the rest.
 */
export const lagOfDurable = () => {
  let pending: number | undefined;
  let heard = false;
  return {
    /** Messages that are to be delivered yet. */
    told: (count: number): void => {
      pending = count;
      heard = true;
    },
    /** `held`: delivered here and not done with. Undefined: nobody has told anything yet. */
    look: (held: number, asking: boolean): number | undefined => {
      if (asking && !heard && held === 0) pending = 0;
      heard = false;
      return pending === undefined ? undefined : pending + held;
    },
  };
};
