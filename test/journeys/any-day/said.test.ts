import { expect, test } from "vitest";
import type { Answer, Client } from "../../http.ts";
import { remembering, type Said } from "./said.ts";

const answerOf = (status: number): Answer => ({ status, body: {}, text: "{}" });

/** A client that writes down what it is asked, and answers all with one status. */
const clientWith = (status: number, asked: unknown[]): Client => {
  const write = async (...given: readonly unknown[]): Promise<Answer> => {
    asked.push(given);
    return answerOf(status);
  };
  return { key: "k", get: write, post: write, put: write, patch: write, remove: write, upload: write };
};

test("what was carried out is asked for again as it was, with the key that it had", async () => {
  const asked: unknown[] = [];
  const said: Said[] = [];
  const client = remembering(clientWith(200, asked), () => `key-${said.length}`, said);
  await client.post("/v1/pause");
  await client.put("/v1/hunts/h", { name: "n" });
  await client.remove("/v1/people/p/consents");
  await client.upload("/v1/imports", "a,b");
  await client.post("/v1/contacts", { text: "t" }, { "idempotency-key": "own" });
  await client.get("/v1/hunts");
  const first = asked.splice(0).slice(0, -1);
  for (const { again } of said) await again();
  expect(asked).toEqual(first);
  expect(said.map(({ what, key }) => `${what} ${key}`)).toEqual([
    "POST /v1/pause key-0",
    "PUT /v1/hunts/h key-1",
    "DELETE /v1/people/p/consents key-2",
    "POST /v1/imports key-3",
    "POST /v1/contacts own",
  ]);
});

test("what was refused is not asked for again", async () => {
  const said: Said[] = [];
  await remembering(clientWith(409, []), () => "key", said).post("/v1/runs");
  expect(said).toEqual([]);
});
