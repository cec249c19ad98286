import { type Codec, type Kernel, type OverdueOptions, overdue, type Regular, regularly, type Stance } from "@outrider/eventing";
import type { CommonConfig } from "./config.ts";
import { positionsOf } from "./kernel.ts";
import type { Service } from "./service.ts";

interface OverdueConfig {
  readonly OVERDUE_EVERY_MS: number;
  readonly OVERDUE_AFTER_MS: number;
  readonly OVERDUE_LOOK_BACK_DAYS: number;
}
type Looking = Service<CommonConfig & OverdueConfig>;

/** Names of events only: a look passes over millions of messages, and needs to know no more of them. */
const typesOnly: Codec<string> = {
  encode: () => {
    throw new TypeError("this codec only reads");
  },
  decode: (stored) => {
    try {
      const { at, events }: { at: string; events: readonly { readonly type: string }[] } = JSON.parse(
        Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength).toString("utf8"),
      );
      return { kind: "events", at, events: events.map(({ type }) => type) };
    } catch {
      return { kind: "unreadable", reason: "not JSON in the shape {at, events}" };
    }
  },
};

/** The events of a kind of aggregate that open a wait for a moment, and those that end it. The others leave it as it was. */
export interface Waits {
  readonly waits: readonly string[];
  readonly ended: readonly string[];
}

/** Looks through one of the service's own streams; ends with the service. `name` is stored: it names the lease and the position. */
export const lookForOverdue = async (
  service: Looking,
  kernel: Kernel,
  {
    waits,
    ended,
    ...options
  }: Waits & Pick<OverdueOptions<string>, "name" | "stream" | "filters" | "nextMoment" | "react"> & { readonly lateMs?: number },
): Promise<void> => {
  const { config, acquireLease: acquire } = service;
  const stances = new Map<string, Stance>([
    ...waits.map((type) => [type, "waits"] as const),
    ...ended.map((type) => [type, "ended"] as const),
  ]);
  const look = overdue<string>(kernel, {
    ...{ acquire, everyMs: config.OVERDUE_EVERY_MS, lateMs: config.OVERDUE_AFTER_MS },
    ...{ lookBackMs: config.OVERDUE_LOOK_BACK_DAYS * 86_400_000, codec: typesOnly, stance: (type) => stances.get(type) },
    positions: await positionsOf(service, `look.${options.name}`),
    ...options,
  });
  endWith(service, options.name, look);
};

/** For what is not found in a stream but known by name: the accounts, say. Ends with the service. */
export const lookRegularly = (service: Looking, kernel: Kernel, name: string, look: Parameters<typeof regularly>[2]): void => {
  const { config, acquireLease: acquire } = service;
  endWith(service, name, regularly(kernel, { name, acquire, everyMs: config.OVERDUE_EVERY_MS }, look));
};

const endWith = (service: Looking, name: string, { stop }: Regular): void => service.onStop(`look ${name}`, stop);
