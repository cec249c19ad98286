import fc from "fast-check";
import { type Collection, MongoClient } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startMongo } from "./mongo.ts";
import { temporaryFolder } from "./test-world.ts";

interface Row {
  readonly _id: string;
  readonly account?: unknown;
  readonly person?: unknown;
  readonly at?: number;
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: Awaited<ReturnType<typeof startMongo>>;
let client: MongoClient;

beforeAll(async () => {
  folder = await temporaryFolder();
  const { MONGODB_URL: _ignored, ...env } = process.env;
  server = await startMongo({ dir: folder.path, env });
  client = await MongoClient.connect(server.url, { retryWrites: false });
});

afterAll(async () => {
  await client.close();
  await server.stop();
  await folder[Symbol.asyncDispose]();
});

const account = fc.oneof(
  fc.constantFrom<unknown>("a", "ab", "b", "é", null, 7, 7.5, true),
  fc.constant(["a", "b"]),
  fc.constant({ account: "a" }),
  fc.constant(undefined),
);
const person = fc.constantFrom<unknown>("p", "q", "", null, undefined, 1);
const row = fc.record({ _id: fc.constantFrom(..."123456789"), account, person, at: fc.nat(3) });
const change = fc.oneof(
  fc.record({ replace: row }),
  fc.record({ set: row }),
  fc.record({ remove: fc.constantFrom(..."123456789") }),
  fc.record({ removeAll: fc.constantFrom("a", "b") }),
);

const without = <T extends object>(values: T): T =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;

const apply = async (collection: Collection<Row>, each: typeof change extends fc.Arbitrary<infer T> ? T : never): Promise<void> => {
  if ("replace" in each) {
    const { _id, ...rest } = without(each.replace);
    await collection.replaceOne({ _id }, rest, { upsert: true });
  } else if ("set" in each) {
    const { _id, ...rest } = without(each.set);
    await collection.updateOne({ _id }, { $set: rest });
  } else if ("remove" in each) await collection.deleteOne({ _id: each.remove });
  else await collection.deleteMany({ account: each.removeAll });
};

const answers = (collection: Collection<Row>) =>
  Promise.all([
    ...["a", "ab", "b", "é", "none"].map((name) => collection.find({ account: name }).sort({ _id: 1 }).toArray()),
    collection.find({ account: "a", person: "p" }).sort({ _id: -1 }).toArray(),
    collection
      .find({ account: "b", person: { $in: ["p", null] } })
      .sort({ _id: 1 })
      .toArray(),
    collection
      .find({ account: "a", at: { $gte: 2 } })
      .sort({ at: 1, _id: 1 })
      .toArray(),
    collection.find({ account: null }).sort({ _id: 1 }).toArray(),
    collection
      .find({ account: { $ne: "a" } })
      .sort({ _id: 1 })
      .toArray(),
    collection.countDocuments({ account: "a" }),
  ]);

const create = (collection: Collection<Row>) => collection.createIndex({ account: 1, person: 1, at: -1 });

test("a collection answers the same with an index and without", async () => {
  const database = client.db("indexes");
  let turn = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 40 }), fc.boolean(), async (changes, indexedFirst) => {
      turn += 1;
      const [indexed, plain] = [database.collection<Row>(`indexed-${turn}`), database.collection<Row>(`plain-${turn}`)];
      if (indexedFirst) await create(indexed);
      for (const each of changes) {
        await apply(plain, each);
        await apply(indexed, each);
      }
      if (!indexedFirst) await create(indexed);
      expect(await answers(indexed)).toEqual(await answers(plain));
    }),
    { numRuns: 150 },
  );
}, 60_000);

test("after kill -9 in the middle of writing an index names what is there, no more and no less", async () => {
  const rows = client.db("killed").collection<Row>("rows");
  await create(rows);
  await rows.createIndex({ account: 1, at: 1 });
  const killed = new Promise<void>((done) => setTimeout(done, 1_500)).then(() => server.restart());
  const names = ["a0", "a1", "a2", "a3", "a4"];
  try {
    for (let from = 0; ; from += 100) {
      await rows.insertMany(Array.from({ length: 100 }, (_, at) => ({ _id: String(from + at), account: names[at % 5], person: `p${at}` })));
      await rows.updateMany({ _id: { $in: [String(from), String(from + 1)] } }, { $set: { account: "a4" } });
      await rows.deleteMany({ account: "a3", person: "p98" });
    }
  } catch (error) {
    expect(error).toMatchObject({ name: expect.stringMatching(/^(Mongo|Pool)/) });
  }
  await killed;
  const again = await MongoClient.connect(server.url, { retryWrites: false });
  try {
    const after = again.db("killed").collection<Row>("rows");
    expect(await after.countDocuments()).toBeGreaterThan(0);
    for (const name of names) {
      // With `$in` the server looks through all documents.
      const all = await after
        .find({ account: { $in: [name] } })
        .sort({ _id: 1 })
        .toArray();
      expect(await after.find({ account: name }).sort({ _id: 1 }).toArray()).toEqual(all);
    }
  } finally {
    await again.close();
  }
});
