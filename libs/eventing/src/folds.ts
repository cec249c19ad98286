import { Commands, copied } from "./command-id.ts";
import type { Decider } from "./decider.ts";
import type { EventStore, Recorded, Revision, Subject } from "./store.ts";

/** An aggregate as it was read, up to a revision. */
export interface Fold<State> {
  state: State;
  revision: Revision;
  /** Of the last 256 messages. */
  commands: Commands;
  closing: Revision;
  sinceClosing: number;
  /** Whether it was read from the stream at all; false: taken for new. */
  read: boolean;
  /** W3C traceparent of the first message that was folded and has one: the trace in which it began. */
  trace: string | undefined;
}

const rememberedCommands = 256;
const pageSize = 256;
/** The largest message that carries a closing event, bytes of JSON; beyond it the fold stays longer instead. */
const largestClosing = 240_000;
/** A closing event that was too large is tried again after this share of `closeEvery`: making one costs a copy of the state. */
const retryShare = 10;

/** Reads and continues the folds of one kind of aggregate. */
export const foldsOf = <State, Command, Event, Refusal extends string>(
  store: EventStore<Event>,
  decider: Decider<State, Command, Event, Refusal>,
  closeEvery: number,
) => {
  const { closing } = decider;
  const closes = (event: Event): boolean => closing?.commands(event) !== undefined;
  const empty = (): Fold<State> => ({
    state: decider.initial(),
    revision: 0,
    commands: new Commands(),
    closing: 0,
    sinceClosing: 0,
    read: false,
    trace: undefined,
  });

  const add = (fold: Fold<State>, recorded: Pick<Recorded<Event>, "events" | "revision" | "commandId" | "at" | "traceparent">): void => {
    if (fold.trace === undefined && recorded.traceparent !== undefined) fold.trace = copied(recorded.traceparent);
    for (const event of recorded.events) {
      const closed = closing?.commands(event);
      if (closed !== undefined) {
        fold.commands.clear();
        for (const entry of closed) {
          const { id, revision } = entryOf(entry);
          fold.commands.set(id, revision === 0 ? recorded.revision : revision);
        }
        fold.closing = recorded.revision;
        fold.sinceClosing = -1;
      }
      fold.state = decider.evolve(fold.state, event, recorded.at);
    }
    fold.revision = recorded.revision;
    fold.sinceClosing += 1;
    fold.commands.remember(recorded.commandId, recorded.revision, rememberedCommands);
  };

  const readAll = async (subject: Subject): Promise<Fold<State>> => {
    const fold = { ...empty(), read: true };
    // A history that is shorter than this holds no closing event, and most are: only a longer one is asked where its last one is.
    const short = Math.min(pageSize, closeEvery);
    const first = await store.read(subject, 0, short);
    if (closing === undefined || first.length < short) {
      for (const recorded of first) add(fold, recorded);
      if (first.length < short) return fold;
    } else {
      const last = await store.last(subject);
      const begin = last === undefined ? 0 : last.events.some(closes) ? last.revision : last.closing;
      const closed = begin === 0 ? undefined : begin === last?.revision ? last : await store.at(subject, begin);
      // Only the closing event counts: it holds the state after the events that it travelled with.
      if (closed !== undefined) {
        const { revision, commandId, at, traceparent } = closed;
        add(fold, { revision, commandId, at, traceparent, events: closed.events.filter(closes) });
      }
    }
    for (;;) {
      const page = await store.read(subject, fold.revision, pageSize);
      for (const recorded of page) add(fold, recorded);
      if (page.length < pageSize) return fold;
    }
  };

  /** Folds on with what the leader has beyond the fold; true when there was something. */
  const catchUp = async (subject: Subject, fold: Fold<State>): Promise<boolean> => {
    const before = fold.revision;
    // What was taken for new and is not may be long: begin at its closing event.
    if (!fold.read && fold.revision === 0 && closing !== undefined) Object.assign(fold, await readAll(subject));
    fold.read = true;
    for (const recorded of await store.tail(subject, fold.revision)) add(fold, recorded);
    return fold.revision > before;
  };

  /** Every `closeEvery` messages the decision carries the whole open state with it, unless that would be too large. */
  const withClosing = (
    fold: Fold<State>,
    events: readonly Event[],
    { commandId, at }: { readonly commandId: string; readonly at: string },
  ): { readonly events: readonly Event[]; readonly closes: boolean } => {
    const overdue = fold.sinceClosing - closeEvery;
    if (closing === undefined || overdue < 0 || overdue % Math.ceil(closeEvery / retryShare) !== 0) return { events, closes: false };
    const after = events.reduce((state, event) => decider.evolve(state, event, at), structuredClone(fold.state));
    const commands = new Commands(fold.commands.entries());
    commands.remember(commandId, 0, rememberedCommands);
    const all = [
      ...events,
      closing.event(
        after,
        [...commands.entries()].map(([id, revision]) => `${revision}@${id}`),
      ),
    ];
    return Buffer.byteLength(JSON.stringify(all)) > largestClosing ? { events, closes: false } : { events: all, closes: true };
  };

  /** A decision's own events: the closing event beside them is the kernel's business. */
  const withoutClosing = (events: readonly Event[]): readonly Event[] =>
    events.some(closes) ? events.filter((event) => !closes(event)) : events;

  return { empty, add, readAll, catchUp, withClosing, withoutClosing };
};

/** A command id as a closing event keeps it, with the revision of its message: `123@id`; 0 stands for the closing event's own message. */
const entryOf = (entry: string): { readonly id: string; readonly revision: Revision } => {
  const [, revision, id] = /^(\d+)@(.*)$/s.exec(entry) ?? [];
  return revision === undefined || id === undefined ? { id: entry, revision: 0 } : { id, revision: Number(revision) };
};
