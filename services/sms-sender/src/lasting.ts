export interface Lasting {
  /** What is left of it, ms; not above 0: it is over. */
  readonly leftMs: () => number;
}

/** So many milliseconds from now, by whichever clock has gone further: the monotonic one stands still while a machine is suspended, the other may be set back. */
export const lasting = (ms: number): Lasting => {
  const [monotonic, wall] = [performance.now(), Date.now()];
  return { leftMs: () => ms - Math.max(performance.now() - monotonic, Date.now() - wall) };
};
