import { projectorCommands } from "@outrider/contracts/projector";
import type { Follower } from "@outrider/eventing";
import { inspectionHandlers, kernelOf, openMongo, type Service, serveCommands } from "@outrider/platform";
import type { Db } from "mongodb";
import { aliasesIn } from "./aliases.ts";
import { commands } from "./commands.ts";
import type { ProjectorConfig } from "./config.ts";
import { groups } from "./groups.ts";
import type { ProjectorHost } from "./host.ts";
import { readGroup } from "./reader.ts";

/** Brings the projector up on a running service: one reader per stream. Everything ends with the service. */
export const openProjector = async (
  service: Service<ProjectorConfig>,
): Promise<{ readonly db: Db; readonly readers: readonly Follower[] }> => {
  const { config, acquireLease: acquire, clock } = service;
  const kernel = kernelOf(service);
  const { db } = await openMongo(service);
  const now = clock.realNow;
  const host: ProjectorHost = { kernel, db, aliases: aliasesIn(db, now), acquire, now, config };
  const inspected = inspectionHandlers(kernel, projectorCommands, { aggregates: {}, reactions: [] });
  await serveCommands(service, [...commands(host), ...inspected]);
  const readers = groups.map((group) => readGroup(host, group));
  service.onStop("readers", async () => {
    await Promise.all(readers.map((reader) => reader.stop()));
  });
  return { db, readers };
};
