/** The whole of a business rule: what is true, what may happen next, what a fact changes. A value; no I/O, no clock, no randomness. */
export interface Decider<State, Command, Event, Refusal extends string> {
  /** A fresh state for each fold: `evolve` may change it in place, so it must never copy what grows with history. */
  readonly initial: () => State;
  /** `at` is the time of the decision that the event belongs to, as it was recorded. */
  readonly evolve: (state: State, event: Event, at: string) => State;
  /** Never changes `state`. An accepted decision without events means "already so". */
  readonly decide: (state: State, command: Command) => Decision<Event, Refusal>;
  /** For aggregates that live long: an event that holds the whole open state, so that later folds begin there. */
  readonly closing?: {
    /** `commands` are opaque: the kernel's memory of the last commands, to be handed back as they are. */
    readonly event: (state: State, commands: readonly string[]) => Event;
    /** What `event` was given as `commands`, out of a closing event; undefined for every other event. */
    readonly commands: (event: Event) => readonly string[] | undefined;
  };
}

/** Refusals are answers, not exceptions. */
export type Decision<Event, Refusal extends string> =
  | { readonly accepted: true; readonly events: readonly Event[] }
  | { readonly accepted: false; readonly refusal: Refusal };

export const accept = <Event>(...events: readonly Event[]): { readonly accepted: true; readonly events: readonly Event[] } => ({
  accepted: true,
  events,
});

export const refuse = <const Refusal extends string>(refusal: Refusal): { readonly accepted: false; readonly refusal: Refusal } => ({
  accepted: false,
  refusal,
});

/** Fails to compile when a `switch` forgets a case; fails loudly if the log holds one anyway. Names the type only: data may be personal. */
export const unreachable = (value: never): never => {
  const named: unknown = value;
  const what = typeof named === "object" && named !== null && "type" in named ? String(named.type) : typeof named;
  throw new TypeError(`unhandled case: ${what}`);
};
