import { accountId, contactId } from "@outrider/contracts/ids";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { smsCommands } from "@outrider/contracts/sms";
import { keyIds } from "@outrider/platform";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openReadingWorld, play, type ReadingWorld, type Row } from "./testing/world.ts";

const garage = accountId.parse("garage");
const key = `or_garage_${"s".repeat(43)}`;
let world: ReadingWorld;
let erasedPerson = "";

const facts = { country: "FR", lineType: "mobile" as const, zones: ["Europe/Paris"], fiction: true };
const played = [
  play(registryCommands.authenticate, () => ({ scopes: ["read" as const, "write" as const, "admin" as const] })),
  play(registryCommands.exportPerson, ({ person }) => ({
    ...{ person, number: person === erasedPerson ? "erased" : "+33639980042", events: [] },
    facts,
  })),
  play(smsCommands.answerInbound, () => ({ contact: contactId.parse("answered"), seq: 7 })),
];

beforeAll(async () => {
  world = await openReadingWorld(played);
});
afterAll(() => world.close());

const contact = (id: string, more: object): Row => ({
  ...{ _id: `garage.${id}`, account: "garage", contact: id, channel: "sms", line: "phone-1", hunt: "vans", run: "2026-11-20", step: 1 },
  ...{ purpose: "prospecting", legalBasis: "consent", noCanvassing: false, ownerType: "unknown", status: "sent" },
  ...{ reservation: "r", credits: 1, attempts: 1, requests: 1, redundant: 0, replies: 0, stopped: false, _seq: 5, ...more },
});

/** Two contacts with ann about an ad each, what she wrote, and somebody else's. */
const putConversation = async (person: string) => {
  const { keyring } = world.service;
  const seal = (text: string) => keyring.seal(`person.garage.${person}`, text);
  const of = (id: string) => `${person}-${id}`;
  const ad = (id: string, more: object) => ({
    ...{ _id: `garage.${of(id)}`, account: "garage", ad: of(id), source: "site", sourceId: id, title: `Peugeot ${id}`, person },
    ...{ ownerType: "private", noCanvassing: false, publishedAt: "x", firstSeenAt: "x", lastSeenAt: "x", changes: 0, _seq: 2, ...more },
  });
  await world.put("ads", [ad("a1", { description: await seal("Vendue par tante Olympe"), ownerName: await seal("Ann") }), ad("a2", {})]);
  const about = (id: string, hour: string, text: unknown, more: object) =>
    contact(of(id), { person, text, requestedAt: `2026-11-20T${hour}:00:00.000Z`, ...more });
  await world.put("contacts", [
    about("c1", "08", await seal("Est-elle disponible ?"), { ad: of("a1") }),
    about("c2", "12", await seal("Merci, à demain"), {}),
    contact(of("other"), { person: "somebody-else", text: { k: "k", v: "v" }, requestedAt: "2026-11-20T08:00:00.000Z" }),
  ]);
  const reply = (id: string, hour: string, text: unknown, more: object) => ({
    ...{
      _id: `garage.${of(id)}`,
      account: "garage",
      inbound: of(id),
      person,
      knownSender: true,
      text,
      at: `2026-11-20T${hour}:00:00.000Z`,
    },
    ...{ mark: "unread", answers: [], _seq: 4, ...more },
  });
  await world.put("replies", [
    reply("i1", "10", await seal("Oui, appelez-moi"), { contact: of("c1"), hunt: "vans" }),
    reply("i2", "11", await seal("Alors ?"), { knownSender: false }),
  ]);
};

test("a reply is told with the ad that it is about, and with what was written to and fro", async () => {
  await putConversation("ann");
  const listed = await world.call("GET", "/v1/replies?person=ann", { key });
  expect(listed.json.items).toMatchObject([
    { inbound: "ann-i2", knownSender: false, text: "Alors ?" },
    { inbound: "ann-i1", knownSender: true, hunt: "vans", contact: "ann-c1", ad: "ann-a1", adTitle: "Peugeot a1" },
  ]);
  expect(listed.json.items[0]).not.toHaveProperty("ad");
  const ofHunt = await world.call("GET", "/v1/replies?person=ann&hunt=vans", { key });
  expect(ofHunt.json.items.map(({ inbound }: { inbound: string }) => inbound)).toEqual(["ann-i1"]);

  const { status, json } = await world.call("GET", "/v1/replies/ann-i1", { key });
  expect(status).toBe(200);
  expect(json).toMatchObject({ inbound: "ann-i1", adTitle: "Peugeot a1", text: "Oui, appelez-moi" });
  expect(json.thread).toEqual([
    {
      at: "2026-11-20T08:00:00.000Z",
      by: "us",
      text: "Est-elle disponible ?",
      contact: "ann-c1",
      status: "sent",
      hunt: "vans",
      ad: "ann-a1",
    },
    { at: "2026-11-20T10:00:00.000Z", by: "them", text: "Oui, appelez-moi", inbound: "ann-i1", hunt: "vans" },
    { at: "2026-11-20T11:00:00.000Z", by: "them", text: "Alors ?", inbound: "ann-i2" },
    { at: "2026-11-20T12:00:00.000Z", by: "us", text: "Merci, à demain", contact: "ann-c2", status: "sent", hunt: "vans" },
  ]);
  expect((await world.call("GET", "/v1/replies/nobody-i1", { key })).status).toBe(404);
});

test("in a thread an answer stands behind what it answers, whatever the provider's clock says", async () => {
  await putConversation("cid");
  // The provider's clock is a day behind; i1 answers c1, and c2 answers i1.
  const at = "2026-11-19T10:00:00.000Z";
  await world.collection("replies").updateOne({ _id: "garage.cid-i1" }, { $set: { at, answers: ["cid-c2"] } });
  const { json } = await world.call("GET", "/v1/replies/cid-i1", { key });
  const told = json.thread.map(({ contact, inbound }: { contact?: string; inbound?: string }) => contact ?? inbound);
  expect(told).toEqual(["cid-c1", "cid-i1", "cid-i2", "cid-c2"]);
});

test("a reply that is older than the last hundred stands in its thread before them", async () => {
  await putConversation("fay");
  const text = await world.service.keyring.seal("person.garage.fay", "Alors ?");
  const later = Array.from({ length: 100 }, (_, index): Row => {
    const inbound = `fay-later-${String(index).padStart(2, "0")}`;
    const row = { account: "garage", inbound, person: "fay", knownSender: true, text, mark: "unread", answers: [], _seq: 4 };
    return { _id: `garage.${inbound}`, ...row, at: new Date(Date.UTC(2026, 10, 21, 8, index)).toISOString() };
  });
  await world.put("replies", later);
  const threadOf = async (inbound: string): Promise<string[]> => {
    const { json } = await world.call("GET", `/v1/replies/${inbound}`, { key });
    return json.thread.flatMap(({ inbound }: { inbound?: string }) => inbound ?? []);
  };
  const lastHundred = later.map(({ inbound }) => inbound);
  expect(await threadOf("fay-i1")).toEqual(["fay-i1", ...lastHundred]);
  expect(await threadOf("fay-later-42")).toEqual(lastHundred);
});

test("of an erased person no text is told, also while the key is not destroyed yet", async () => {
  await putConversation("dan");
  await putConversation("eve");
  await world.put("people", [
    { _id: "garage.dan", account: "garage", person: "dan", status: "erased", consents: 0, refusals: 0, denials: 0, _seq: 9 },
    { _id: "garage.eve", account: "garage", person: "eve", status: "opted-out", consents: 0, refusals: 0, denials: 0, _seq: 9 },
  ]);
  const textsOf = (told: readonly { readonly text: string }[]) => told.map(({ text }) => text);
  expect(textsOf((await world.call("GET", "/v1/replies?person=dan", { key })).json.items)).toEqual(["erased", "erased"]);
  const { json } = await world.call("GET", "/v1/replies/dan-i1", { key });
  expect(textsOf([json, ...json.thread])).toEqual(["erased", "erased", "erased", "erased", "erased"]);
  expect((await world.call("GET", "/v1/contacts/dan-c1", { key })).json.text).toBe("erased");

  const all: readonly { inbound: string; text: string }[] = (await world.call("GET", "/v1/replies?limit=500", { key })).json.items;
  expect(textsOf(all.filter(({ inbound }) => inbound.startsWith("eve-")))).toEqual(["Alors ?", "Oui, appelez-moi"]);
  expect((await world.call("GET", "/v1/contacts/eve-c1", { key })).json.text).toBe("Est-elle disponible ?");
});

test("what nobody's number wrote stands alone in its thread", async () => {
  const text = await world.service.keyring.seal(keyIds.account(garage), "Votre colis");
  const at = "2026-11-20T09:00:00.000Z";
  const row = { account: "garage", inbound: "shop", knownSender: false, text, at, mark: "unread", answers: [], _seq: 4 };
  await world.put("replies", [{ _id: "garage.shop", ...row }]);
  const { json } = await world.call("GET", "/v1/replies/shop", { key });
  expect(json.thread).toEqual([{ at, by: "them", text: "Votre colis", inbound: "shop" }]);
});

test("an export tells somebody's contacts, replies and ads in plain words, and nobody else's", async () => {
  await putConversation("bea");
  const { status, json } = await world.call("GET", "/v1/people/bea/export", { key });
  expect(status).toBe(200);
  expect(json).toMatchObject({
    ...{ person: "bea", number: "+33639980042", events: [] },
    contacts: [
      { contact: "bea-c2", text: "Merci, à demain" },
      { contact: "bea-c1", text: "Est-elle disponible ?", ad: "bea-a1" },
    ],
    replies: [{ inbound: "bea-i2" }, { inbound: "bea-i1", text: "Oui, appelez-moi" }],
    ads: [{ ad: "bea-a1", description: "Vendue par tante Olympe", ownerName: "Ann" }, { ad: "bea-a2" }],
  });
  expect(json.contacts).toHaveLength(2);
  expect(json).not.toHaveProperty("incomplete");
});

test("an export of an erased person opens nothing, also while the key is not destroyed yet", async () => {
  await world.service.keyring.ensure(["person.garage.gone-soon"]);
  await putConversation("gone-soon");
  const before = (await world.call("GET", "/v1/people/gone-soon/export", { key })).json;
  expect(before.replies[1].text).toBe("Oui, appelez-moi");
  erasedPerson = "gone-soon";
  const { json } = await world.call("GET", "/v1/people/gone-soon/export", { key });
  const told = [...json.contacts, ...json.replies].map(({ text }: { text: string }) => text);
  expect(told).toEqual(["erased", "erased", "erased", "erased"]);
  expect(json.ads[0]).toMatchObject({ description: "erased", ownerName: "erased" });
});

test("a reply is answered when its writer is known; a stranger's number is kept nowhere, so nothing is asked for in vain", async () => {
  const { keyring } = world.service;
  const row = (id: string) => ({
    ...{ _id: `garage.of-${id}`, account: "garage", inbound: `of-${id}`, person: id, knownSender: false, at: "2026-11-20T10:00:00.000Z" },
    ...{ text: { k: "account.garage", v: "x" }, mark: "unread", answers: [], _seq: 4 },
  });
  await keyring.ensure(["person.garage.later-known"]);
  await world.put("replies", [row("stranger"), row("later-known")]);
  const answer = (id: string) => world.call("POST", `/v1/replies/of-${id}/answer`, { key, body: { text: "Bonjour" } });
  expect(await answer("stranger")).toMatchObject({ status: 404, json: { rule: "unknown-person" } });
  const consent = await world.call("POST", "/v1/people/stranger/consents", { key, body: { source: "form", text: "Oui" } });
  expect(consent).toMatchObject({ status: 404, json: { rule: "unknown-person" } });
  expect(await keyring.stateOf("person.garage.stranger")).toBe("missing");
  expect(await answer("later-known")).toMatchObject({ status: 202, json: { contact: "answered" } });
});
