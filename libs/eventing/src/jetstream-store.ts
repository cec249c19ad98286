import type { JetStreamManager, NextMsgRequest } from "@nats-io/jetstream";
import { JetStreamApiError } from "@nats-io/jetstream";
import type { MsgHdrs } from "@nats-io/transport-node";
import { Unavailable } from "./errors.ts";
import type { PubAnswer, Publisher } from "./publisher.ts";
import { recordedFrom, wire } from "./recorded.ts";
import { type HeaderLines, headerLine } from "./requests.ts";
import type { Append, Appended, Cause, Codec, EventStore, Recorded, Revision, Subject } from "./store.ts";

export interface JetStreamStoreOptions<Event> {
  readonly jsm: JetStreamManager;
  readonly publisher: Publisher;
  readonly stream: string;
  readonly codec: Codec<Event>;
}

interface Stored {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly seq: Revision;
  readonly header: MsgHdrs;
}

/** After this many single answers of the leader, a tail is long: read a page. */
const askedAtMost = 3;
const tailPage = 256;
/** No acknowledgement takes so long: it was lost, and is asked for again. */
const longestWaitMs = 5000;

/** One decision is one message, guarded by the last sequence of its subject. */
export const jetStreamStore = <Event>({ jsm, publisher, stream, codec }: JetStreamStoreOptions<Event>): EventStore<Event> => {
  const recorded = ({ subject, data, seq, header: headers }: Stored): Recorded<Event> =>
    recordedFrom(stream, codec, seq, { subject, data, headers });

  /** The leader says whether there is more; what is in between may come from any replica, in pages, because a stored message never changes. */
  const tail = async (subject: Subject, after: Revision): Promise<readonly Recorded<Event>[]> => {
    const found: Recorded<Event>[] = [];
    for (let from = after, asked = 1; ; asked++) {
      const message = await nextFromLeader(jsm, stream, subject, from + 1);
      if (message === undefined) return found;
      found.push(recorded(message));
      from = message.seq;
      if (asked % askedAtMost !== 0) continue;
      for (const more of await readDirect(jsm, stream, subject, from + 1, tailPage)) {
        found.push(recorded(more));
        from = more.seq;
      }
    }
  };

  /** Whether the first message after the expected one is this execution's own: then only its acknowledgement was lost. */
  const whoseIsNext = async (
    subject: Subject,
    { expected, executionId }: Append<Event>,
    named: Revision,
  ): Promise<Appended | undefined> => {
    const next = await nextFromLeader(jsm, stream, subject, expected + 1);
    if (next === undefined) return undefined;
    return next.header.get(wire.execution) === executionId
      ? { kind: "appended", revision: next.seq }
      : { kind: "conflict", found: Math.max(next.seq, named) };
  };

  /** What to make of an answer that is not plainly "stored", or of none: asks whose the next message is, sends again, until the deadline. */
  const insist = async (subject: Subject, append: Append<Event>, deadline: number, first: Promise<PubAnswer>): Promise<Appended> => {
    for (let tries = 0, mayHaveHappened = false, answered = first; ; tries++) {
      try {
        const answer = await answered;
        if (answer.kind === "stored") return { kind: "appended", revision: answer.seq };
        if (answer.kind === "failed") throw refused(stream, answer);
        const whose = await whoseIsNext(subject, append, answer.last ?? 0);
        if (whose !== undefined) return whose;
        // 10164: somebody's write is in flight and not stored yet.
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        // The same guard and the same execution id make it safe to send again: at most one of the copies is stored.
        mayHaveHappened ||= error.mayHaveHappened;
      }
      await pause(Math.min(5 * 2 ** tries, 250));
      const left = deadline - performance.now();
      if (left <= 0) throw new Unavailable(`no confirmed append to ${stream} in time`, { mayHaveHappened });
      // Encoded again for the few that come here, so that nobody keeps the bytes of all that are in flight.
      const data = codec.encode(append.at, append.events);
      answered = publisher.publish(subject, data, headerLines(append), Math.min(left, longestWaitMs));
    }
  };

  return {
    stream,
    tail,
    read: async (subject, after, limit) => (await readDirect(jsm, stream, subject, after + 1, limit)).map(recorded),
    last: async (subject) => {
      const message = await orUndefined(() => jsm.direct.getMessage(stream, { last_by_subj: subject }));
      return message == null ? undefined : recorded(message);
    },
    at: async (subject, revision) => {
      const message = await orUndefined(() => jsm.streams.getMessage(stream, { seq: revision }));
      return message == null || message.subject !== subject ? undefined : recorded(message);
    },
    // Neither async nor by `publish`: nearly every append is stored at the first try, and that takes one promise instead of three.
    append: (subject, append, deadline) =>
      new Promise((resolve, reject) => {
        const now = performance.now();
        if (now >= deadline) return reject(new Unavailable(`no confirmed append to ${stream} in time`));
        publisher.send(subject, codec.encode(append.at, append.events), headerLines(append), {
          expires: Math.min(deadline, now + longestWaitMs),
          resolve: (answer) => {
            if (answer.kind === "stored") resolve({ kind: "appended", revision: answer.seq });
            else resolve(insist(subject, append, deadline, Promise.resolve(answer)));
          },
          reject: (error) => resolve(insist(subject, append, deadline, Promise.reject(error))),
        });
      }),
  };
};

export const headerLines = (append: Cause & { expected?: Revision; executionId?: string; closing?: Revision }): HeaderLines => {
  let lines: string = headerLine(wire.command, append.commandId);
  if (append.expected !== undefined) lines += headerLine(wire.expected, String(append.expected));
  if (append.executionId !== undefined) lines += headerLine(wire.execution, append.executionId);
  if (append.traceparent) lines += headerLine(wire.traceparent, append.traceparent);
  if (append.correlation) lines += headerLine(wire.correlation, append.correlation);
  if (append.causation) lines += headerLine(wire.causation, append.causation);
  if (append.actor) lines += headerLine(wire.actor, append.actor);
  if (append.closing) lines += headerLine(wire.closing, String(append.closing));
  return lines as HeaderLines;
};

const pause = (ms: number): Promise<void> => new Promise((resume) => setTimeout(resume, ms * (0.5 + Math.random() / 2)));

/** The server's own trouble (503 without a stream, no leader, no space) passes; a message that it does not want stays unwanted. */
const refused = (stream: string, { code, status, description }: Extract<PubAnswer, { kind: "failed" }>): Error =>
  status >= 500
    ? new Unavailable(`${stream} takes nothing now: ${description}`)
    : new Error(`${stream} refused an append with code ${code}: ${description}`);

/** When a page stops coming for this long, the connection broke in its middle: the rest will never come. */
const pageSilenceMs = 5000;

/** Up to `limit` messages of a subject (wildcards allowed) from a sequence on, from whichever replica answers. */
export const readDirect = (
  jsm: JetStreamManager,
  stream: string,
  subject: Subject,
  from: number,
  limit: number,
  silenceMs = pageSilenceMs,
): Promise<readonly Stored[]> =>
  reachable(
    new Promise((resolve, reject) => {
      const page: Stored[] = [];
      let reading: { stop: (error?: Error) => void } | undefined;
      const silence = setTimeout(() => {
        const error = new Error("the rest of a page did not come");
        reading?.stop(error);
        reject(error);
      }, silenceMs);
      const callback = (done: { err?: Error } | null, message: Stored): void => {
        silence.refresh();
        if (done === null) return void page.push(message);
        clearTimeout(silence);
        if (done.err === undefined || isNotFound(done.err)) resolve(page);
        else reject(done.err);
      };
      jsm.direct.getBatch(stream, { seq: from, next_by_subj: subject, batch: limit, callback }).then(
        (iterator) => {
          reading = iterator;
        },
        (error: unknown) => {
          clearTimeout(silence);
          reject(error);
        },
      );
    }),
  );

// The server takes both fields; the client's type for the leader's get knows only `seq`.
export const nextFromLeader = async (
  jsm: JetStreamManager,
  stream: string,
  subject: Subject,
  from: number,
): Promise<Stored | undefined> => {
  const query: NextMsgRequest & { readonly seq: number } = { seq: from, next_by_subj: subject };
  return (await orUndefined(() => jsm.streams.getMessage(stream, query))) ?? undefined;
};

export const orUndefined = async <T>(ask: () => Promise<T>): Promise<T | undefined> => {
  try {
    return await reachable(ask());
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
};

/** Everything but a final answer of the server means that it could not be reached: no answer, no leader, a stream that is not there yet. */
export const reachable = async <T>(asked: Promise<T>): Promise<T> => {
  try {
    return await asked;
  } catch (error) {
    if (isNotFound(error) || (error instanceof JetStreamApiError && error.status < 500 && error.code !== streamNotFound)) throw error;
    throw new Unavailable(error instanceof JetStreamApiError ? `JetStream: ${error.message}` : "JetStream did not answer", {
      cause: error,
    });
  }
};

const streamNotFound = 10059;

/** JetStream has no such message: an error from a direct get, and null or code 10037 from the leader's. */
export const isNotFound = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === 404 || error.code === 10037);
