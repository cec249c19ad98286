import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { smsCodec } from "@outrider/contracts/sms";
import { streams, subjects } from "@outrider/contracts/streams";
import { type Documents, ensureStream, follow, headerLines, projection } from "@outrider/eventing";
import { mongoPositions, parseConfig } from "@outrider/platform";
import { startMongo } from "@outrider/stack";
import { type Collection, type Db, MongoClient } from "mongodb";
import { definition } from "../../services/projector/src/config.ts";
import { guarded } from "../../services/projector/src/guarded.ts";
import { viewDocuments } from "../../services/projector/src/known-ids.ts";
import { contacts as view } from "../../services/projector/src/views/contacts.ts";
import { against, type Bench } from "./bench.ts";
import { freeLease, type Ground, openGround } from "./ground.ts";
import { account, at, contactsOf, life, traceparent } from "./life-of-a-contact.ts";
import { cpuMsOf } from "./processes.ts";
import { compared, inTurns, type Round, sideOf, timed } from "./rounds.ts";

interface Stored {
  readonly _id: string;
  readonly [field: string]: unknown;
}

const goal = 0.7;
/** Contacts of one page of allocations: their steps come after one another, as in a run. */
const page = 500;
/** As many as the projector puts into one bulk. */
const bulk = 1000;

const defaults = () => {
  const parsed = parseConfig(definition, { NATS_URL: "nats://127.0.0.1:1", MONGODB_URL: "mongodb://127.0.0.1:1" });
  if (!parsed.ok) throw new Error(parsed.problems.join("\n"));
  return parsed.config;
};

const fill = async ({ kernel: { publisher }, jsm }: Ground, contacts: number): Promise<void> => {
  await ensureStream(jsm, streams.sms);
  const ids = contactsOf(contacts);
  for (let from = 0; from < ids.length; from += page) {
    for (const [step, make] of life.entries()) {
      const stored = ids.slice(from, from + page).map((id) => {
        const lines = headerLines({ commandId: `step:${id}:${step}`, at, executionId: crypto.randomUUID(), traceparent });
        return publisher.publish(subjects.smsContact(account, id), smsCodec.encode(at, [make(id)]), lines, 60_000);
      });
      await Promise.all(stored);
    }
  }
};

const indexed = async (db: Db, name: string): Promise<Collection<Stored>> => {
  const collection = db.collection<Stored>(name);
  await collection.createIndexes(view.indexes.map((key) => ({ key: { ...key } })));
  return collection;
};

/** Counts what a reader writes. */
const counted = <Document>(documents: Documents<Document>): Documents<Document> & { readonly writes: () => number } => {
  let writes = 0;
  return {
    load: documents.load,
    write: (changed, epoch) => {
      writes += changed.size;
      return documents.write(changed, epoch);
    },
    writes: () => writes,
  };
};

/** The projector's own way with its own numbers: follow, fold, load what is missing, bulk-write, then the position. Answers the writes. */
const ours = async ({ kernel }: Ground, db: Db, name: string, messages: number): Promise<number> => {
  const config = defaults();
  const documents = counted(viewDocuments(db, name, name));
  const stumbled = (): never => {
    throw new Error("the view could not fold a message");
  };
  const into = projection(guarded(view, stumbled), documents, { cache: config.PROJECTOR_CACHE_DOCUMENTS });
  const done = Promise.withResolvers<void>();
  const options = { name, stream: streams.sms.name, codec: smsCodec, positions: mongoPositions(db, name), acquire: freeLease };
  const paces = { batch: config.PROJECTOR_BATCH_MESSAGES, lingerMs: config.PROJECTOR_LINGER_MS };
  const follower = follow(kernel, { ...options, ...paces }, async (batch, lease) => {
    await into.apply(batch, lease);
    if (batch.at(-1)?.revision === messages) done.resolve();
  });
  await done.promise;
  void follower.stop();
  return documents.writes();
};

const raw = async (collection: Collection<Stored>, documents: readonly Stored[]): Promise<void> => {
  for (let from = 0; from < documents.length; from += bulk) {
    const operations = documents.slice(from, from + bulk).map(({ _id, ...replacement }) => ({
      replaceOne: { filter: { _id }, replacement, upsert: true },
    }));
    await collection.bulkWrite(operations, { ordered: false });
  }
};

export const project: Bench = {
  name: "project",
  about: "the projector's view of contacts, against raw unordered bulkWrite of the same final documents",
  run: async ({ projected: count, rounds }, tell) => {
    await using stack = new AsyncDisposableStack();
    const dir = await mkdtemp(join(tmpdir(), "outrider-bench-mongo-"));
    stack.defer(() => rm(dir, { recursive: true, force: true }));
    const server = stack.use(await startMongo({ dir }));
    const ground = stack.use(await openGround());
    const client = await MongoClient.connect(server.url, { retryWrites: false, retryReads: false });
    stack.defer(() => client.close());
    const db = client.db("outrider_bench");
    stack.defer(async () => void (await db.dropDatabase()));
    const messages = count * life.length;
    await fill(ground, count);
    const pid = server.pid();
    const cpuMs = (): number => ground.serverCpuMs() + (pid === undefined ? 0 : (cpuMsOf(pid) ?? 0));
    let documents: readonly Stored[] = [];
    let writes = 0;
    const told = (name: string, round: number, took: Round): Round => {
      tell(`${name} ${round === 0 ? "warming up" : `round ${round}`}: ${Math.round(count / (took.ms / 1000))} documents/s`);
      return took;
    };
    const oursSide = async (round: number): Promise<Round> => {
      const collection = await indexed(db, `ours-${round}`);
      const took = await timed(async () => {
        writes = await ours(ground, db, `ours-${round}`, messages);
      }, cpuMs);
      const made = new Map((await collection.find().toArray()).map((document) => [document._id, document]));
      if (made.size !== count) throw new Error(`${made.size} documents were made, not ${count}`);
      // In the order in which they came to be: written in the order of their ids, both would be faster, and nobody's documents come like that.
      documents = contactsOf(count).flatMap((contact) => made.get(`${account}.${contact}`) ?? []);
      if (documents.length !== count) throw new Error("a document is not one of the contacts'");
      await collection.drop();
      return told("ours", round, took);
    };
    const rawSide = async (round: number): Promise<Round> => {
      const collection = await indexed(db, `raw-${round}`);
      const took = await timed(() => raw(collection, documents), cpuMs);
      await collection.drop();
      return told("raw", round, took);
    };
    const [oursTook, rawTook] = await inTurns(rounds, [oursSide, rawSide]);
    const [mine, theirs] = [sideOf(oursTook, count), sideOf(rawTook, count)];
    const figures = compared(mine, theirs);
    return {
      figures: { ...figures, documents: count, writes },
      tables: [
        {
          title: `${count} documents out of ${messages} messages, the same indexes on both; rates are documents a second`,
          head: ["", "median /s", "best /s", "CPU µs a document (all processes)", "writes"],
          rows: [
            ["ours", mine.median, mine.best, mine.cpuMicrosPerItem, writes],
            ["raw", theirs.median, theirs.best, theirs.cpuMicrosPerItem, count],
          ],
        },
      ],
      notes: [`ours / raw: ${against(figures.ratio, goal)}; of the best rounds ${figures.bestRatio}, by CPU time ${figures.cpuRatio}`],
    };
  },
};
