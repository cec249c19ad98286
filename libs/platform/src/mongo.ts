import { setTimeout as sleep } from "node:timers/promises";
import type { Db, MongoClient } from "mongodb";
import type { MongoConfig } from "./config.ts";
import type { Health } from "./health.ts";
import type { Lifecycle } from "./lifecycle.ts";

export interface Mongo {
  /** Usable at once; while MongoDB cannot be reached each operation rejects after a short wait. */
  readonly db: Db;
  readonly client: MongoClient;
}

export interface MongoHost {
  readonly name: string;
  readonly config: MongoConfig;
  readonly health: Health;
  readonly stopping: AbortSignal;
  readonly onStop: Lifecycle["onStop"];
}

/** Opens the read models' database without waiting for it: whether it can be reached is a matter of readiness, not of starting. */
export const openMongo = async (service: MongoHost): Promise<Mongo> => {
  // The driver takes a good part of a second to load; only services that use it pay for that.
  const { MongoClient } = await import("mongodb");
  const { MONGODB_URL, MONGODB_DATABASE } = service.config;
  const client = new MongoClient(MONGODB_URL, {
    appName: service.name,
    maxPoolSize: 8,
    // A busy machine may need seconds for a handshake; one that breaks off begins anew and needs them again. It is also how long the driver's
    // look whether the server lives may take: beyond it all that is under way breaks off, a pass included.
    serverSelectionTimeoutMS: 4_000,
    connectTimeoutMS: 10_000,
    heartbeatFrequencyMS: 2_000,
    retryWrites: false,
    retryReads: false,
  });
  client.on("serverHeartbeatSucceeded", () => service.health.ok("mongodb"));
  client.on("serverHeartbeatFailed", () => service.health.notReady("mongodb", "MongoDB cannot be reached"));
  service.health.notReady("mongodb", "MongoDB has not been reached yet");
  void connectInTheEnd(client, service);
  service.onStop("MongoDB", () => client.close());
  return { db: client.db(MONGODB_DATABASE), client };
};

/** The driver watches a server by itself only after it has been connected once. */
const connectInTheEnd = async (client: MongoClient, { health, stopping }: MongoHost): Promise<void> => {
  while (!stopping.aborted) {
    try {
      await client.connect();
      health.ok("mongodb");
      return;
    } catch (error) {
      health.notReady("mongodb", `MongoDB cannot be reached: ${error instanceof Error ? error.name : "unknown reason"}`);
      await sleep(500);
    }
  }
};
