import { bad, good } from "../output.ts";
import { type Answered, type Asked, healthOf, whoOf } from "../service-health.ts";

const lookEveryMs = 5_000;
/** Looks in a row at which a service was not ready: one that is started again needs a moment. */
const looksUntilTold = 2;

/** Tells one line when a service has not been ready for some seconds, with its reasons, and one when it is again. */
export const watchOver = (say: (line: string) => void) => {
  const missed = new Map<string, number>();
  const told = new Map<string, string>();
  const look = (one: Answered): void => {
    const who = whoOf(one);
    if (one.ready) {
      missed.delete(who);
      if (told.delete(who)) say(`  ${good("✓")} ${who} is ready again`);
      return;
    }
    const looks = (missed.get(who) ?? 0) + 1;
    missed.set(who, looks);
    const why = one.reasons.join("; ");
    if (looks < looksUntilTold || told.get(who) === why) return;
    told.set(who, why);
    say(`  ${bad("✗")} ${who} is not ready: ${why}`);
  };
  return (services: readonly Answered[]): void => services.forEach(look);
};

/** Looks again and again at what runs, until it is stopped. */
export const keepWatch = (services: () => readonly Asked[], say: (line: string) => void): Disposable => {
  const look = watchOver(say);
  let asking = false;
  const timer = setInterval(() => {
    if (asking) return;
    asking = true;
    void healthOf(services())
      .then(look)
      .finally(() => {
        asking = false;
      });
  }, lookEveryMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
};
