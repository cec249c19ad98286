import { Cron } from "croner";
import { type DailyRun, missedMs } from "./daily-run.ts";

const sundays: Readonly<Record<string, string>> = { "7": "0" };

/**
 * The five fields of a policy as JetStream takes them: six, with seconds, Sunday as 0. Undefined when it is no cron of five fields that ever
 * comes due.
 */
export const sixFields = (cron: string): string | undefined => {
  const fields = cron.trim().split(/\s+/);
  if (fields.length !== 5) return undefined;
  const weekday = (fields[4] ?? "*").replace(/(?<![\d/])7(?!\d)/g, (seven) => sundays[seven] ?? seven);
  try {
    const six = ["0", ...fields.slice(0, 4), weekday].join(" ");
    return new Cron(six, { mode: "6-part", paused: true }).nextRun() === null ? undefined : six;
  } catch {
    return undefined; // croner throws for what it cannot read
  }
};

/** The first moment after `after` at which the day begins, by the clock that `after` was read from. Undefined: never. */
export const nextRun = ({ cron, timeZone }: Pick<DailyRun, "cron" | "timeZone">, after: string): string | undefined => {
  const six = sixFields(cron);
  if (six === undefined) return undefined;
  const job = new Cron(six, { mode: "6-part", timezone: timeZone, paused: true });
  return job.nextRun(new Date(after))?.toISOString();
};

/** A cron that comes due more often than every minute cannot be written. */
const mostRunsADay = 1440;

/** The last moment up to `by`, within the day before it, at which a day should have begun, by what the account wanted at that moment. */
export const lastRun = ({ timeZone, ...daily }: Omit<DailyRun, "enabled">, by: string): string | undefined => {
  for (const { cron, since, until } of [{ ...daily, until: by }, ...daily.before]) {
    if (sixFields(cron) === undefined) return undefined; // nothing was armed then, so nothing of before was lost
    const from = Math.max(Date.parse(by) - missedMs, Date.parse(since));
    const last = lastBetween({ cron, timeZone }, new Date(from).toISOString(), until);
    if (last !== undefined) return last;
  }
  return undefined;
};

const lastBetween = (daily: Pick<DailyRun, "cron" | "timeZone">, from: string, until: string): string | undefined => {
  let last: string | undefined;
  let next = nextRun(daily, from);
  for (let runs = 0; next !== undefined && next <= until && runs < mostRunsADay; runs++) {
    last = next;
    next = nextRun(daily, next);
  }
  return last;
};

/** What JetStream is asked to keep for a daily run, so that what is armed can be compared with what is wanted. */
export type Alarm =
  | { readonly kind: "cron"; readonly cron: string; readonly timeZone: string }
  | { readonly kind: "at"; readonly cron: string; readonly timeZone: string; readonly next: string; readonly offsetMs: number };

/**
 * With the server's own clock a cron does; when the sandbox's clock differs, each moment is computed and armed by itself. Undefined when
 * there is nothing to arm.
 */
export const alarmOf = (daily: DailyRun | undefined, offsetMs: number, after: string): Alarm | undefined => {
  if (daily === undefined || !daily.enabled) return undefined;
  const { cron, timeZone } = daily;
  const next = nextRun(daily, after);
  if (next === undefined) return undefined;
  return offsetMs === 0 ? { kind: "cron", cron, timeZone } : { kind: "at", cron, timeZone, next, offsetMs };
};

/** Whether what is armed will still do what is wanted: an armed moment that has passed is about to come, and must not be pushed away. */
export const stillGood = (armed: Alarm | undefined, wanted: Alarm | undefined): boolean => {
  if (armed === undefined || wanted === undefined) return armed === wanted;
  if (armed.cron !== wanted.cron || armed.timeZone !== wanted.timeZone) return false;
  return armed.kind === "cron" ? wanted.kind === "cron" : wanted.kind === "at" && armed.offsetMs === wanted.offsetMs;
};
