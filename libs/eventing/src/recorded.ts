import type { MsgHdrs } from "@nats-io/transport-node";
import { Unfoldable } from "./errors.ts";
import type { Codec, Recorded, Revision } from "./store.ts";

/** Header names, as they are on the wire. The contracts library documents them for everybody else. */
export const wire = {
  expected: "Nats-Expected-Last-Subject-Sequence",
  command: "Outrider-Command",
  execution: "Outrider-Execution",
  correlation: "Outrider-Correlation",
  causation: "Outrider-Causation",
  actor: "Outrider-Actor",
  closing: "Outrider-Closing",
  traceparent: "traceparent",
} as const;

/** A message of a stream as the client hands it over. Its `headers` are decoded when they are first asked for. */
export interface Carrier {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers?: MsgHdrs | undefined;
}

interface Place {
  readonly stream: string;
  readonly seq: Revision;
  readonly deliveries: number;
}

/**
 * A decision as it was stored, with where it was found. What is in its headers is read from them when somebody asks: most readers never do, and
 * decoding headers costs more than decoding the events. These are accessors: name them, a spread leaves them behind.
 */
export class StoredDecision<Event> implements Recorded<Event> {
  readonly stream: string;
  readonly subject: string;
  readonly revision: Revision;
  readonly at: string;
  readonly events: readonly Event[];
  /** How often it was handed over, this time included. */
  readonly deliveries: number;
  readonly #carrier: Carrier;
  #span: string | undefined;

  constructor(where: Place, carrier: Carrier, decided: { readonly at: string; readonly events: readonly Event[] }) {
    this.stream = where.stream;
    this.subject = carrier.subject;
    this.revision = where.seq;
    this.at = decided.at;
    this.events = decided.events;
    this.deliveries = where.deliveries;
    this.#carrier = carrier;
  }

  get commandId(): string {
    return this.#header(wire.command);
  }

  get executionId(): string {
    return this.#header(wire.execution);
  }

  get expected(): Revision {
    return Number(this.#header(wire.expected) || 0);
  }

  get closing(): Revision {
    return Number(this.#header(wire.closing) || 0);
  }

  get correlation(): string | undefined {
    return this.#header(wire.correlation) || undefined;
  }

  get causation(): string | undefined {
    return this.#header(wire.causation) || undefined;
  }

  get actor(): string | undefined {
    return this.#header(wire.actor) || undefined;
  }

  get traceparent(): string | undefined {
    return this.#span ?? (this.#header(wire.traceparent) || undefined);
  }

  /** The same, whose trace goes on from the span that handles it. */
  within(traceparent: string | undefined): StoredDecision<Event> {
    const inSpan = new StoredDecision({ ...this, seq: this.revision }, this.#carrier, this);
    inSpan.#span = traceparent;
    return inSpan;
  }

  #header(name: string): string {
    return this.#carrier.headers?.get(name) ?? "";
  }
}

/** Throws `Unfoldable` when this release cannot read the message. */
export const recordedFrom = <Event>(
  stream: string,
  codec: Codec<Event>,
  seq: Revision,
  carrier: Carrier,
  deliveries = 1,
): StoredDecision<Event> => {
  const decoded = codec.decode(carrier.data);
  if (decoded.kind === "newer") throw new Unfoldable("newer", stream, seq, decoded.what);
  if (decoded.kind === "unreadable") throw new Unfoldable("unreadable", stream, seq, decoded.reason);
  return new StoredDecision({ stream, seq, deliveries }, carrier, decoded);
};
