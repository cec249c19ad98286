import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import { Unavailable } from "./errors.ts";

/** What the server said to one message. `conflict`: another message had moved the subject (or is about to). */
export type PubAnswer =
  | { readonly kind: "stored"; readonly seq: number; readonly duplicate: boolean }
  | { readonly kind: "conflict"; readonly last: number | undefined }
  | { readonly kind: "failed"; readonly code: number; readonly description: string };

export interface Publisher {
  /**
   * Stores one message, many at a time. Resolves with the server's answer. Rejects with `Unavailable` when there was none in time; then
   * `mayHaveHappened` tells whether the message had left. Waits while the window is full.
   */
  readonly publish: (subject: string, data: Uint8Array, headers: HeaderLines, timeoutMs?: number) => Promise<PubAnswer>;
  readonly inFlight: () => number;
  readonly close: () => void;
}

/** Header names and values, in order. Values must not hold line breaks: everything of ours is a checked token, a number or a W3C header. */
export type HeaderLines = readonly (readonly [name: string, value: string])[];

interface Waiting {
  readonly resolve: (answer: PubAnswer) => void;
  readonly reject: (error: Error) => void;
  readonly expires: number;
}

const sweepEveryMs = 50;

/** A publisher over core NATS with one reply inbox, a window and a deadline per message; nothing is ever sent later in secret. */
export const pipelinedPublisher = (nats: NatsConnection, { window = 1024, timeoutMs = 5000 } = {}): Publisher => {
  const inbox = createInbox();
  const inFlight = new Map<string, Waiting>();
  const queue = waitingLine();
  let next = 0;
  let connected = true;
  let closed = false;

  const settle = (id: string): Waiting | undefined => {
    const waiting = inFlight.get(id);
    if (waiting === undefined) return undefined;
    inFlight.delete(id);
    queue.next();
    return waiting;
  };
  const failAll = (why: string): void => {
    for (const id of [...inFlight.keys()]) settle(id)?.reject(new Unavailable(why, { mayHaveHappened: true }));
    queue.all();
  };

  const subscription = nats.subscribe(`${inbox}.*`, {
    callback: (_error, message: Msg) => settle(message.subject.slice(inbox.length + 1))?.resolve(parseAnswer(message)),
  });
  const sweep = setInterval(() => {
    const now = performance.now();
    for (const [id, { expires }] of inFlight) {
      if (expires > now) break; // insertion order is nearly deadline order; the few behind wait for the next sweep
      settle(id)?.reject(new Unavailable("no acknowledgement in time", { mayHaveHappened: true }));
    }
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

  const send = (subject: string, data: Uint8Array, headers: HeaderLines, timeout: number): Promise<PubAnswer> =>
    new Promise((resolve, reject) => {
      if (closed || !connected || nats.isClosed()) return reject(new Unavailable("not connected to NATS"));
      const id = (++next).toString(36);
      inFlight.set(id, { resolve, reject, expires: performance.now() + timeout });
      try {
        nats.publish(subject, data, { reply: `${inbox}.${id}`, headers: encoded(headers) });
      } catch (error) {
        inFlight.delete(id);
        reject(new Unavailable("the message could not be handed to the connection", { cause: error }));
      }
    });

  return {
    publish: (subject, data, headers, timeout = timeoutMs) => {
      if (inFlight.size < window) return send(subject, data, headers, timeout);
      const room = new Promise<void>(queue.join);
      return room.then(() => send(subject, data, headers, timeout));
    },
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
  let line: (() => void)[] = [];
  let head = 0;
  const next = (): void => {
    const go = line[head++];
    if (head >= line.length) {
      line = [];
      head = 0;
    }
    go?.();
  };
  return {
    join: (go: () => void): void => {
      line.push(go);
    },
    next,
    all: (): void => {
      const waiting = line.slice(head);
      line = [];
      head = 0;
      for (const go of waiting) go();
    },
  };
};

/** The client only ever calls `encode`; building its header map for every message costs more than the rest of the publish. */
const encoded = (lines: HeaderLines): MsgHdrs => {
  let block = "NATS/1.0\r\n";
  for (const [name, value] of lines) {
    if (value.includes("\n") || value.includes("\r")) throw new TypeError(`the value of header ${name} holds a line break`);
    block += `${name}: ${value}\r\n`;
  }
  const bytes = Buffer.from(`${block}\r\n`, "latin1");
  return { encode: () => bytes } as unknown as MsgHdrs;
};

const wrongLastSequence = 10071;
const wrongLastSequenceInFlight = 10164;

const parseAnswer = (message: Msg): PubAnswer => {
  if (message.data.length === 0) {
    const code = message.headers?.code ?? 0;
    return { kind: "failed", code, description: code === 503 ? "no stream takes this subject" : "empty acknowledgement" };
  }
  const answer: PubAckJson = message.json();
  if (answer.error === undefined) return { kind: "stored", seq: answer.seq ?? 0, duplicate: answer.duplicate ?? false };
  const { err_code: code, description } = answer.error;
  if (code === wrongLastSequence) {
    const last = /(\d+)\s*$/.exec(description)?.[1];
    return { kind: "conflict", last: last === undefined ? undefined : Number(last) };
  }
  return code === wrongLastSequenceInFlight ? { kind: "conflict", last: undefined } : { kind: "failed", code, description };
};

interface PubAckJson {
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: { readonly err_code: number; readonly description: string };
}
