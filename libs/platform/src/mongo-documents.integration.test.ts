import { positionsCollection } from "@outrider/contracts/projector";
import { type Held, heldAlone } from "@outrider/eventing";
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
  await one.write(new Map([["d", { seq: 1 }]]), heldAlone(1));
  await other.write(new Map([["d", { seq: 2 }]]), heldAlone(2));
  await expect(documentsOf().write(new Map([["d", { seq: 1 }]]), heldAlone(1))).rejects.toThrow("overtaken");
  expect(await other.load(["d", "e"])).toEqual(new Map([["d", { seq: 2 }]]));
  await other.write(new Map([["d", undefined]]), heldAlone(2));
  expect(await other.load(["d"])).toEqual(new Map());
});

test("a reader that stood still writes nothing after its lease was lost, at whatever step, though its epoch had written before", async () => {
  const documentsOf = () => mongoDocuments<{ seq: number }>(client.db(database), "stood", "stands");
  const [one, other] = [documentsOf(), documentsOf()];
  /** A lease that is lost once it has been asked so often. */
  const lostAfter = (epoch: number, asked: number): Held => ({
    epoch,
    get lost() {
      return --asked < 0 ? AbortSignal.abort() : new AbortController().signal;
    },
  });
  // While it raised its epoch, which is what a first write does.
  await expect(one.write(new Map([["d", { seq: 1 }]]), lostAfter(1, 0))).rejects.toThrow("lost");
  expect(await other.load(["d"])).toEqual(new Map());
  await one.write(new Map([["d", { seq: 1 }]]), heldAlone(1));
  await other.write(new Map([["d", { seq: 2 }]]), heldAlone(2));
  await expect(one.write(new Map([["d", { seq: 1 }]]), lostAfter(1, 0))).rejects.toThrow("lost");
  expect(await other.load(["d"])).toEqual(new Map([["d", { seq: 2 }]]));
  // Between two bulks of one write.
  const many = new Map(Array.from({ length: 1001 }, (_, id) => [String(id).padStart(4, "0"), { seq: 3 }]));
  await expect(other.write(many, lostAfter(2, 1))).rejects.toThrow("lost");
  expect(await other.load(["0999", "1000"])).toEqual(new Map([["0999", { seq: 3 }]]));
});
