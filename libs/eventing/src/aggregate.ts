import { LRUCache } from "lru-cache";
import { withoutDigest } from "./command-id.ts";
import type { Decider } from "./decider.ts";
import { CommandReused, Unavailable } from "./errors.ts";
import { type Fold, foldsOf } from "./folds.ts";
import { randomId } from "./random.ts";
import type { Cause, EventStore, Recorded, Revision, Subject } from "./store.ts";

/** What became of a command. **An effect may follow only `appended`**: this very execution, and no other, moved the aggregate. */
export type Outcome<State, Event, Refusal extends string> =
  | { readonly kind: "appended"; readonly revision: Revision; readonly events: readonly Event[]; readonly state: State }
  /** The recorded outcome of the same command, or nothing to add; the state is the newest, whatever happened since. */
  | { readonly kind: "already"; readonly revision: Revision; readonly events: readonly Event[]; readonly state: State }
  | { readonly kind: "refused"; readonly revision: Revision; readonly refusal: Refusal; readonly state: State };

export interface Asked extends Cause {
  /** `performance.now()` value after which nothing more is tried; default: 10 s from now. */
  readonly deadline?: number | undefined;
  /** Overrides the aggregate's own `creates` for this command: a command that only creates need not read first. */
  readonly creates?: boolean | undefined;
}

/** A kind of aggregate on its stream. `state` in answers is the cached fold itself: read it at once, never keep or change it. */
export interface Aggregate<State, Command, Event, Refusal extends string> {
  readonly execute: (subject: Subject, command: Command, asked: Asked) => Promise<Outcome<State, Event, Refusal>>;
  /** Decides with what was just read from the fold; for commands whose ids or times depend on the state. */
  readonly fold: (
    subject: Subject,
    options?: {
      readonly fresh?: boolean;
      /** False: what is not cached yet is not cached for this, so that a look at many takes nobody's place. */
      readonly keep?: boolean;
    },
  ) => Promise<{
    readonly state: State;
    readonly revision: Revision;
    /** The trace in which it began (W3C traceparent), for spans of others to link; undefined: it began in none. */
    readonly trace: string | undefined;
  }>;
  /** State after each message, oldest first; for people who ask what happened. */
  readonly history: (
    subject: Subject,
    after: Revision,
    limit: number,
  ) => Promise<readonly { readonly recorded: Recorded<Event>; readonly state: State }[]>;
  /** The last messages, at most `limit`, oldest first, without the states between them. */
  readonly recent: (subject: Subject, limit: number) => Promise<readonly Pick<Recorded<Event>, "at" | "events" | "revision">[]>;
  /** The state as it was after the last message up to a moment, by the times that were recorded. */
  readonly stateAt: (subject: Subject, at: string) => Promise<{ readonly state: State; readonly revision: Revision }>;
  /** Forgets what is cached, as a restart would. */
  readonly forget: (subject?: Subject) => void;
}

const closeEvery = 1000;
const pageSize = 256;
const defaultDeadlineMs = 10_000;

export interface AggregateOptions {
  /** Folded states kept in memory. */
  readonly cache?: number;
  /** Creation first: an unknown subject is taken for new and read only on conflict. */
  readonly creates?: boolean;
  /** Test seam for the retry delay. */
  readonly jitter?: () => number;
  /** Test seam: messages between two closing events. */
  readonly closeEvery?: number;
}

/** Fold, decide, append; on conflict again, with jitter, until the deadline. Executions on one subject run one after another here. */
export const aggregate = <State, Command, Event, Refusal extends string>(
  store: EventStore<Event>,
  decider: Decider<State, Command, Event, Refusal>,
  { cache = 5000, creates = false, jitter = Math.random, closeEvery: every = closeEvery }: AggregateOptions = {},
): Aggregate<State, Command, Event, Refusal> => {
  const { empty, add, readAll, catchUp, withClosing, withoutClosing } = foldsOf(store, decider, every);
  const folds = new LRUCache<Subject, Fold<State>>({ max: cache });
  const turns = new Map<Subject, { last: Promise<unknown> | undefined }>();

  const load = async (subject: Subject, isNew: boolean): Promise<Fold<State>> => {
    const known = folds.get(subject) ?? (isNew ? empty() : await readAll(subject));
    folds.delete(subject); // whoever holds it may change it; it comes back when the execution has ended well
    return known;
  };

  const run = async (subject: Subject, command: Command, asked: Asked): Promise<Outcome<State, Event, Refusal>> => {
    const executionId = randomId();
    const deadline = asked.deadline ?? performance.now() + defaultDeadlineMs;
    if (performance.now() > deadline) throw new Unavailable(`the deadline passed before ${store.stream} was asked`);
    const fold = await load(subject, asked.creates ?? creates);
    const keep = <T>(answer: T): T => {
      folds.set(subject, fold);
      return answer;
    };
    for (let tries = 0; ; tries++) {
      if (performance.now() > deadline) throw new Unavailable(`the deadline passed before ${store.stream} could decide`);
      const revisionOfCommand = fold.commands.carriedOutAt(asked.commandId);
      if (revisionOfCommand === "reused") throw keep(new CommandReused());
      if (revisionOfCommand !== undefined) {
        const [recorded] = await Promise.all([store.at(subject, revisionOfCommand), catchUp(subject, fold)]);
        const isRecorded = recorded !== undefined && withoutDigest(recorded.commandId) === withoutDigest(asked.commandId);
        const events = isRecorded ? withoutClosing(recorded.events) : [];
        return keep({ kind: "already", revision: revisionOfCommand, events, state: fold.state });
      }
      const decision = decider.decide(fold.state, command);
      if (!decision.accepted || decision.events.length === 0) {
        // Only an append is guarded; an answer without one must not come from an old fold.
        if (await catchUp(subject, fold)) continue;
        const { state, revision } = fold;
        return keep(
          decision.accepted
            ? { kind: "already", revision, events: [], state }
            : { kind: "refused", revision, refusal: decision.refusal, state },
        );
      }
      const { events, closes } = withClosing(fold, decision.events, asked);
      const append = { ...asked, events, executionId, expected: fold.revision, closing: closes ? 0 : fold.closing };
      const appended = await store.append(subject, append, deadline);
      if (appended.kind === "appended") {
        const { commandId, at, traceparent } = asked;
        add(fold, { events, revision: appended.revision, commandId, at, traceparent });
        return keep({ kind: "appended", revision: appended.revision, events: decision.events, state: fold.state });
      }
      await refold(subject, fold, appended.found, tries);
    }
  };

  /** A refold after a conflict must reach what the conflict named; the leader is asked, so it does. */
  const refold = async (subject: Subject, fold: Fold<State>, found: Revision, tries: number): Promise<void> => {
    const moved = await catchUp(subject, fold);
    if (moved && fold.revision >= found) return;
    await new Promise((resume) => setTimeout(resume, Math.min(2 ** tries, 200) * jitter()));
  };

  const inTurn = <T>(subject: Subject, work: () => Promise<T>): Promise<T> => {
    const turn = turns.get(subject) ?? { last: undefined };
    const mine = turn.last === undefined ? work() : turn.last.then(work, work);
    turn.last = mine;
    turns.set(subject, turn);
    const done = () => {
      if (turn.last !== mine) return;
      turns.delete(subject);
      // A Map's old tables live on (see in-flight.ts), and must not keep an outcome and its state.
      turn.last = undefined;
    };
    mine.then(done, done);
    return mine;
  };

  return {
    execute: (subject, command, asked) => inTurn(subject, () => run(subject, command, asked)),
    fold: (subject, { fresh = true, keep: keeps = true } = {}) =>
      inTurn(subject, async () => {
        const cached = folds.get(subject);
        const fold = cached ?? (await readAll(subject));
        folds.delete(subject);
        if (fresh) await catchUp(subject, fold);
        if (fold.revision > 0 && (keeps || cached !== undefined)) folds.set(subject, fold);
        return { state: fold.state, revision: fold.revision, trace: fold.trace };
      }),
    history: async (subject, after, limit) => {
      const steps: { recorded: Recorded<Event>; state: State }[] = [];
      const fold = empty();
      for (;;) {
        const page = await store.read(subject, fold.revision, pageSize);
        for (const recorded of page) {
          add(fold, recorded);
          if (recorded.revision > after) steps.push({ recorded, state: structuredClone(fold.state) });
          if (steps.length === limit) return steps;
        }
        if (page.length < pageSize) return steps;
      }
    },
    recent: async (subject, limit) => {
      let kept: Pick<Recorded<Event>, "at" | "events" | "revision">[] = [];
      for (let after = 0; ; ) {
        const page = await store.read(subject, after, pageSize);
        kept = [...kept, ...page.map(({ at, revision, events }) => ({ at, revision, events: withoutClosing(events) }))].slice(-limit);
        const last = page.at(-1);
        if (last === undefined || page.length < pageSize) return kept;
        after = last.revision;
      }
    },
    stateAt: async (subject, at) => {
      const fold = empty();
      for (;;) {
        const page = await store.read(subject, fold.revision, pageSize);
        for (const recorded of page) {
          if (recorded.at > at) return { state: fold.state, revision: fold.revision };
          add(fold, recorded);
        }
        if (page.length < pageSize) return { state: fold.state, revision: fold.revision };
      }
    },
    forget: (subject) => {
      if (subject === undefined) folds.clear();
      else folds.delete(subject);
    },
  };
};
