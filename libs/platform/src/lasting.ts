export interface Lasting {
  /** What is left of it, ms; not above 0: it is over. */
  readonly leftMs: () => number;
}

const monotonicNow = (): number => performance.now();
const wallNow = (): number => Date.now();

/** So many milliseconds from now, by whichever clock has gone further: the monotonic one stands still while a machine is suspended, the other may be set back. */
export const lasting = (ms: number, monotonic = monotonicNow, wall = wallNow): Lasting => {
  const [began, beganWall] = [monotonic(), wall()];
  return { leftMs: () => ms - Math.max(monotonic() - began, wall() - beganWall) };
};
