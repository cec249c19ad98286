import type { EventStore, Recorded, Subject } from "./store.ts";

/** The same promises as JetStream, in memory, and no more: one sequence for all subjects, guarded appends, nothing else remembered. */
export const memoryStore = <Event>(
  stream = "MEMORY",
): EventStore<Event> & { readonly messages: () => readonly (Recorded<Event> & { subject: Subject })[] } => {
  const all: (Recorded<Event> & { subject: Subject })[] = [];
  const bySubject = new Map<Subject, (Recorded<Event> & { subject: Subject })[]>();
  const of = (subject: Subject): (Recorded<Event> & { subject: Subject })[] => bySubject.get(subject) ?? [];
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
        const next = messages.find(({ revision }) => revision > expected);
        return next?.executionId === append.executionId ? { kind: "appended", revision: next.revision } : { kind: "conflict", found: last };
      }
      const revision = all.length + 1;
      const message = { ...append, subject, revision };
      all.push(message);
      if (messages.length === 0) bySubject.set(subject, messages);
      messages.push(message);
      return { kind: "appended", revision };
    },
  };
};
