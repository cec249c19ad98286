/** The one clock of a service. Rules and schedules live in sandbox time; timers, deadlines, signatures, logs and spans in real time. */
export interface Clock {
  /** Sandbox time as an ISO instant. In live mode the same as real time. */
  readonly now: () => string;
  /** Sandbox time in epoch milliseconds. */
  readonly nowMs: () => number;
  /** The real moment at which the sandbox's clock shows `iso`: what timers wait for. Throws a RangeError when it is no instant. */
  readonly toReal: (iso: string) => Date;
  /** Real time as an ISO instant. */
  readonly realNow: () => string;
  readonly realNowMs: () => number;
  readonly offsetMs: number;
}

/** `offsetMs` is added here and nowhere else. */
export const createClock = (offsetMs: number, real: () => number = Date.now): Clock => ({
  now: () => new Date(real() + offsetMs).toISOString(),
  nowMs: () => real() + offsetMs,
  toReal: (iso) => {
    const at = Date.parse(iso);
    if (Number.isNaN(at)) throw new RangeError("the given text is not an instant");
    return new Date(at - offsetMs);
  },
  realNow: () => new Date(real()).toISOString(),
  realNowMs: real,
  offsetMs,
});
