import { accountCodec } from "@outrider/contracts/registry";
import { schedulerCommands } from "@outrider/contracts/scheduler";
import { streams } from "@outrider/contracts/streams";
import { aggregate, jetStreamStore } from "@outrider/eventing";
import { inspectionHandlers, kernelOf, ownStreams, type Service, serveCommands, watchAccounts } from "@outrider/platform";
import { alarmsOf } from "./alarms.ts";
import { commands } from "./commands.ts";
import type { SchedulerConfig } from "./config.ts";
import { dailyRun } from "./daily-run.ts";
import { lookForMissed } from "./missed.ts";
import { armDailyRuns, startDailyRuns } from "./reactions.ts";

/** Brings the scheduler up on a running service. Everything ends with the service. */
export const openScheduler = async (service: Service<SchedulerConfig>): Promise<void> => {
  const { clock, ask, config } = service;
  const kernel = kernelOf(service);
  await ownStreams(service);
  const { jsm, publisher } = kernel;
  const dailyRuns = aggregate(jetStreamStore({ jsm, publisher, stream: streams.registry.name, codec: accountCodec }), dailyRun);
  const alarms = alarmsOf(kernel, dailyRuns, clock);
  const accounts = watchAccounts(kernel);
  const parts = { kernel, alarms, dailyRuns, clock, ask, config };
  const reactions = [armDailyRuns(parts), startDailyRuns(parts)];
  const inspected = inspectionHandlers(kernel, schedulerCommands, { aggregates: {}, reactions });
  await serveCommands(service, [...commands(alarms, dailyRuns, clock), ...inspected]);
  service.onStop("readers", async () => {
    await Promise.all([...reactions, accounts].map((reader) => reader.stop()));
  });
  lookForMissed(service, parts, accounts);
};
