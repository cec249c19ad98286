import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { type AcquireLease, type Lease, randomId, Unavailable } from "@outrider/eventing";
import { z } from "zod";
import { type Bucket, isConflict, isGone, readLast } from "./bucket.ts";
import { type Lasting, lasting } from "./lasting.ts";
import type { Logger } from "./logging.ts";

/** Who holds it. `holder` is null after a release; `until` (real time) is for people only: no two machines' clocks are ever compared. */
const record = z.object({ holder: z.string().nullable(), epoch: z.int().min(1), until: z.string(), ttlMs: z.int().positive() });
type Stored = z.output<typeof record> & { readonly revision: number };

export interface LeaseOptions {
  readonly nats: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly bucket: Bucket;
  readonly replica: string;
  readonly log: Pick<Logger, "info" | "warn">;
  readonly ttlMs?: number;
  /** Milliseconds that never jump and go on while the process is stopped. */
  readonly monotonic?: () => number;
  /** Milliseconds that go on while the machine is suspended, too. */
  readonly wall?: () => number;
}

export interface Leases {
  readonly acquire: AcquireLease;
  /** Gives back all that is held, so that a successor starts at once. */
  readonly releaseAll: () => Promise<void>;
}

export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

const checks = new WeakMap<Lease, () => boolean>();

/**
 * Throws `LeaseLost` when the lease is not provably held at this moment. A process that was stopped runs its timers late, so ask right
 * before a write, and whenever a signal taken from `lease.lost` earlier might be stale. Reading `lease.lost` asks too.
 */
export const assertHeld = (lease: Lease): void => {
  if (checks.get(lease)?.() !== true) throw new LeaseLost(`the lease ${lease.name} (epoch ${lease.epoch}) is no longer held`);
};

const names = /^[A-Za-z0-9_=-]+(\.[A-Za-z0-9_=-]+)*$/;

/**
 * Leases in a KV bucket. The holder renews every third of `ttlMs` and stops believing `ttlMs` after its last good renewal began, by whichever of
 * its clocks has gone further. Whoever waits takes over when it has seen the record unchanged for the holder's whole `ttlMs` by its monotonic
 * clock, or released.
 */
export const createLeases = (options: LeaseOptions): Leases => {
  const held = new Set<Lease>();
  return {
    acquire: async (name, stop) => {
      if (!names.test(name)) throw new TypeError(`"${name}" cannot name a lease`);
      const lease = await new Candidate(options, name, stop).win();
      held.add(lease);
      lease.lost.addEventListener("abort", () => held.delete(lease), { once: true });
      return lease;
    },
    releaseAll: async () => {
      await Promise.all([...held].map((lease) => lease.release()));
    },
  };
};

/** Writes and reads the record of one lease. */
class Seat {
  readonly #options: LeaseOptions;
  readonly name: string;
  readonly ttlMs: number;
  readonly monotonic: () => number;
  readonly #wall: (() => number) | undefined;

  constructor(options: LeaseOptions, name: string) {
    this.#options = options;
    this.name = name;
    this.ttlMs = options.ttlMs ?? 6_000;
    this.monotonic = options.monotonic ?? (() => performance.now());
    this.#wall = options.wall;
  }

  get options(): LeaseOptions {
    return this.#options;
  }

  /** The time that a holder may believe in itself, from now on. */
  believed(): Lasting {
    return lasting(this.ttlMs, this.monotonic, this.#wall);
  }

  get subject(): string {
    return this.#options.bucket.subjectOf(this.name);
  }

  async read(): Promise<Stored | undefined> {
    const message = await readLast(this.#options.jsm, this.#options.bucket, this.name);
    return message === undefined || message.data.length === 0 ? undefined : { ...record.parse(message.json()), revision: message.seq };
  }

  /** Answers the new revision; rejects with a conflict when somebody wrote after `revision`. */
  async write(holder: string | null, epoch: number, revision: number): Promise<number> {
    const until = new Date(Date.now() + this.ttlMs).toISOString();
    const ack = await this.#options.js.publish(this.subject, JSON.stringify({ holder, epoch, until, ttlMs: this.ttlMs }), {
      timeout: Math.max(250, this.ttlMs / 3),
      expect: { lastSubjectSequence: revision },
    });
    return ack.seq;
  }
}

/** Waits for its turn. */
class Candidate {
  readonly #seat: Seat;
  readonly #stop: AbortSignal;
  readonly #holder: string;
  #seen: { readonly revision: number; readonly since: number } | undefined;

  constructor(options: LeaseOptions, name: string, stop: AbortSignal) {
    this.#seat = new Seat(options, name);
    this.#stop = stop;
    this.#holder = `${options.replica}.${randomId()}`;
  }

  async win(): Promise<Lease> {
    this.#stop.throwIfAborted();
    // A hint that the record was written, nothing more: what counts is read from the leader.
    let wake = (): void => undefined;
    const hints = this.#seat.options.nats.subscribe(this.#seat.subject, { callback: () => wake() });
    try {
      for (;;) {
        this.#stop.throwIfAborted();
        const hinted = new Promise<void>((done) => {
          wake = done;
        });
        const step = await this.#attempt();
        if (typeof step === "object") return step;
        await this.#pause(step, hinted);
      }
    } finally {
      hints.unsubscribe();
    }
  }

  /** The lease, or how many milliseconds to wait at most before looking again. */
  async #attempt(): Promise<Lease | number> {
    const seat = this.#seat;
    try {
      const stored = await seat.read();
      const wait = this.#waitFor(stored);
      if (wait > 0) return wait;
      const believed = seat.believed();
      const epoch = (stored?.epoch ?? 0) + 1;
      const revision = await seat.write(this.#holder, epoch, stored?.revision ?? 0);
      seat.options.log.info({ lease: seat.name, epoch }, "lease acquired");
      return hold(seat, { holder: this.#holder, epoch, revision, believed });
    } catch (error) {
      if (isGone(error)) throw new Unavailable("the bucket of leases is gone: NATS holds something else than before", { cause: error });
      if (!isConflict(error)) seat.options.log.warn({ lease: seat.name, error }, "lease cannot be asked for; trying again");
      return randomInt(50, 300);
    }
  }

  /** A record of our own name is one whose acknowledgement was lost: it is waited out like any other. */
  #waitFor(stored: Stored | undefined): number {
    if (stored === undefined || stored.holder === null) return 0;
    const now = this.#seat.monotonic();
    if (this.#seen?.revision !== stored.revision) this.#seen = { revision: stored.revision, since: now };
    return Math.max(stored.ttlMs, this.#seat.ttlMs) - (now - this.#seen.since);
  }

  async #pause(ms: number, hinted: Promise<void>): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.#stop]);
    const slept = sleep(ms, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    await Promise.race([slept, hinted]);
    over.abort();
  }
}

interface Holding {
  readonly holder: string;
  readonly epoch: number;
  readonly revision: number;
  readonly believed: Lasting;
}

const hold = (seat: Seat, won: Holding): Lease => {
  const { log } = seat.options;
  const controller = new AbortController();
  let { revision, believed } = won;
  let timer: NodeJS.Timeout | undefined;
  let renewing: Promise<void> = Promise.resolve();

  const lose = (why: string): void => {
    if (controller.signal.aborted) return;
    clearTimeout(timer);
    controller.abort(new LeaseLost(`the lease ${seat.name} (epoch ${won.epoch}) was lost: ${why}`));
    log.warn({ lease: seat.name, epoch: won.epoch, why }, "lease lost");
  };
  const check = (): boolean => {
    if (!controller.signal.aborted && believed.leftMs() <= 0) lose("it could not be renewed in time");
    return !controller.signal.aborted;
  };
  const renew = async (): Promise<void> => {
    if (!check()) return;
    const starting = seat.believed();
    try {
      revision = await seat.write(won.holder, won.epoch, revision);
      believed = starting;
    } catch (error) {
      if (isConflict(error)) await settle();
      else log.warn({ lease: seat.name, error }, "lease was not renewed; trying again");
    }
    if (check()) schedule();
  };
  /** A conflict is our own earlier renewal whose acknowledgement was lost, or a successor. */
  const settle = async (): Promise<void> => {
    try {
      const stored = await seat.read();
      if (stored?.holder === won.holder && stored.epoch === won.epoch) revision = stored.revision;
      else lose("somebody else holds it");
    } catch (error) {
      log.warn({ lease: seat.name, error }, "lease could not be read; trying again");
    }
  };
  const schedule = (): void => {
    const left = believed.leftMs();
    // Behind its rhythm it tries again soon, but never in a hot loop.
    const wait = Math.min(Math.max(left - (seat.ttlMs * 2) / 3, seat.ttlMs / 30), Math.max(left, 1));
    timer = setTimeout(() => {
      renewing = renew();
    }, wait).unref();
  };
  const release = async (): Promise<void> => {
    clearTimeout(timer);
    const wasHeld = check();
    if (wasHeld) controller.abort(new LeaseLost(`the lease ${seat.name} was released`));
    await renewing;
    if (!wasHeld) return;
    try {
      await seat.write(null, won.epoch, revision);
    } catch (error) {
      log.warn({ lease: seat.name, error }, "lease could not be released; it will run out");
    }
  };
  const lease: Lease = {
    name: seat.name,
    epoch: won.epoch,
    get lost() {
      check();
      return controller.signal;
    },
    release,
  };
  checks.set(lease, check);
  schedule();
  return lease;
};
