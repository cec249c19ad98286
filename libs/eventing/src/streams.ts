import { AckPolicy, JetStreamApiError, type JetStreamManager, RetentionPolicy, StorageType, type StreamConfig } from "@nats-io/jetstream";

/** What this library needs to know of a stream; structurally the contracts' `StreamDeclaration`. */
export interface DeclaredStream {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly revision: number;
  readonly retention: "limits" | "workqueue";
  readonly maxAgeDays: number;
  readonly kind: "events" | "schedules" | "letters" | "raw";
  readonly maxMessageBytes: number;
}

export interface Difference {
  readonly field: string;
  readonly declared: unknown;
  readonly found: unknown;
}

const nanosecondsPerDay = 86_400 * 1e9;
const revisionKey = "outrider-revision";

const configOf = (declared: DeclaredStream, replicas: number): Partial<StreamConfig> & { name: string } => ({
  name: declared.name,
  subjects: [...declared.subjects],
  retention: declared.retention === "workqueue" ? RetentionPolicy.Workqueue : RetentionPolicy.Limits,
  storage: StorageType.File,
  num_replicas: replicas,
  max_age: declared.maxAgeDays * nanosecondsPerDay,
  max_msg_size: declared.maxMessageBytes,
  allow_direct: true,
  ...(declared.kind === "events" ? { deny_delete: true, deny_purge: true } : {}),
  ...(declared.kind === "schedules" ? { allow_msg_schedules: true, allow_msg_ttl: true } : {}),
  metadata: { [revisionKey]: String(declared.revision) },
});

/** Fields of ours that differ; what the server adds (`_nats.*` metadata, defaults) is its own business. */
export const differences = (declared: Partial<StreamConfig>, found: Partial<StreamConfig>): readonly Difference[] =>
  Object.entries(declared).flatMap(([field, value]) => {
    if (field === "metadata") return [];
    const other: unknown = found[field as keyof StreamConfig];
    const same = Array.isArray(value)
      ? JSON.stringify([...value].sort()) === JSON.stringify([...((other as unknown[]) ?? [])].sort())
      : value === (other ?? 0) || value === (other ?? false);
    return same ? [] : [{ field, declared: value, found: other }];
  });

export type Ensured =
  | { readonly kind: "created" | "same" | "newer" }
  | { readonly kind: "updated"; readonly differences: readonly Difference[] };

/**
 * Creates a stream or brings it to its declaration. A stream of a higher revision is left alone: a newer release has been here. Throws, with
 * the difference in words, when the server cannot change a field.
 */
export const ensureStream = async (jsm: JetStreamManager, declared: DeclaredStream, { replicas = 1 } = {}): Promise<Ensured> => {
  const config = configOf(declared, replicas);
  const found = await existing(jsm, declared.name);
  if (found === undefined) {
    try {
      await jsm.streams.add(config);
      return { kind: "created" };
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.code !== streamNameInUse) throw error;
      return ensureStream(jsm, declared, { replicas }); // another replica was first
    }
  }
  const revision = Number(found.metadata?.[revisionKey] ?? 0);
  if (revision > declared.revision) return { kind: "newer" };
  const different = differences(config, found);
  if (different.length === 0 && revision === declared.revision) return { kind: "same" };
  try {
    await jsm.streams.update(declared.name, { ...config, metadata: { ...found.metadata, ...config.metadata } });
    return { kind: "updated", differences: different };
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.status === 503) throw error; // not an answer: try again later
    throw new Error(`stream ${declared.name} differs from its declaration and cannot be changed: ${inWords(different)}`, { cause: error });
  }
};

export const inWords = (different: readonly Difference[]): string =>
  different.map(({ field, declared, found }) => `${field} is ${JSON.stringify(found)}, declared ${JSON.stringify(declared)}`).join("; ");

/** The stream's configuration, or undefined when there is no such stream. */
export const existing = async (jsm: JetStreamManager, name: string): Promise<StreamConfig | undefined> => {
  try {
    return (await jsm.streams.info(name)).config;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === streamNotFound) return undefined;
    throw error;
  }
};

const streamNotFound = 10059;
const streamNameInUse = 10058;

export interface DeclaredDurable {
  readonly stream: string;
  /** Durable name: changing it replays the whole stream to this consumer. */
  readonly durable: string;
  readonly filters: readonly string[];
  readonly ackWaitMs: number;
  readonly maxAckPending: number;
}

/** Creates a durable pull consumer or brings it to its declaration. */
export const ensureDurable = async (jsm: JetStreamManager, declared: DeclaredDurable): Promise<void> => {
  const [only, ...more] = declared.filters;
  if (only === undefined) throw new TypeError(`the consumer ${declared.durable} names no filter`);
  const config = {
    durable_name: declared.durable,
    ack_policy: AckPolicy.Explicit,
    ack_wait: declared.ackWaitMs * 1e6,
    max_ack_pending: declared.maxAckPending,
    max_deliver: -1,
  };
  const filters = more.length === 0 ? { filter_subject: only } : { filter_subjects: [only, ...more] };
  try {
    await jsm.consumers.add(declared.stream, { ...config, ...filters });
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== consumerExists) throw error;
    const { durable_name: _, ack_policy: __, ...changeable } = config;
    // An update lays the new fields over the old ones: the form that is not used must be taken out by name.
    const form = more.length === 0 ? { filter_subjects: undefined } : { filter_subject: undefined };
    const update: object = { ...changeable, ...form, ...filters };
    await jsm.consumers.update(declared.stream, declared.durable, update);
  }
};

const consumerExists = 10148;
