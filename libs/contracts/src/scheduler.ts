import { z } from "zod";
import { defineCommand, inspection } from "./commands.ts";
import { accountId } from "./ids.ts";

export const schedulerCommands = {
  /** The account's daily run as it is armed, and when it comes next. */
  dailyRun: defineCommand(
    "scheduler",
    "daily-run",
    z.object({ account: accountId }),
    z.object({ armed: z.boolean(), cron: z.string().optional(), timeZone: z.string().optional(), next: z.string().optional() }),
  ),
  ...inspection("scheduler"),
} as const;
