import { Unavailable } from "./errors.ts";
import type { EventStore } from "./store.ts";

/** What happens next, drawn from a list of numbers, so that a failing run can be repeated; then nothing bad any more. */
export const fates = (list: readonly number[]) => {
  let next = 0;
  return (): number => list[next++] ?? 99;
};

/**
 * A store that behaves as badly as its promises allow: direct reads are behind, appends are refused although nobody had been there, are lost
 * with the outage, or have happened although the answer is an outage. What the leader says is true.
 */
export const adversary = <Event>(store: EventStore<Event>, fate: () => number): EventStore<Event> => {
  const pause = async (): Promise<void> => {
    for (let n = fate() % 4; n > 0; n--) await Promise.resolve();
  };
  return {
    ...store,
    read: async (subject, after, limit) => {
      const page = await store.read(subject, after, limit);
      await pause();
      return fate() < 30 ? page.slice(0, Math.max(0, page.length - 1 - (fate() % 3))) : page;
    },
    last: async (subject) => {
      const last = await store.last(subject);
      await pause();
      if (last === undefined || fate() >= 30) return last;
      const before = (await store.read(subject, 0, Number.POSITIVE_INFINITY)).filter(({ revision }) => revision < last.revision);
      return before.at(-1 - (fate() % 3));
    },
    tail: async (subject, after) => {
      await pause();
      return store.tail(subject, after);
    },
    append: async (subject, append, deadline) => {
      await pause();
      const what = fate();
      if (what < 10) throw new Unavailable("it did not leave");
      if (what < 20) return { kind: "conflict", found: 0 };
      const appended = await store.append(subject, append, deadline);
      await pause();
      if (what < 35) throw new Unavailable("the answer was lost", { mayHaveHappened: true });
      return appended;
    },
  };
};
