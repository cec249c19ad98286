import type { EventStore, Recorded, Subject } from "./store.ts";

/** The same promises as JetStream, in memory, and no more: one sequence for all subjects, guarded appends, nothing else remembered. */
export const memoryStore = <Event>(
  stream = "MEMORY",
): EventStore<Event> & { readonly messages: () => readonly (Recorded<Event> & { subject: Subject })[] } => {
  const all: (Recorded<Event> & { subject: Subject })[] = [];
  const of = (subject: Subject) => all.filter((message) => message.subject === subject);
  return {
    stream,
    messages: () => all,
    read: async (subject, after, limit) =>
      of(subject)
        .filter(({ revision }) => revision > after)
        .slice(0, limit),
    tail: async (subject, after) => of(subject).filter(({ revision }) => revision > after),
    last: async (subject) => of(subject).at(-1),
    at: async (subject, revision) => of(subject).find((message) => message.revision === revision),
    append: async (subject, { expected, ...append }) => {
      const messages = of(subject);
      const last = messages.at(-1)?.revision ?? 0;
      if (last !== expected) {
        const own = messages.find(({ executionId, revision }) => executionId === append.executionId && revision > expected);
        return own === undefined ? { kind: "conflict", found: last } : { kind: "appended", revision: own.revision };
      }
      const revision = all.length + 1;
      all.push({ ...append, subject, revision });
      return { kind: "appended", revision };
    },
  };
};
