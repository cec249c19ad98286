import { testMongo } from "@outrider/stack/testing";
import { MongoClient } from "mongodb";
import { expect, test } from "vitest";
import { aliasesIn } from "./aliases.ts";

test("a new collection serves once: not by a reader that was overtaken, and not when its build is not wanted any more", async () => {
  const { url, database } = await testMongo();
  const client = await MongoClient.connect(url);
  const aliases = aliasesIn(client.db(database), () => "2026-11-20T10:00:00.000Z");
  const view = { name: "contacts", version: 1 } as const;
  const now = async () => {
    const alias = (await aliases.load([view], true)).get("contacts");
    if (alias === undefined) throw new Error("it was made");
    return alias;
  };
  const first = await now();
  const build = await aliases.want(view);
  expect(await aliases.want(view)).toEqual(build);
  expect(await aliases.swap(first, build, 2, undefined)).toBe(true);
  expect(await now()).toMatchObject({ collection: build.collection, epoch: 2, previous: { collection: first.collection } });
  expect(await aliases.swap(first, build, 3, undefined)).toBe(false);

  const second = await now();
  const next = await aliases.want(view);
  expect(next.collection).not.toBe(build.collection);
  expect(await aliases.swap(second, next, 1, undefined)).toBe(false);
  expect(await now()).toMatchObject({ collection: build.collection, epoch: 2, building: next });
  expect(await aliases.swap(second, next, 2, undefined)).toBe(true);
  expect(await now()).toMatchObject({ collection: next.collection, epoch: 2 });
  await client.db(database).dropDatabase();
  await client.close();
});
