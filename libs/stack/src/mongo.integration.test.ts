import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startMongo } from "./mongo.ts";
import { findMongo } from "./mongo-binary.ts";
import { checkJars } from "./mongo-embedded.ts";
import { temporaryFolder, write, writeProgram } from "./test-world.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeEach(async () => {
  folder = await temporaryFolder();
});

afterEach(() => folder[Symbol.asyncDispose]());

/** A release host on this machine that answers with `archive`, and says that its sum is that of `promised`; without one it says no. */
async function releaseHost(archive?: string, promised = archive) {
  const host = createServer((request, response) => {
    const sum = createHash("md5").update(promised ?? "");
    const body = request.url?.endsWith(".md5") ? `${sum.digest("hex")}  mongod.tgz` : archive;
    if (body === undefined) response.writeHead(404).end();
    else response.writeHead(200, { "content-length": body.length }).end(body);
  }).listen(0, "127.0.0.1");
  await once(host, "listening");
  const address = host.address();
  const found = {
    MONGOMS_DOWNLOAD_MIRROR: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    MONGOMS_USE_HTTP: "true",
  };
  for (const [name, value] of Object.entries(found)) vi.stubEnv(name, value);
  return {
    env: { ...found, PATH: join(folder.path, "bin"), OUTRIDER_CACHE: join(folder.path, "cache") },
    [Symbol.asyncDispose]: async () => {
      vi.unstubAllEnvs();
      host.closeAllConnections();
      await new Promise((closed) => host.close(closed));
    },
  };
}
const cached = () => readdir(join(folder.path, "cache")).catch(() => []);

test("keeps what was written over an ordinary end, and comes back on its port after kill -9", async () => {
  const { MONGODB_URL: _ignored, ...env } = process.env;
  const first = await startMongo({ dir: folder.path, env });
  const write = await MongoClient.connect(first.url);
  await write.db("test").collection<{ _id: string; turn: number }>("documents").insertOne({ _id: "a", turn: 1 });
  await write.close();
  await first.stop();

  await using server = await startMongo({ dir: folder.path, env });
  const before = server.pid();
  await Promise.all([server.restart(), server.restart()]);
  expect(server.pid()).not.toBe(before);
  const read = await MongoClient.connect(server.url);
  expect(await read.db("test").collection<{ _id: string; turn: number }>("documents").findOne({ _id: "a" })).toEqual({ _id: "a", turn: 1 });
  await read.close();
  await expect(startMongo({ dir: folder.path, env })).rejects.toThrow(/data folder is in use/);
});

test("names what is missing when no MongoDB is to be had, and asks the network only once a day", async () => {
  const env = { PATH: join(folder.path, "bin"), OUTRIDER_CACHE: join(folder.path, "cache") };
  const name = `mongod-8.2.6-${process.platform}-${process.arch}.unreachable`;
  await write(join(folder.path, "cache", name), "it was blocked a moment ago\n");
  const before = performance.now();
  await expect(findMongo({ env })).rejects.toThrow(/the embedded one lacks a Java 17 JDK and Maven: install MongoDB 5\.0\.0 or later/);
  expect(performance.now() - before).toBeLessThan(2_000);
  await writeProgram(join(folder.path, "bin", "mongod"), 'echo "db version v4.2.1"');
  await expect(findMongo({ env })).rejects.toMatchObject({
    code: "too-old",
    message: expect.stringMatching(/^mongod 4\.2\.1 on the PATH is too old/),
  });
  const path = await writeProgram(join(folder.path, "bin", "mongod"), 'echo "db version v8.0.4"');
  expect(await findMongo({ env })).toEqual({ kind: "mongod", path, version: "8.0.4", from: "path" });
});

test.each([
  ["that is not what its sum says", "altered", "original"],
  ["that is no archive", "no archive", "no archive"],
])("a download %s is refused in one sentence, and nothing is kept or remembered of it", async (_, archive, promised) => {
  await using host = await releaseHost(archive, promised);
  await expect(findMongo({ env: host.env })).rejects.toMatchObject({
    name: "StackError",
    code: "corrupt-download",
    message: expect.stringMatching(
      /^What came as MongoDB 8\.2\.6 is damaged or not that release: start again, and if that does not help, install/,
    ),
  });
  expect(await cached()).toEqual([]);
});

test("a host that has no download is not asked again for a day, and another way is tried", async () => {
  await using host = await releaseHost();
  await expect(findMongo({ env: host.env })).rejects.toMatchObject({ code: "missing-tool" });
  expect(await cached()).toEqual([`mongod-8.2.6-${process.platform}-${process.arch}.unreachable`]);
});

test("refuses a jar that is not the pinned one, one that is missing, and one too many", async () => {
  await write(join(folder.path, "a.jar"), "abc");
  const sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  await checkJars(folder.path, `${sum}  a.jar\n`);
  await expect(checkJars(folder.path, `${sum}  a.jar\n${sum}  b.jar\n`)).rejects.toThrow(/b\.jar is not the one that Outrider pins/);
  await expect(checkJars(folder.path, `${sum.replace("b", "c")}  a.jar\n`)).rejects.toMatchObject({ code: "corrupt-download" });
  await write(join(folder.path, "b.jar"), "abc");
  await expect(checkJars(folder.path, `${sum}  a.jar\n`)).rejects.toThrow(/b\.jar/);
});

test("kill -9 in the middle of writing leaves every document to be found and written again", async () => {
  const { MONGODB_URL: _ignored, ...env } = process.env;
  const server = await startMongo({ dir: folder.path, env });
  const client = new MongoClient(server.url, { serverSelectionTimeoutMS: 5000, retryWrites: false });
  const documents = client.db("test").collection<{ _id: string; round: number }>("documents");
  const upserts = (round: number, from: number) =>
    Array.from({ length: 200 }, (_, index) => {
      const _id = String(from + index);
      return { replaceOne: { filter: { _id }, replacement: { _id, round }, upsert: true } };
    });
  await client.connect(); // a client that has never been connected stays closed after a kill
  let highest = 0;
  for (let round = 1; round <= 3; round++) {
    const killed = new Promise<void>((done) => setTimeout(done, 700 + round * 130)).then(() => server.restart());
    try {
      // New documents all the time: a new one is in two maps, and a kill may come between them.
      for (let from = highest; ; from += 200) {
        highest = from + 200;
        await documents.bulkWrite(upserts(round, from), { ordered: false });
      }
    } catch (error) {
      expect(error).toMatchObject({ name: expect.stringMatching(/^(Mongo|Pool)/) });
    }
    await killed;
    for (let from = 0; from < highest; from += 200) await documents.bulkWrite(upserts(round, from), { ordered: false });
    expect(await documents.countDocuments()).toBe(highest);
  }
  await client.close();
  await server.stop();
}, 180_000);
