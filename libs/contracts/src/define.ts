import { z } from "zod";
import { certainlyFits } from "./certain.ts";

/** A personal value as it is stored and carried: sealed under key `k`. Only the edges open it; rules never see what is inside. */
export const sealed = z.object({ k: z.string(), v: z.string() });
export type Sealed = z.output<typeof sealed>;

/** Marks a field as personal: it is a `Sealed` value from the first event on, under the person's key. */
export const personal = (what: "number" | "name" | "text" | "secret" | "raw") => sealed.meta({ personal: what });

/** An event as the code sees it. */
export interface AnyEvent {
  readonly type: string;
  readonly data: unknown;
}

/** An older stored shape of an event, and how to read it as the next one. */
export interface Past {
  readonly version: number;
  readonly upcast: (data: never) => unknown;
}

/** One event: its stored name and version, its current shape, and how older shapes read. `type`@`version` is on disk for ever. */
export interface EventDefinition<Type extends string, Data> {
  readonly type: Type;
  readonly version: number;
  readonly schema: z.ZodType<Data>;
  /** Throws a ZodError when the stored data has none of the shapes that this release knows. */
  readonly parse: (version: number, data: unknown) => Data;
  /** True: it fits today's shape as it is, to the last field. False: only parsing tells. */
  readonly fits: (data: unknown) => boolean;
}

/** Declares an event. A stored shape is never edited: raise the version, add the old one to `past` (oldest first), keep its fixture. */
export const defineEvent = <const Type extends string, Schema extends z.ZodType>(
  type: Type,
  version: number,
  schema: Schema,
  past: readonly Past[] = [],
): EventDefinition<Type, z.output<Schema>> => {
  if (past.length !== version - 1 || past.some((step, index) => step.version !== index + 1)) {
    throw new TypeError(`${type}@${version} must say how each of its versions before reads as the next one, oldest first`);
  }
  let judge: ((data: unknown) => boolean) | undefined;
  const fits = (data: unknown): boolean => {
    judge ??= certainlyFits(schema) ?? (() => false); // made for what is really written or read
    return judge(data);
  };
  return {
    type,
    version,
    fits,
    schema: schema as unknown as z.ZodType<z.output<Schema>>,
    parse: (stored, data) => {
      if (stored === version && fits(data)) return data as z.output<Schema>;
      if (stored < 1 || stored > version) throw new NoSuchVersion(type, stored);
      return schema.parse(past.slice(stored - 1).reduce<unknown>((older, step) => step.upcast(older as never), data));
    },
  };
};

/** No release has ever written this version of the event. */
class NoSuchVersion extends Error {
  constructor(type: string, version: number) {
    super(`there is no ${type}@${version}`);
  }
}

/** The union of events that a list of definitions describes, told apart by `type`. */
export type EventOf<Definitions extends readonly EventDefinition<string, unknown>[]> = {
  [Index in keyof Definitions]: Definitions[Index] extends EventDefinition<infer Type, infer Data>
    ? { readonly type: Type; readonly data: Data }
    : never;
}[number];

/** What stored bytes turned out to be. `newer` is written by a later release: wait for it, never guess. */
export type Decoded<Event> =
  | { readonly kind: "events"; readonly at: string; readonly events: readonly Event[] }
  | { readonly kind: "newer"; readonly what: string }
  | { readonly kind: "unreadable"; readonly reason: string };

/** How the events of one decision cross the wire: `{"at", "events": [{"type", "version", "data"}]}`. */
export interface EventCodec<Event> {
  /** Throws when an event does not fit its own shape: what could never be read again is not written. Fields it does not declare are left out. */
  readonly encode: (at: string, events: readonly Event[]) => Uint8Array;
  readonly decode: (stored: Uint8Array) => Decoded<Event>;
}

interface Envelope {
  readonly at: string;
  readonly events: readonly { readonly type: string; readonly version: number; readonly data: unknown }[];
}

/** By hand, for every message that anybody reads passes here; the events themselves are checked by their schemas. */
const isEnvelope = (value: unknown): value is Envelope =>
  typeof value === "object" &&
  value !== null &&
  "at" in value &&
  typeof value.at === "string" &&
  "events" in value &&
  Array.isArray(value.events) &&
  value.events.every((event) => typeof event?.type === "string" && Number.isInteger(event.version));

/** The codec for the events of one aggregate or of one whole stream. */
export const codecOf = <const Definitions extends readonly EventDefinition<string, unknown>[]>(
  definitions: Definitions,
): EventCodec<EventOf<Definitions>> => {
  type Event = EventOf<Definitions>;
  const byType = new Map(definitions.map((definition) => [definition.type, definition]));
  if (byType.size < definitions.length) throw new TypeError("two events of one codec have the same name");
  const stored = ({ type, data }: AnyEvent): { readonly type: string; readonly version: number; readonly data: unknown } => {
    const definition = byType.get(type);
    if (definition === undefined) throw new TypeError(`event ${type} is not declared for this stream`);
    if (definition.fits(data)) return { type, version: definition.version, data };
    const checked = definition.schema.safeParse(data);
    if (!checked.success) throw new TypeError(`event ${type} does not fit its shape: ${reasonOf(checked.error)}`);
    return { type, version: definition.version, data: checked.data };
  };
  return {
    // A TextEncoder takes six times as long for as few bytes as these.
    encode: (at, events) => Buffer.from(JSON.stringify({ at, events: events.map(stored) })),
    decode: (bytes) => {
      try {
        const envelope: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
        if (!isEnvelope(envelope)) return { kind: "unreadable", reason: "not JSON in the shape {at, events}" };
        const { at, events } = envelope;
        const decoded: Event[] = [];
        for (const { type, version, data } of events) {
          const definition = byType.get(type);
          if (definition === undefined) return { kind: "newer", what: type };
          if (version > definition.version) return { kind: "newer", what: `${type}@${version}` };
          decoded.push({ type, data: definition.parse(version, data) } as Event);
        }
        return { kind: "events", at, events: decoded };
      } catch (error) {
        return { kind: "unreadable", reason: reasonOf(error) };
      }
    },
  };
};

/** Names the fields that did not fit, never their values: a reason may be logged and shown. */
const reasonOf = (error: unknown): string => {
  if (error instanceof z.ZodError) return error.issues.map((issue) => `${issue.path.join(".") || "message"}: ${issue.code}`).join("; ");
  if (error instanceof NoSuchVersion) return error.message;
  return error instanceof SyntaxError ? "not JSON in the shape {at, events}" : "an older version cannot be read as today's";
};
