import { type ConfigOf, defineConfig, overdueShape, variable } from "@outrider/platform/config";

/** What the scheduler reads from its environment. */
export const definition = defineConfig("scheduler", {
  SCHEDULER_ASK_TIMEOUT_MS: variable
    .integer(500, 60_000)
    .default(10_000)
    .describe("milliseconds to wait for the start of a pass to be answered, 500 to 60000"),
  ...overdueShape,
});
export type SchedulerConfig = ConfigOf<typeof definition>;

/** Names that are stored in JetStream. */
export const names = {
  /** Durable of the reaction to accounts: changing it replays the whole log to it, which is harmless. */
  accounts: "scheduler-accounts",
  /** Schedules of this name: changing it leaves the old ones behind. */
  dailyRun: "daily-run",
  lookForMissed: "scheduler.daily-runs",
  actor: "scheduler",
} as const;

/** Accounts whose daily runs are looked at together. */
export const lookedAtTogether = 4;

/** What is read of other streams. */
export const filters = { accounts: ["registry.account.>"] } as const;
