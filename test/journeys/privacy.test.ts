import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { accountId } from "@outrider/contracts/ids";
import { subjects } from "@outrider/contracts/streams";
import { afterAll, beforeAll, expect, test } from "vitest";
import { clientOf, huntOf, ok, openShop, type Shop } from "../http.ts";
import { everyMessage } from "../messages.ts";
import { eventually, openWorld, type World } from "../world.ts";

/** Words and numbers that occur nowhere but in what people say and are. */
const secrets = {
  number: ["33639980042", "0639980042", "06 39 98 00 42", "06.39.98.00.42", "639980042"],
  name: ["Zebulonne", "Quatrecases"],
  description: ["Vendue par tante Olympe"],
  reply: ["Rappelez-moi chez ma cousine Hildegonde"],
  answer: ["Entendu Hildegonde, samedi devant le manoir"],
  vendorKey: ["vendor-key-of-secretive"],
  webhookSecret: ["webhook-secret-of-secretive"],
};

const collected: Buffer[] = [];
const collector = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    collected.push(Buffer.concat(chunks));
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
});

let world: World;
let shop: Shop;

beforeAll(async () => {
  await new Promise<void>((listening) => collector.listen(0, "127.0.0.1", listening));
  const { port } = collector.address() as AddressInfo;
  world = await openWorld({
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, LOG_LEVEL: "debug", POLL_PROVIDER_MS: "0" },
  });
  shop = await openShop(world, "secretive");
});

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  collector.close();
});

const csv = [
  "source,sourceId,title,description,phone,ownerName,ownerType,make,price,publishedAt",
  `site,1,Peugeot 207 06 39 98 00 42,Vendue par tante Olympe,06 39 98 00 42,Zebulonne Quatrecases,private,Peugeot,2500,2026-11-20T08:00:00Z`,
  `site,2,Renault Clio,"broken quote 06 39 98 00 42,0639980042,Zebulonne Quatrecases,private,Renault,2500,2026-11-20T08:00:00Z`,
  `site,3,Citroen C3,too,many,fields,06 39 98 00 42,Zebulonne Quatrecases,0639980042,private,x,y,z,2500`,
  "",
].join("\n");

test("a number, a name and what people write are in no log, span, subject, stream, error or metric", { timeout: 180_000 }, async () => {
  const { client } = shop;
  const errors: string[] = [];
  const say = (text: string) => errors.push(text);

  const hunt = huntOf({
    templates: { sms: "Bonjour {{ owner.name | default: 'vous' }}, votre {{ ad.title }} m'intéresse. STOP pour ne plus recevoir." },
  });
  ok(await client.post("/v1/hunts", hunt));
  const { body: imported } = ok(await client.upload("/v1/imports?fileName=ads%20of%20Zebulonne%20Quatrecases.csv", csv));
  await eventually("the import has ended", async () => {
    const { body } = ok(await client.get(`/v1/imports/${imported.import}`));
    return body.status === "finished" || body.status === "failed" ? body : undefined;
  });
  const { body: listed } = ok(await client.get(`/v1/imports?waitFor=${imported.seq}`));
  expect(listed.items[0].fileName).toBe("ads of Zebulonne Quatrecases.csv");
  ok(await client.post("/v1/runs", {}));
  await eventually("the message has left", async () => {
    for await (const row of world.sim.log()) if (row.operation === "sendsms" && row.accepted) return row;
    return undefined;
  });
  await world.sim.inbound({ from: "+33639980042", text: secrets.reply[0] ?? "", apiKey: "vendor-key-of-secretive" });
  const reply = await eventually("the reply is listed", async () => {
    const { body } = ok(await client.get("/v1/replies"));
    return body.items[0];
  });
  expect(reply.text).toBe(secrets.reply[0]);
  ok(await client.post(`/v1/replies/${reply.inbound ?? reply.id}/answer`, { text: secrets.answer[0] }));
  const { body: person } = ok(await client.post("/v1/people/lookup", { number: "06 39 98 00 42" }));
  ok(await client.get(`/v1/people/${person.person}/why`));
  const exported = await eventually("the export tells what was written, also the answer", async () => {
    const { body, text } = ok(await client.get(`/v1/people/${person.person}/export`));
    expect(text).toContain("33639980042");
    return body.contacts.length === 2 ? body : undefined;
  });
  expect(exported.contacts.map(({ text }: { text: string }) => text).sort()).toEqual([
    "Bonjour Zebulonne Quatrecases, votre Peugeot 207 [number] m'intéresse. STOP pour ne plus recevoir.",
    secrets.answer[0],
  ]);
  expect(exported.replies).toMatchObject([{ text: secrets.reply[0] }]);
  expect(exported.ads).toMatchObject([{ description: secrets.description[0], ownerName: "Zebulonne Quatrecases" }]);
  const { body: thread } = ok(await client.get(`/v1/replies/${reply.inbound}`));
  expect(thread).toMatchObject({ ad: exported.ads[0].ad, adTitle: exported.ads[0].title, knownSender: true });
  expect(thread.thread).toMatchObject([{ by: "us" }, { by: "them", text: secrets.reply[0] }, { by: "us", text: secrets.answer[0] }]);

  // Mistakes of callers: values where they do not belong.
  say((await client.post("/v1/people/lookup", { numbr: "06 39 98 00 42" })).text);
  say((await client.post("/v1/contacts", { number: "06 39 98 00 42", text: 7, purpose: secrets.answer[0] })).text);
  say((await client.post("/v1/people/0639980042/opt-out!", {})).text);
  say((await client.get("/v1/contacts?status=06%2039%2098%2000%2042")).text);
  say((await clientOf(world.outrider.urls.gateway ?? "", "or_secretive_wrong").get("/v1/hunts")).text);
  await eventually("the answer has left", async () => {
    for await (const row of world.sim.log()) if (row.text === secrets.answer[0]) return row;
    return undefined;
  });
  ok(await client.post(`/v1/people/${person.person}/opt-out`, {}));

  const places = new Map<string, string>();
  for (const file of readdirSync(join(world.dir, "logs"))) {
    // The simulator plays the vendor: what it is sent it may know.
    if (!file.startsWith("smsmobileapi")) places.set(`log ${file}`, readFileSync(join(world.dir, "logs", file), "utf8"));
  }
  for await (const { name, text } of everyMessage(world)) places.set(name, (places.get(name) ?? "") + text);
  for (const { name, health } of world.outrider.services()) {
    places.set(`metrics of ${name}`, await (await fetch(health.replace("/health/ready", "/metrics"))).text());
  }
  const spans = await eventually("spans of every service were exported", async () => {
    const exported = Buffer.concat(collected).toString("utf8");
    const heard = ["gateway", "scraping-ingest", "registry", "sms-sender", "hunt-allocator", "credit-ledger"];
    return heard.every((service) => exported.includes(`"stringValue":"${service}"`)) ? exported : undefined;
  });
  places.set("spans", spans);
  places.set("errors told to callers", errors.join("\n"));

  // The search can find: what may be known is there.
  expect([...places].flatMap(([place, text]) => (text.includes("secretive") ? [place] : []))).toEqual(
    expect.arrayContaining(["stream HUNTS", "stream SMS", "stream REGISTRY", "stream ADS"]),
  );
  const found = [...places].flatMap(([place, text]) =>
    Object.entries(secrets).flatMap(([what, values]) => values.filter((value) => text.includes(value)).map(() => `${what} in ${place}`)),
  );
  expect(found).toEqual([]);
});

interface Span {
  readonly service: string;
  readonly traceId: string;
  readonly name: string;
}

const spansOf = (exported: readonly Buffer[]): Span[] =>
  exported.flatMap((body) => {
    const { resourceSpans } = JSON.parse(body.toString("utf8"));
    return resourceSpans.flatMap(({ resource, scopeSpans }: never) => spansIn(resource, scopeSpans));
  });

const spansIn = (
  resource: { readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue: string } }[] },
  scopes: readonly { readonly spans: readonly { readonly traceId: string; readonly name: string }[] }[],
): Span[] => {
  const service = resource.attributes.find(({ key }) => key === "service.name")?.value.stringValue ?? "";
  return scopes.flatMap(({ spans }) => spans.map(({ traceId, name }) => ({ service, traceId, name })));
};

test("one trace leads from the request for a run through every service to the provider and the ledger", async () => {
  const path = await eventually(
    "the whole trace was exported",
    async () => {
      const spans = spansOf(collected);
      const run = spans.find(({ name }) => name === "POST /v1/runs");
      const names = spans.filter(({ traceId }) => traceId === run?.traceId).map(({ service, name }) => `${service}: ${name}`);
      const wanted = [
        "gateway: POST /v1/runs",
        "hunt-allocator: process hunts.run.{p}.{account}.{id}",
        "sms-sender: process hunts.run.{p}.{account}.{id}",
        "sms-sender: send sms",
        "registry: process cmd.registry.permit",
        "credit-ledger: process ledger.balance.{p}.{account}.{id}",
      ];
      const missing = wanted.filter((each) => !names.some((name) => name.startsWith(each)));
      if (missing.length > 0) throw new Error(`missing ${missing.join(", ")}; there are ${[...new Set(names)].join(", ")}`);
      return names;
    },
    20_000,
  );
  expect(path.length).toBeGreaterThan(6);
});

test("what caused a contact is opened by the name that its history gives it, back to the request", async () => {
  const { client } = shop;
  const historyOf = async (query: string) => ok(await client.get(`/v1/history?${query}`)).body;
  const { body: listed } = ok(await client.get(`/v1/contacts?limit=1&hunt=${await firstHunt(client)}`));
  const contact = await historyOf(`subject=${subjects.smsContact(accountId.parse("secretive"), listed.items[0].contact)}`);
  const cause: string = contact.entries[0].causation;
  expect(cause).toMatch(/^HUNTS:\d+$/);
  const allocated = await historyOf(`event=${cause}`);
  expect(allocated.subject).toMatch(/^hunts\.run\.\d\d\.secretive\./);
  expect(`HUNTS:${allocated.entries[0].seq}`).toBe(cause);
  expect(JSON.stringify(allocated.entries[0].events)).toContain(listed.items[0].contact);
  expect(allocated.entries[0].causation).toMatch(/^HUNTS:\d+$/);
  expect((await historyOf(`event=${allocated.entries[0].causation}`)).entries[0].events[0].type).toBe("PassOpened");
});

const firstHunt = async (client: Shop["client"]): Promise<string> => ok(await client.get("/v1/hunts")).body.items[0].hunt;
