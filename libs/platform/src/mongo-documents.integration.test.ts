import { positionsCollection } from "@outrider/contracts/projector";
import { testMongo } from "@outrider/stack/testing";
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { mongoDocuments, mongoPositions } from "./mongo-documents.ts";

const created = "2026-11-21T08:00:00Z";
let client: MongoClient;
let database: string;

beforeAll(async () => {
  const mongo = await testMongo();
  database = mongo.database;
  client = await MongoClient.connect(mongo.url);
});
afterAll(async () => {
  await client.db(database).dropDatabase();
  await client.close();
});

const positionsOf = (reader: string) => mongoPositions(client.db(database), reader);

test("a position that the server has lost is noticed with the next save, and the reader goes on from what is there", async () => {
  const positions = positionsOf("loses");
  await positions.save({ created, seq: 5 }, 1);
  await positions.save({ created, seq: 8 }, 1);
  await client
    .db(database)
    .collection<{ _id: string }>(positionsCollection)
    .updateOne({ _id: "loses" }, { $set: { seq: 5 } });
  await expect(positions.save({ created, seq: 9 }, 1)).rejects.toThrow("not there any more");
  expect(await positions.load()).toEqual({ created, seq: 5 });
  await positions.save({ created, seq: 7 }, 1);
  expect(await positions.load()).toEqual({ created, seq: 7 });
});

test("a position that is gone altogether is noticed too", async () => {
  const positions = positionsOf("gone");
  await positions.save({ created, seq: 5 }, 1);
  await client.db(database).collection<{ _id: string }>(positionsCollection).deleteOne({ _id: "gone" });
  await expect(positions.save({ created, seq: 9 }, 1)).rejects.toThrow("not there any more");
  expect(await positions.load()).toBeUndefined();
});

test("a reader with a lower epoch saves nothing, and one that gets its turn again is not held to its old position", async () => {
  const one = positionsOf("turns");
  const other = positionsOf("turns");
  await one.save({ created, seq: 5 }, 1);
  await other.save({ created, seq: 8 }, 2);
  await expect(one.save({ created, seq: 6 }, 1)).rejects.toThrow();
  // One that has saved nothing yet is refused like it.
  await expect(positionsOf("turns").save({ created, seq: 6 }, 1)).rejects.toThrow("overtaken");
  expect(await other.load()).toEqual({ created, seq: 8 });
  await one.save({ created, seq: 9 }, 3);
  expect(await other.load()).toEqual({ created, seq: 9 });
});

test("a reader that was overtaken writes no document any more", async () => {
  const documentsOf = () => mongoDocuments<{ seq: number }>(client.db(database), "guarded", "guards");
  const [one, other] = [documentsOf(), documentsOf()];
  await one.write(new Map([["d", { seq: 1 }]]), 1);
  await other.write(new Map([["d", { seq: 2 }]]), 2);
  await expect(documentsOf().write(new Map([["d", { seq: 1 }]]), 1)).rejects.toThrow("overtaken");
  expect(await other.load(["d", "e"])).toEqual(new Map([["d", { seq: 2 }]]));
  await other.write(new Map([["d", undefined]]), 2);
  expect(await other.load(["d"])).toEqual(new Map());
});
