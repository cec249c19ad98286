import { JetStreamApiError } from "@nats-io/jetstream";
import { Unavailable } from "./errors.ts";
import { headerLines, nextFromLeader, orUndefined, reachable, readDirect } from "./jetstream-store.ts";
import type { Kernel } from "./kernel.ts";
import { type HeaderLines, headerLine, joined } from "./requests.ts";
import type { Cause, Codec } from "./store.ts";

/** What a schedule brings when it is due. Small, never personal. */
export interface DueMessage {
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Schedules {
  /**
   * Puts a message on `due.<service>.<name>.<key>` at a real moment (a past one: at once). One schedule per name and key: a new one
   * replaces it. It may fire twice; whoever is due decides by the aggregate.
   */
  readonly at: (name: string, key: string, when: Date, data: Readonly<Record<string, unknown>>, cause: Cause) => Promise<void>;
  /** Recurring, six fields with seconds, in a time zone (IANA). Fires once for all that was missed. */
  readonly cron: (
    name: string,
    key: string,
    spec: string,
    timeZone: string,
    data: Readonly<Record<string, unknown>>,
    cause: Cause,
  ) => Promise<void>;
  /** Whether one of this name and key waits for its moment, or has come due and is not done with yet. The leader is asked. */
  readonly isOpen: (name: string, key: string) => Promise<boolean>;
  /**
   * The keys under some tokens (`<p>.<account>`) of the schedules that wait for their moment, in pages, oldest first. One that is put while
   * this is read comes as well; one that comes due meanwhile may or may not. The leader says where the end is.
   */
  readonly pending: (name: string, under: string) => AsyncIterable<readonly string[]>;
  /** True when it was still pending; false: too late, or there was none. In its very millisecond it may come due all the same. */
  readonly cancel: (name: string, key: string) => Promise<boolean>;
}

export const scheduleStream = "SCHEDULE";

/** JetStream's own schedules, for one service. `key` is subject tokens: `<p>.<account>.<id>`. */
export const schedules = ({ publisher, jsm, service }: Pick<Kernel, "publisher" | "jsm" | "service">): Schedules => {
  const put = async (name: string, key: string, spec: HeaderLines, data: DueMessage["data"], cause: Cause) => {
    assertTokens(name, key);
    const lines = joined(spec, headerLine("Nats-Schedule-Target", `due.${service}.${name}.${key}`), headerLines(cause));
    const answer = await publisher.publish(`schedule.${service}.${name}.${key}`, dueCodec.encode(cause.at, [{ data }]), lines);
    if (answer.kind !== "stored") {
      if (answer.kind === "failed" && answer.status >= 500) throw new Unavailable(`SCHEDULE takes nothing now: ${answer.description}`);
      throw new Error(`a schedule was refused: ${answer.kind === "failed" ? answer.description : answer.kind}`);
    }
  };
  return {
    at: async (name, key, when, data, cause) => put(name, key, headerLine("Nats-Schedule", `@at ${when.toISOString()}`), data, cause),
    cron: (name, key, spec, timeZone, data, cause) =>
      put(name, key, joined(headerLine("Nats-Schedule", spec), headerLine("Nats-Schedule-Time-Zone", timeZone)), data, cause),
    isOpen: async (name, key) => {
      assertTokens(name, key);
      // In this order: a schedule becomes a due message, never the other way.
      for (const kind of ["schedule", "due"]) {
        const last_by_subj = `${kind}.${service}.${name}.${key}`;
        if ((await orUndefined(() => jsm.streams.getMessage(scheduleStream, { last_by_subj }))) != null) return true;
      }
      return false;
    },
    pending: async function* (name, under) {
      assertTokens(name, under);
      const prefix = `schedule.${service}.${name}.`;
      const filter = `${prefix}${under}.>`;
      const keyOf = ({ subject }: { readonly subject: string }): string => subject.slice(prefix.length);
      for (let from = 1; ; ) {
        const page = await readDirect(jsm, scheduleStream, filter, from, pendingPage);
        const last = page.at(-1) ?? (await nextFromLeader(jsm, scheduleStream, filter, from));
        if (last === undefined) return;
        yield (page.length === 0 ? [last] : page).map(keyOf);
        from = last.seq + 1;
      }
    },
    cancel: async (name, key) => {
      assertTokens(name, key); // a wildcard would cancel everybody's
      try {
        const { purged } = await reachable(jsm.streams.purge(scheduleStream, { filter: `schedule.${service}.${name}.${key}` }));
        return purged > 0;
      } catch (error) {
        if (error instanceof JetStreamApiError) throw new Error(`a schedule could not be cancelled: ${error.message}`, { cause: error });
        throw error;
      }
    },
  };
};

/** Keys that are read together. */
const pendingPage = 500;

const assertTokens = (name: string, key: string): void => {
  if (!/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(`${name}.${key}`)) throw new TypeError("a schedule's name and key are subject tokens");
};

/** The filter that a service's own `react` on the stream SCHEDULE uses for schedules of one name. */
export const dueOptions = (service: string, name: string) => ({
  stream: scheduleStream,
  durable: `${service}-due-${name}`,
  filters: [`due.${service}.${name}.>`],
});

export const dueCodec: Codec<DueMessage> = {
  encode: (at, events) => new TextEncoder().encode(JSON.stringify({ at, data: events[0]?.data ?? {} })),
  decode: (stored) => {
    try {
      const { at, data }: { at?: unknown; data?: unknown } = JSON.parse(new TextDecoder().decode(stored));
      if (typeof at === "string" && typeof data === "object" && data !== null)
        return { kind: "events", at, events: [{ data: data as DueMessage["data"] }] };
      return { kind: "unreadable", reason: "not JSON in the shape {at, data}" };
    } catch {
      return { kind: "unreadable", reason: "not JSON in the shape {at, data}" };
    }
  },
};
