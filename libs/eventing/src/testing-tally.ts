import { accept, type Decider, refuse, unreachable } from "./decider.ts";
import type { Append, Codec } from "./store.ts";

/** The aggregate of this library's own tests: adds up, and remembers how often it did so for each key. */
export type TallyEvent =
  | { readonly type: "Added"; readonly data: { readonly key: string; readonly n: number } }
  | { readonly type: "TallyClosed"; readonly data: { readonly state: readonly [string, number][]; readonly commands: readonly string[] } };
export type TallyCommand =
  /** Adds however often it is told to: only the kernel's memory of commands keeps a repeat out. */
  | { readonly type: "Add"; readonly key: string; readonly n: number }
  /** Known by its own key inside the decision. */
  | { readonly type: "AddOnce"; readonly key: string; readonly n: number };
export type Tally = Map<string, number>;

const full = 1_000_000;

export const tally: Decider<Tally, TallyCommand, TallyEvent, "full"> = {
  initial: () => new Map(),
  evolve: (state, event) => {
    switch (event.type) {
      case "Added":
        return state.set(event.data.key, (state.get(event.data.key) ?? 0) + event.data.n);
      case "TallyClosed":
        return new Map(event.data.state);
      default:
        return unreachable(event);
    }
  },
  decide: (state, { type, key, n }) => {
    if (total(state) + n > full) return refuse("full");
    if (type === "AddOnce" && state.has(key)) return accept();
    return accept({ type: "Added", data: { key, n } });
  },
};

/** The same with closing events. */
export const closingTally: typeof tally = {
  ...tally,
  closing: {
    event: (state, commands) => ({ type: "TallyClosed", data: { state: [...state], commands } }),
    commands: (event) => (event.type === "TallyClosed" ? event.data.commands : undefined),
  },
};

export const total = (state: Tally): number => [...state.values()].reduce((sum, n) => sum + n, 0);

/** Bytes as a release of this version writes and reads them. */
export const codecOfRelease = <Event = TallyEvent>(release: number): Codec<Event> => ({
  encode: (at, events) => new TextEncoder().encode(JSON.stringify({ at, release, events })),
  decode: (stored) => {
    try {
      const message: { at: string; release: number; events: Event[] } = JSON.parse(new TextDecoder().decode(stored));
      if (message.release > release) return { kind: "newer", what: `release ${message.release}` };
      return { kind: "events", at: message.at, events: message.events };
    } catch {
      return { kind: "unreadable", reason: "not JSON" };
    }
  },
});

export const added = (key: string, n = 1): TallyEvent => ({ type: "Added", data: { key, n } });

export const at = "2026-11-20T10:00:00.000Z";

export const append = <Event>(events: readonly Event[], expected = 0, more: Partial<Append<Event>> = {}): Append<Event> => ({
  ...{ events, expected, at, commandId: crypto.randomUUID(), executionId: crypto.randomUUID(), closing: 0 },
  ...more,
});

export const soon = (ms = 10_000): number => performance.now() + ms;
