import { createInbox, errors, type Msg, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import { Unavailable } from "./errors.ts";

/** What the server said to one message. `conflict`: another message had moved the subject (or is about to). */
export type PubAnswer =
  | { readonly kind: "stored"; readonly seq: number; readonly duplicate: boolean }
  | { readonly kind: "conflict"; readonly last: number | undefined }
  /** `code` is JetStream's own, or the status when there was no answer body; from a `status` of 500 on it may pass. */
  | { readonly kind: "failed"; readonly code: number; readonly status: number; readonly description: string };

export interface Publisher {
  /**
   * Stores one message, many at a time, in the order of the calls. Resolves with the server's answer. Rejects with `Unavailable` when there was
   * none in time; then `mayHaveHappened` tells whether the message had left. Waits while the window is full; that counts as time.
   */
  readonly publish: (subject: string, data: Uint8Array, headers: HeaderLines, timeoutMs?: number) => Promise<PubAnswer>;
  readonly inFlight: () => number;
  readonly close: () => void;
}

/** Header names and values, in order. Values must not hold line breaks: everything of ours is a checked token, a number or a W3C header. */
export type HeaderLines = readonly (readonly [name: string, value: string])[];

interface Waiting {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: MsgHdrs;
  readonly resolve: (answer: PubAnswer) => void;
  readonly reject: (error: Error) => void;
  readonly expires: number;
}

const sweepEveryMs = 50;
/** A sweep this late means that the process stood still: the answers that came meanwhile are read first. */
const stoodStillMs = 500;

/** A publisher over core NATS with one reply inbox, a window and a deadline per message; nothing is ever sent later in secret. */
export const pipelinedPublisher = (nats: NatsConnection, { window = 1024, timeoutMs = 5000 } = {}): Publisher => {
  const inbox = createInbox();
  const inFlight = new Map<string, Waiting>();
  const line = waitingLine();
  let next = 0;
  let connected = true;
  let closed = false;

  const send = (message: Waiting): void => {
    const gone = closed || !connected || nats.isClosed();
    if (gone || message.expires <= performance.now()) {
      message.reject(new Unavailable(gone ? "not connected to NATS" : "the window stayed full until the deadline"));
      return;
    }
    const id = (++next).toString(36);
    try {
      nats.publish(message.subject, message.data, { reply: `${inbox}.${id}`, headers: message.headers });
      inFlight.set(id, message);
    } catch (error) {
      message.reject(isLeaving(error) ? new Unavailable("the connection to NATS is closing", { cause: error }) : asError(error));
    }
  };
  const settle = (id: string): Waiting | undefined => {
    const message = inFlight.get(id);
    if (message === undefined) return undefined;
    inFlight.delete(id);
    while (inFlight.size < window) {
      const following = line.next();
      if (following === undefined) break;
      send(following);
    }
    return message;
  };
  const failAll = (why: string): void => {
    for (const id of [...inFlight.keys()]) settle(id)?.reject(new Unavailable(why, { mayHaveHappened: true }));
    for (let message = line.next(); message !== undefined; message = line.next()) message.reject(new Unavailable(why));
  };

  const subscription = nats.subscribe(`${inbox}.*`, {
    callback: (_error, message: Msg) => settle(message.subject.slice(inbox.length + 1))?.resolve(parseAnswer(message)),
  });
  let sweptAt = performance.now();
  const sweep = setInterval(() => {
    const now = performance.now();
    const stoodStill = now - sweptAt > stoodStillMs;
    sweptAt = now;
    if (stoodStill) return;
    // All of them: deadlines differ widely, so the order of sending says nothing.
    for (const [id, { expires }] of inFlight)
      if (expires <= now) settle(id)?.reject(new Unavailable("no acknowledgement in time", { mayHaveHappened: true }));
    for (const message of line.expired(now)) message.reject(new Unavailable("the window stayed full until the deadline"));
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
    publish: (subject, data, headers, timeout = timeoutMs) =>
      new Promise((resolve, reject) => {
        const message = { subject, data, headers: encoded(headers), resolve, reject, expires: performance.now() + timeout };
        if (inFlight.size < window && line.isEmpty()) send(message);
        else line.join(message);
      }),
    inFlight: () => inFlight.size,
    close: () => {
      closed = true;
      clearInterval(sweep);
      subscription.unsubscribe();
      failAll("the publisher was closed");
    },
  };
};

/** First come, first served, without moving the others up: `Array.shift` on a long line costs more than the publish. */
const waitingLine = () => {
  let line: Waiting[] = [];
  let head = 0;
  return {
    isEmpty: (): boolean => head >= line.length,
    join: (message: Waiting): void => {
      line.push(message);
    },
    next: (): Waiting | undefined => {
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
    expired: (now: number): readonly Waiting[] => {
      const gone = line.slice(head).filter(({ expires }) => expires <= now);
      if (gone.length > 0) {
        line = line.slice(head).filter(({ expires }) => expires > now);
        head = 0;
      }
      return gone;
    },
  };
};

const isLeaving = (error: unknown): boolean =>
  error instanceof errors.ClosedConnectionError || error instanceof errors.DrainingConnectionError;

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error("the message could not be sent", { cause: error }));

/** The client only ever calls `encode`; building its header map for every message costs more than the rest of the publish. */
const encoded = (lines: HeaderLines): MsgHdrs => {
  let block = "NATS/1.0\r\n";
  for (const [name, value] of lines) {
    if (value.includes("\n") || value.includes("\r")) throw new TypeError(`the value of header ${name} holds a line break`);
    block += `${name}: ${value}\r\n`;
  }
  // UTF-8, as readers decode it. Any narrower encoding turns some letters into line breaks.
  const bytes = Buffer.from(`${block}\r\n`, "utf8");
  return { encode: () => bytes } as unknown as MsgHdrs;
};

const wrongLastSequence = 10071;
const wrongLastSequenceInFlight = 10164;

const parseAnswer = (message: Msg): PubAnswer => {
  if (message.data.length === 0) {
    const status = message.headers?.code ?? 0;
    return { kind: "failed", code: status, status, description: status === 503 ? "no stream takes this subject" : "empty acknowledgement" };
  }
  const answer: PubAckJson = message.json();
  if (answer.error === undefined) return { kind: "stored", seq: answer.seq ?? 0, duplicate: answer.duplicate ?? false };
  const { err_code: code, code: status, description } = answer.error;
  if (code === wrongLastSequence) {
    const last = /(\d+)\s*$/.exec(description)?.[1];
    return { kind: "conflict", last: last === undefined ? undefined : Number(last) };
  }
  return code === wrongLastSequenceInFlight ? { kind: "conflict", last: undefined } : { kind: "failed", code, status, description };
};

interface PubAckJson {
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: { readonly err_code: number; readonly code: number; readonly description: string };
}
