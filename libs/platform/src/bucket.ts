import { DiscardPolicy, JetStreamApiError, type JetStreamManager, RetentionPolicy, StorageType, type StoredMsg } from "@nats-io/jetstream";
import { reachable } from "@outrider/eventing";

/** A KV bucket as the NATS tools know it: a stream `KV_<name>` over `$KV.<name>.>`. */
export interface Bucket {
  readonly stream: string;
  readonly subjectOf: (key: string) => string;
  readonly keyOf: (subject: string) => string;
}

interface BucketOptions {
  readonly replicas: number;
  /** How many values of a key are kept. */
  readonly history: number;
  /** Whether any replica of the bucket may answer a read; otherwise its leader does. */
  readonly direct?: boolean;
  /** Of a bucket that is created now. */
  readonly metadata?: Readonly<Record<string, string>>;
}

const codes = { noMessage: 10037, noStream: 10059, inUse: 10058, wrongSequence: 10071, wrongSequenceUnknown: 10164 } as const;

/** Binds to the bucket; whoever starts first creates it. Settings of one that exists are left as they are. */
export const openBucket = async (
  jsm: JetStreamManager,
  name: string,
  { replicas, history, direct = false, metadata }: BucketOptions,
): Promise<Bucket> => {
  const prefix = `$KV.${name}.`;
  const stream = `KV_${name}`;
  try {
    await jsm.streams.add({
      name: stream,
      subjects: [`${prefix}>`],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      discard: DiscardPolicy.New,
      num_replicas: replicas,
      max_msgs_per_subject: history,
      allow_rollup_hdrs: true,
      allow_direct: direct,
      ...(metadata === undefined ? {} : { metadata: { ...metadata } }),
    });
  } catch (error) {
    if (!(error instanceof JetStreamApiError && error.code === codes.inUse)) throw error;
  }
  return { stream, subjectOf: (key) => prefix + key, keyOf: (subject) => subject.slice(prefix.length) };
};

/** The last value of a key as the leader knows it; undefined when it never had one. */
export const readLast = async (jsm: JetStreamManager, { stream, subjectOf }: Bucket, key: string): Promise<StoredMsg | undefined> => {
  try {
    return (await reachable(jsm.streams.getMessage(stream, { last_by_subj: subjectOf(key) }))) ?? undefined;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === codes.noMessage) return undefined;
    throw error;
  }
};

/** Somebody else wrote first. */
export const isConflict = (error: unknown): boolean =>
  error instanceof JetStreamApiError && (error.code === codes.wrongSequence || error.code === codes.wrongSequenceUnknown);

/** What NATS held is gone: no trying again brings a bucket back. */
export const isGone = (error: unknown): boolean =>
  error instanceof JetStreamApiError
    ? error.code === codes.noStream
    : error instanceof Error && error.cause !== undefined && isGone(error.cause);

/** The header by which the NATS tools know that a key was deleted or purged. */
export const operationHeader = "KV-Operation";
