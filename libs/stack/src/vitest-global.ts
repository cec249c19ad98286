import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { MongoClient } from "mongodb";
import { messageOf } from "./stack-error.ts";
import { MONGO_DESK, startTestMongo } from "./testing.ts";

/**
 * One MongoDB for a whole test run, started only when a test asks: workers ask over HTTP, for they are other processes. At the end
 * it is stopped; of a MongoDB that is somebody else's, the databases handed out are dropped.
 */
export async function setup(): Promise<() => Promise<void>> {
  let started: ReturnType<typeof startTestMongo> | undefined;
  const databases: string[] = [];
  const desk = createServer((request, response) => {
    databases.push((request.url ?? "/").slice(1));
    started ??= startTestMongo();
    started.then(
      ({ url }) => response.end(url),
      (error: unknown) => response.writeHead(500).end(messageOf(error)),
    );
  });
  await new Promise<void>((resolve) => desk.listen(0, "127.0.0.1", resolve));
  const { port } = desk.address() as AddressInfo;
  process.env[MONGO_DESK] = `http://127.0.0.1:${port}`;
  return async () => {
    desk.close();
    desk.closeAllConnections();
    const mongo = await started?.catch(() => undefined);
    if (mongo === undefined) return;
    if (mongo.external) await drop(mongo.url, databases);
    await mongo.stop();
  };
}

async function drop(url: string, databases: readonly string[]): Promise<void> {
  const client = await MongoClient.connect(url);
  try {
    for (const database of databases) await client.db(database).dropDatabase();
  } finally {
    await client.close();
  }
}
