import { AckPolicy, DeliverPolicy, type JetStreamManager, ReplayPolicy } from "@nats-io/jetstream";
import { createInbox, type Msg, nanos } from "@nats-io/transport-node";
import type { Kernel } from "./kernel.ts";
import type { Carrier } from "./recorded.ts";

/** A message of a stream, where it stands, and how many there were behind it when the server sent it. */
export interface Incoming extends Carrier {
  readonly seq: number;
  readonly pending: number;
  /** Bytes of its data. */
  readonly size: number;
}

/** One stretch of reading a stream in order. Once it is over nothing more is handed out: the rest is somebody else's, or will be read again. */
export interface OrderedStretch {
  /** How many the server had for us when the stretch began. */
  readonly waiting: number;
  /** What has come, at most so many, oldest first. */
  readonly take: (most: number) => readonly Incoming[];
  /** Messages that have come and were not taken. */
  readonly size: () => number;
  /** Resolves when there is something to take, when the stretch is over, or after `ms`. */
  readonly come: (ms?: number) => Promise<void>;
  readonly over: () => boolean;
  readonly end: () => void;
  /** Ends it and lets go of everything that listened for its end. */
  readonly close: () => void;
}

export interface OrderedOptions {
  readonly stream: string;
  readonly filters: readonly string[] | undefined;
  /** The first sequence to read. */
  readonly from: number;
  /** How many messages may be here and not taken. */
  readonly most: number;
}

/** What the server says of a request that has brought as many messages or bytes as it asked for. */
const hasRunOut = /^(batch completed|message size exceeds maxbytes)$/i;
const pullMs = 10_000;
const heartbeatMs = 2500;
/** Without a sign of the server for so long, it is taken for gone. */
const silenceMs = 2 * heartbeatMs + 500;
/** The server keeps a consumer that asks for nothing for this long: a reader that died, or one that is busy with a batch. */
const forgottenAfterMs = 300_000;
/** Messages may be large: what is here and not taken is bounded in bytes, too. No message may be larger. */
export const mostBytes = 2 * 1024 * 1024;

/**
 * Reads a stream in order from a sequence on, without acknowledgements, until the connection breaks, the server falls silent, a message is missing in
 * the row, or a signal is aborted. Asks for more only as far as what has come was taken. On the client's own subscriptions and not on its
 * `consume`, which makes four objects of each message, reads its delivery twice and hands it over one at a time.
 */
export const readInOrder = async (kernel: Kernel, options: OrderedOptions, signals: readonly AbortSignal[]): Promise<OrderedStretch> => {
  const { nats, jsm, js, instruments } = kernel;
  const { stream, most } = options;
  const { name, num_pending: waiting } = await jsm.consumers.add(stream, configOf(options));
  const inbox = createInbox();
  const asking = `${js.apiPrefix}.CONSUMER.MSG.NEXT.${stream}.${name}`;
  const here = arrivals();
  let asked = 0;
  let expected = 1;
  let heard = performance.now();
  let ended = false;

  const end = (): void => {
    if (ended) return;
    ended = true;
    clearInterval(silence);
    subscription.unsubscribe();
    here.wake();
  };
  /** As much as there is room for, when that is at least half of it. */
  const ask = (): void => {
    const room = most - here.size() - asked;
    if (ended || room * 2 < most || here.bytes() * 2 > mostBytes || nats.isClosed() || nats.isDraining()) return;
    if (asked === 0) heard = performance.now();
    asked += room;
    const request = { batch: room, max_bytes: mostBytes, expires: nanos(pullMs), idle_heartbeat: nanos(heartbeatMs) };
    nats.publish(asking, JSON.stringify(request), { reply: inbox });
  };
  const told = (message: Msg): void => {
    const code = message.headers?.code ?? 0;
    if (code === 100) {
      // It is there. What it has sent is here before this is: the last message may be missing, too, and no other one shows it.
      if (Number(message.headers?.get("Nats-Last-Consumer") || 0) >= expected) end();
      return;
    }
    const unfulfilled = Number(message.headers?.get("Nats-Pending-Messages") || 0);
    asked = Math.max(0, asked - unfulfilled);
    // The request has run out, or has brought as many bytes as it may. Everything else means that the consumer cannot go on.
    if (code === 404 || code === 408 || (code === 409 && hasRunOut.test(message.headers?.description ?? ""))) ask();
    else {
      instruments.log("debug", "a reader's consumer has ended", { stream, code });
      end();
    }
  };
  const arrived = (message: Msg): void => {
    const { seq, delivery, pending } = deliveryOf(message.reply ?? "");
    if (delivery === expected) {
      expected++;
      asked--;
      here.add(new Arrived(message, seq, pending));
    } else end(); // what was lost on the way is read again from the position
  };
  const subscription = nats.subscribe(inbox, {
    callback: (error, message) => {
      if (ended) return;
      heard = performance.now();
      try {
        if (error !== null) end();
        else if (message.subject === inbox) told(message);
        else arrived(message);
      } catch (thrown) {
        // The client would stop reading the whole connection.
        instruments.log("error", "a reader met a message that no stream has sent", { stream, error: thrown });
        end();
      }
    },
  });
  const isSilent = (): boolean => asked > 0 && performance.now() - heard > silenceMs;
  const silence = setInterval(() => {
    // After a standstill of this process the signs of the server are still to be read: that comes before the check.
    if (isSilent()) setImmediate(() => isSilent() && end());
  }, heartbeatMs);
  silence.unref();
  const forget = kernel.onReconnect(end);
  for (const signal of signals) {
    if (signal.aborted) end();
    signal.addEventListener("abort", end);
  }
  ask();
  return {
    waiting,
    take: (wanted) => {
      if (ended) return [];
      const taken = here.take(wanted);
      ask();
      return taken;
    },
    size: here.size,
    come: (ms) => (ended ? Promise.resolve() : here.come(ms)),
    over: () => ended,
    end,
    close: () => {
      forget();
      for (const signal of signals) signal.removeEventListener("abort", end);
      end();
      letGo(kernel, jsm, stream, name);
    },
  };
};

const configOf = ({ filters, from }: OrderedOptions) => ({
  ack_policy: AckPolicy.None,
  deliver_policy: DeliverPolicy.StartSequence,
  opt_start_seq: from,
  replay_policy: ReplayPolicy.Instant,
  max_deliver: 1,
  mem_storage: true,
  num_replicas: 1,
  inactive_threshold: nanos(forgottenAfterMs),
  ...(filters === undefined ? {} : { filter_subjects: [...filters] }),
});

/** The server would keep the consumer for a minute. */
const letGo = ({ nats, instruments }: Kernel, jsm: JetStreamManager, stream: string, name: string): void => {
  if (nats.isClosed() || nats.isDraining()) return;
  jsm.consumers
    .delete(stream, name)
    .catch((error: unknown) => instruments.log("debug", "a reader's consumer is left to run out", { stream, error }));
};

/** Data and headers stay where the client has them until somebody reads them. */
class Arrived implements Incoming {
  readonly subject: string;
  readonly seq: number;
  readonly pending: number;
  readonly size: number;
  readonly #message: Msg;

  constructor(message: Msg, seq: number, pending: number) {
    this.subject = message.subject;
    this.seq = seq;
    this.pending = pending;
    this.size = message.data.length;
    this.#message = message;
  }

  get data(): Uint8Array {
    return this.#message.data;
  }

  get headers(): Msg["headers"] {
    return this.#message.headers;
  }
}

/** What has come and was not taken, and who waits for it. */
const arrivals = () => {
  let here: Incoming[] = [];
  let bytes = 0;
  let waiter: (() => void) | undefined;
  const wake = (): void => waiter?.();
  return {
    wake,
    size: (): number => here.length,
    bytes: (): number => bytes,
    add: (message: Incoming): void => {
      here.push(message);
      bytes += message.size;
      if (waiter !== undefined) waiter();
    },
    take: (most: number): readonly Incoming[] => {
      const taken = here.length <= most ? here : here.slice(0, most);
      here = here.length <= most ? [] : here.slice(most);
      for (const { size } of taken) bytes -= size;
      return taken;
    },
    come: (ms?: number): Promise<void> =>
      here.length > 0
        ? Promise.resolve()
        : new Promise((resume) => {
            const timer = ms === undefined ? undefined : setTimeout(wake, ms);
            waiter = () => {
              waiter = undefined;
              clearTimeout(timer);
              resume();
            };
          }),
  };
};

const zero = 48;
const dot = 46;

/**
 * Out of `$JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.<of the consumer>.<time>.<pending>`, or the same with domain and account before the stream
 * and perhaps a token behind. Throws a TypeError when it is neither.
 */
export const deliveryOf = (reply: string): { readonly seq: number; readonly delivery: number; readonly pending: number } => {
  let dots = 0;
  for (let at = 0; at < reply.length; at++) if (reply.charCodeAt(at) === dot) dots++;
  if (dots < 8 || dots === 9 || !reply.startsWith("$JS.ACK.")) throw new TypeError("a message without its delivery is none of a stream");
  const first = dots === 8 ? 5 : 7;
  const numbers = [0, 0, 0, 0];
  for (let at = 0, token = 0; at < reply.length; at++) {
    const code = reply.charCodeAt(at);
    if (code === dot) token++;
    else if (token >= first && token < first + 4) numbers[token - first] = (numbers[token - first] ?? 0) * 10 + code - zero;
  }
  const [seq = 0, delivery = 0, , pending = 0] = numbers;
  return { seq, delivery, pending };
};
