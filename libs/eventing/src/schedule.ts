import { Unavailable } from "./errors.ts";
import { headerLines } from "./jetstream-store.ts";
import type { Kernel } from "./kernel.ts";
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
  /** True when it was still pending; false: too late, or there was none. */
  readonly cancel: (name: string, key: string) => Promise<boolean>;
}

const scheduleStream = "SCHEDULE";

/** JetStream's own schedules, for one service. `key` is subject tokens: `<p>.<account>.<id>`. */
export const schedules = ({ publisher, jsm, service }: Pick<Kernel, "publisher" | "jsm" | "service">): Schedules => {
  const put = async (name: string, key: string, spec: readonly (readonly [string, string])[], data: DueMessage["data"], cause: Cause) => {
    const lines = [...spec, ["Nats-Schedule-Target", `due.${service}.${name}.${key}`] as const, ...headerLines(cause)];
    const answer = await publisher.publish(`schedule.${service}.${name}.${key}`, dueCodec.encode(cause.at, [{ data }]), lines);
    if (answer.kind !== "stored") {
      if (answer.kind === "failed" && answer.code === 503) throw new Unavailable("the stream SCHEDULE is not there yet");
      throw new Error(`a schedule was refused: ${answer.kind === "failed" ? answer.description : answer.kind}`);
    }
  };
  return {
    at: (name, key, when, data, cause) => put(name, key, [["Nats-Schedule", `@at ${when.toISOString()}`]], data, cause),
    cron: (name, key, spec, timeZone, data, cause) =>
      put(
        name,
        key,
        [
          ["Nats-Schedule", spec],
          ["Nats-Schedule-Time-Zone", timeZone],
        ],
        data,
        cause,
      ),
    cancel: async (name, key) => {
      const { purged } = await jsm.streams.purge(scheduleStream, { filter: `schedule.${service}.${name}.${key}` });
      return purged > 0;
    },
  };
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
      const { at, data }: { at: string; data: Record<string, unknown> } = JSON.parse(new TextDecoder().decode(stored));
      return { kind: "events", at, events: [{ data }] };
    } catch {
      return { kind: "unreadable", reason: "not JSON in the shape {at, data}" };
    }
  },
};
