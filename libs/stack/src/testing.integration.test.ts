import { existsSync } from "node:fs";
import { connect } from "@nats-io/transport-node";
import { MongoClient } from "mongodb";
import { expect, test } from "vitest";
import { testMongo, throwAwayNats } from "./testing.ts";

test("a throw-away NATS keeps its port over a restart and is gone after stop", async () => {
  const nats = await throwAwayNats();
  const before = nats.pid();
  await nats.restart();
  expect(nats.pid()).not.toBe(before);
  const connection = await connect({ servers: nats.url, reconnect: false });
  expect(connection.info?.jetstream).toBe(true);
  expect(connection.info?.max_payload).toBe(1024 * 1024);
  await connection.close();
  const variables = (await (await fetch(`${nats.monitorUrl}/varz`)).json()) as { jetstream: { config: { store_dir: string } } };
  const store = variables.jetstream.config.store_dir;
  expect(existsSync(store)).toBe(true);
  await nats.stop();
  expect(existsSync(store)).toBe(false);
  await expect(fetch(nats.monitorUrl)).rejects.toThrow();
});

test("two askers share one MongoDB and never a database", async () => {
  const [one, two] = await Promise.all([testMongo(), testMongo()]);
  expect(one.url).toBe(two.url);
  expect(one.database).not.toBe(two.database);
  const client = await MongoClient.connect(one.url);
  await client.db(one.database).collection("things").insertOne({ name: "mine" });
  expect(await client.db(two.database).collection("things").countDocuments()).toBe(0);
  await client.close();
});
