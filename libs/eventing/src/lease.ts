/** The right to be the one active reader or writer of something, with a number that grows with every change of holder. */
export interface Lease {
  readonly name: string;
  /** Fencing token: every guarded write carries it; a write with a lower one than was seen is refused. */
  readonly epoch: number;
  /** Aborted as soon as the lease is lost or can no longer be proven to be held; nothing may be written after that. */
  readonly lost: AbortSignal;
  readonly release: () => Promise<void>;
}

/** What a guarded write must know of the lease that it is made under. */
export type Held = Pick<Lease, "epoch" | "lost">;

/** Throws once the lease is lost. To be asked right before a write, and not only before what had to be read for it: a process may stand still there. */
export const assertStillHeld = ({ epoch, lost }: Held): void => {
  if (lost.aborted) throw new Error(`the lease of epoch ${epoch} is lost: another reader writes now`);
};

/** Of who alone writes, as in memory: nobody takes it over. */
export const heldAlone = (epoch: number): Held => ({ epoch, lost: new AbortController().signal });

/** Waits until it holds the lease; rejects only when `stop` is aborted. */
export type AcquireLease = (name: string, stop: AbortSignal) => Promise<Lease>;
