import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import { randomId } from "@outrider/eventing";

/**
 * The server's side of the NATS services API (NATS architecture decision 32), so that `nats micro ls`, `info` and `stats` show every
 * service. Spoken directly: it is three small JSON answers, and the client library for it brings an older NATS client along.
 */
export interface MicroOptions {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly endpoints: readonly MicroEndpoint[];
}

export interface MicroEndpoint {
  readonly name: string;
  readonly subject: string;
  /** Takes one request; `done` is told how long it took in milliseconds, and the error if it was a bug of ours. */
  readonly take: (message: Msg, done: (ms: number, error?: string) => void) => void;
}

export interface Micro {
  /** Rejects nothing: resolves when any subscription has ended, with its error if there was one. */
  readonly ended: Promise<Error | undefined>;
  /** Takes no more requests; what has arrived is still handed over. */
  readonly drain: () => Promise<void>;
}

interface Counted {
  requests: number;
  errors: number;
  lastError: string;
  nanoseconds: number;
}

const kind = (what: string): string => `io.nats.micro.v1.${what}_response`;

/** Subscribes the endpoints, each in the queue group named like the service, and answers $SRV.PING, $SRV.INFO and $SRV.STATS. */
export const serveMicro = (nats: NatsConnection, options: MicroOptions): Micro => {
  const { name, version, description, metadata } = options;
  const identity = { name, id: randomId(), version, metadata };
  const started = new Date().toISOString();
  const counts = new Map<string, Counted>();
  const described = options.endpoints.map((endpoint) => ({
    name: endpoint.name,
    subject: endpoint.subject,
    queue_group: name,
    metadata: {},
  }));
  const answers: Readonly<Record<string, () => object>> = {
    PING: () => ({ type: kind("ping"), ...identity }),
    INFO: () => ({ type: kind("info"), ...identity, description, endpoints: described }),
    STATS: () => ({
      type: kind("stats"),
      ...identity,
      started,
      endpoints: described.map((endpoint) => ({ ...endpoint, ...statsOf(counts.get(endpoint.name)) })),
    }),
  };
  const subscriptions: Subscription[] = [];
  for (const [verb, body] of Object.entries(answers)) {
    for (const subject of [`$SRV.${verb}`, `$SRV.${verb}.${name}`, `$SRV.${verb}.${name}.${identity.id}`]) {
      const callback = (error: Error | null, message: Msg): void => {
        if (error === null) message.respond(JSON.stringify(body()));
      };
      subscriptions.push(nats.subscribe(subject, { callback }));
    }
  }
  for (const endpoint of options.endpoints) {
    const counted: Counted = { requests: 0, errors: 0, lastError: "", nanoseconds: 0 };
    counts.set(endpoint.name, counted);
    const done = (ms: number, error?: string): void => {
      counted.requests++;
      counted.nanoseconds += ms * 1e6;
      if (error !== undefined) {
        counted.errors++;
        counted.lastError = error;
      }
    };
    const callback = (error: Error | null, message: Msg): void => {
      if (error === null) endpoint.take(message, done);
    };
    subscriptions.push(nats.subscribe(endpoint.subject, { queue: name, callback }));
  }
  return {
    ended: Promise.race(subscriptions.map((subscription) => subscription.closed.then((error) => error ?? undefined))),
    drain: async () => {
      if (!nats.isClosed()) await Promise.all(subscriptions.map((subscription) => subscription.drain()));
    },
  };
};

const statsOf = (counted: Counted | undefined): object => ({
  num_requests: counted?.requests ?? 0,
  num_errors: counted?.errors ?? 0,
  last_error: counted?.lastError ?? "",
  processing_time: Math.round(counted?.nanoseconds ?? 0),
  average_processing_time: counted === undefined || counted.requests === 0 ? 0 : Math.round(counted.nanoseconds / counted.requests),
});
