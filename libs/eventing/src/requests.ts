import { createInbox, errors, type Msg, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import { Unavailable } from "./errors.ts";
import { inFlightOf } from "./in-flight.ts";

/** Messages that are answered, many at a time, over one inbox. */
export interface Requests<Answer> {
  /**
   * Sends one message, in the order of the calls. Resolves with the answer. Rejects with `Unavailable` when there was none in time; then
   * `mayHaveHappened` tells whether the message had left. Waits while the window is full; that counts as time.
   */
  readonly request: (subject: string, data: Uint8Array, headers: HeaderLines, timeoutMs?: number) => Promise<Answer>;
  /** The same without a promise of its own, for who makes one anyway. One of `waiting`'s functions is called once, perhaps at once. */
  readonly send: (subject: string, data: Uint8Array, headers: HeaderLines, waiting: Waiting<Answer>) => void;
  readonly inFlight: () => number;
  readonly close: () => void;
}

/** Who waits for an answer. That is all that is kept of a message once it has left. */
export interface Waiting<Answer> {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  /** `performance.now()` value after which nobody waits any longer. */
  readonly expires: number;
}

export interface RequestsOptions {
  /** Messages that may be under way at once. */
  readonly window?: number;
  /** How long to wait for an answer where nothing else is said. */
  readonly timeoutMs?: number;
  /** Called when messages that had left were not answered in time, although the connection is there. */
  readonly onSilence?: () => void;
}

/** Header lines as they go over the wire, each with its end. Made by `headerLine`. */
export type HeaderLines = string & { readonly [checked]: true };
declare const checked: unique symbol;

/** Throws on a line break in the value: it would be a header of its own. */
export const headerLine = (name: string, value: string): HeaderLines => {
  if (value.includes("\n") || value.includes("\r")) throw new TypeError(`the value of header ${name} holds a line break`);
  return `${name}: ${value}\r\n` as HeaderLines;
};

export const joined = (...lines: readonly HeaderLines[]): HeaderLines => lines.join("") as HeaderLines;

interface Message<Answer> {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: HeaderLines;
  readonly waiting: Waiting<Answer>;
}

const sweepEveryMs = 50;
/** A sweep this late means that the process stood still: the answers that came meanwhile are read first. */
const stoodStillMs = 500;

/**
 * Requests over core NATS with one reply inbox, a window and a deadline per message; nothing is ever sent later in secret. `read` makes an
 * answer of the message that came back; where it throws, the message may have happened.
 */
export const pipelinedRequests = <Answer>(
  nats: NatsConnection,
  read: (message: Msg) => Answer,
  { window = 1024, timeoutMs = 5000, onSilence = () => undefined }: RequestsOptions = {},
): Requests<Answer> => {
  const inbox = createInbox();
  const inFlight = inFlightOf<Waiting<Answer>>(window);
  const line = waitingLine<Answer>();
  let connected = true;
  let closed = false;

  const leave = (subject: string, data: Uint8Array, headers: HeaderLines, waiting: Waiting<Answer>): void => {
    if (closed || !connected || nats.isClosed()) {
      waiting.reject(new Unavailable("not connected to NATS"));
      return;
    }
    const id = inFlight.enter(waiting);
    try {
      nats.publish(subject, data, { reply: `${inbox}.${id}`, headers: encoded(headers) });
    } catch (error) {
      inFlight.leave(id);
      waiting.reject(isLeaving(error) ? new Unavailable("the connection to NATS is closing", { cause: error }) : asError(error));
    }
  };
  const send: Requests<Answer>["send"] = (subject, data, headers, waiting) => {
    if (inFlight.size() < window && line.isEmpty()) leave(subject, data, headers, waiting);
    else line.join({ subject, data, headers, waiting });
  };
  const settle = (id: number): Waiting<Answer> | undefined => {
    const waiting = inFlight.leave(id);
    if (waiting === undefined) return undefined;
    while (inFlight.size() < window) {
      const following = line.next();
      if (following === undefined) break;
      if (following.waiting.expires <= performance.now()) following.waiting.reject(neverLeft());
      else leave(following.subject, following.data, following.headers, following.waiting);
    }
    return waiting;
  };
  const failAll = (why: string): void => {
    for (const id of inFlight.which(() => true)) settle(id)?.reject(new Unavailable(why, { mayHaveHappened: true }));
    for (let message = line.next(); message !== undefined; message = line.next()) message.waiting.reject(new Unavailable(why));
  };

  const subscription = nats.subscribe(`${inbox}.*`, {
    callback: (_error, message: Msg) => {
      const id = Number(message.subject.slice(inbox.length + 1));
      let answer: Answer;
      try {
        answer = read(message);
      } catch (cause) {
        // The client would stop reading the whole connection, and nobody would wait for the deadline any more.
        settle(id)?.reject(new Unavailable("an answer that cannot be read", { mayHaveHappened: true, cause }));
        return;
      }
      settle(id)?.resolve(answer);
    },
  });
  let sweptAt = performance.now();
  const sweep = setInterval(() => {
    const now = performance.now();
    const stoodStill = now - sweptAt > stoodStillMs;
    sweptAt = now;
    if (stoodStill) return;
    // All of them: deadlines differ widely, so the order of sending says nothing.
    const unanswered = inFlight.which(({ expires }) => expires <= now);
    for (const id of unanswered) settle(id)?.reject(new Unavailable("no answer in time", { mayHaveHappened: true }));
    if (unanswered.length > 0 && connected) onSilence();
    for (const { waiting } of line.expired(now)) waiting.reject(neverLeft());
  }, sweepEveryMs);
  sweep.unref();

  void (async () => {
    for await (const { type } of nats.status()) {
      if (type === "disconnect" || type === "close") {
        connected = false;
        failAll("the connection to NATS was lost");
      } else if (type === "reconnect") connected = true;
    }
  })();

  return {
    send,
    request: (subject, data, headers, timeout = timeoutMs) =>
      new Promise((resolve, reject) => send(subject, data, headers, { resolve, reject, expires: performance.now() + timeout })),
    inFlight: inFlight.size,
    close: () => {
      closed = true;
      clearInterval(sweep);
      subscription.unsubscribe();
      failAll("nobody waits for answers any more");
    },
  };
};

/** First come, first served, without moving the others up: `Array.shift` on a long line costs more than the publish. */
const waitingLine = <Answer>() => {
  let line: Message<Answer>[] = [];
  let head = 0;
  return {
    isEmpty: (): boolean => head >= line.length,
    join: (message: Message<Answer>): void => {
      line.push(message);
    },
    next: (): Message<Answer> | undefined => {
      const first = line[head];
      if (first === undefined) return undefined;
      head++;
      if (head >= line.length || head > 10_000) {
        line = line.slice(head);
        head = 0;
      }
      return first;
    },
    /** Takes out those whose deadline has passed. */
    expired: (now: number): readonly Message<Answer>[] => {
      const gone = line.slice(head).filter(({ waiting: { expires } }) => expires <= now);
      if (gone.length > 0) {
        line = line.slice(head).filter(({ waiting: { expires } }) => expires > now);
        head = 0;
      }
      return gone;
    },
  };
};

const neverLeft = (): Unavailable => new Unavailable("the window stayed full until the deadline");

const isLeaving = (error: unknown): boolean =>
  error instanceof errors.ClosedConnectionError || error instanceof errors.DrainingConnectionError;

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error("the message could not be sent", { cause: error }));

/** The client only ever calls `encode`; building its header map for every message costs more than the rest of the publish. */
class EncodedHeaders {
  readonly #bytes: Buffer;
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  encode(): Buffer {
    return this.#bytes;
  }
}

/** UTF-8, as readers decode it. Any narrower encoding turns some letters into line breaks. */
const encoded = (lines: HeaderLines): MsgHdrs => new EncodedHeaders(Buffer.from(`NATS/1.0\r\n${lines}\r\n`)) as unknown as MsgHdrs;
