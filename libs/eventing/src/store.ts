/** One literal subject per aggregate: `<context>.<aggregate>.<partition>.<account>.<id>`. */
export type Subject = string;

/** JetStream sequence of a message; 0 means that there is none. Ordered, not contiguous. */
export type Revision = number;

/** What is written beside the events: who asked, why, and in which trace. Never personal. */
export interface Cause {
  /** What was asked. A repeat of the same request, by anybody, carries the same id. */
  readonly commandId: string;
  /** Time of the decision, ISO, by the service's clock. */
  readonly at: string;
  readonly correlation?: string | undefined;
  /** `STREAM:seq` of the message that led here. */
  readonly causation?: string | undefined;
  readonly actor?: string | undefined;
  readonly traceparent?: string | undefined;
}

/** One decision as it was stored. */
export interface Recorded<Event> extends Cause {
  readonly events: readonly Event[];
  readonly revision: Revision;
  readonly executionId: string;
  /** Revision of the last closing event before this message; 0: none. */
  readonly closing: Revision;
}

export interface Append<Event> extends Cause {
  readonly events: readonly Event[];
  readonly expected: Revision;
  /** Who is asking, this time. Random: two replicas with the same cause must not take each other's append for their own. */
  readonly executionId: string;
  readonly closing: Revision;
}

export type Appended =
  | { readonly kind: "appended"; readonly revision: Revision }
  /** Somebody else has moved the subject; `found` is what is known of how far (0: not known). */
  | { readonly kind: "conflict"; readonly found: Revision };

/**
 * What an aggregate needs of its stream. Reads throw `Unfoldable` for messages that this release cannot read, and `Unavailable` when the
 * store cannot be reached.
 */
export interface EventStore<Event> {
  readonly stream: string;
  /** Up to `limit` messages after a revision, oldest first, from whichever replica answers: may be behind. */
  readonly read: (subject: Subject, after: Revision, limit: number) => Promise<readonly Recorded<Event>[]>;
  /** Everything after a revision, from the leader: never behind. */
  readonly tail: (subject: Subject, after: Revision) => Promise<readonly Recorded<Event>[]>;
  /** The last message of the subject from whichever replica answers; undefined: none that it knows. */
  readonly last: (subject: Subject) => Promise<Recorded<Event> | undefined>;
  /** One message by its revision, from the leader. */
  readonly at: (subject: Subject, revision: Revision) => Promise<Recorded<Event> | undefined>;
  /** A lost acknowledgement is not a conflict: whoever appended is recognised by its execution id. Throws `Unavailable` at the deadline. */
  readonly append: (subject: Subject, append: Append<Event>, deadline: number) => Promise<Appended>;
}

/** Bytes of one decision. The contracts library owns the shapes; the kernel knows no event. */
export interface Codec<Event> {
  readonly encode: (at: string, events: readonly Event[]) => Uint8Array;
  readonly decode: (
    stored: Uint8Array,
  ) =>
    | { readonly kind: "events"; readonly at: string; readonly events: readonly Event[] }
    | { readonly kind: "newer"; readonly what: string }
    | { readonly kind: "unreadable"; readonly reason: string };
}
