/** The right to be the one active reader or writer of something, with a number that grows with every change of holder. */
export interface Lease {
  readonly name: string;
  /** Fencing token: every guarded write carries it; a write with a lower one than was seen is refused. */
  readonly epoch: number;
  /** Aborted as soon as the lease is lost or can no longer be proven to be held; nothing may be written after that. */
  readonly lost: AbortSignal;
  readonly release: () => Promise<void>;
}

/** Waits until it holds the lease; rejects only when `stop` is aborted. */
export type AcquireLease = (name: string, stop: AbortSignal) => Promise<Lease>;
