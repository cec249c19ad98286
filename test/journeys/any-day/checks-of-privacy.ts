import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { personId } from "@outrider/contracts/ids";
import { keyIds } from "@outrider/platform";
import { MongoClient } from "mongodb";
import { type Problem, peopleBehind } from "../../chaos/verdict.ts";
import { type Answer, ok } from "../../http.ts";
import { everyMessage } from "../../messages.ts";
import { eventually, type World } from "../../world.ts";
import { ended } from "./checks-of-answers.ts";
import { database } from "./checks-of-readers.ts";
import { accountOf, type Day, type House, numberOf, personal } from "./day.ts";

/** A personal word, or a number of this day (its owners' and its strangers') as it is written abroad or at home, with or without spaces. */
const anything = new RegExp(`${personal}\\d* ?\\S*|(?:33|\\b0)[ .]?6[ .]?39[ .]?98[ .]?\\d\\d[ .]?\\d\\d`, "i");

/** Numbers, names and texts are in no read model, no stream and no log; what is an erased person's cannot be opened any more. */
export const nothingPersonal = async (day: Day): Promise<readonly Problem[]> => {
  const problems: Problem[] = [];
  for await (const { place, text } of places(day.world)) {
    const found = anything.exec(text);
    if (found !== null) problems.push({ what: `"${text.slice(Math.max(0, found.index - 120), found.index + 60)}" is in ${place}` });
  }
  for (const house of day.houses) problems.push(...(await erasedIn(day, house)));
  return problems;
};

async function* places(world: World): AsyncGenerator<{ readonly place: string; readonly text: string }> {
  const { dir, outrider } = world;
  for (const file of readdirSync(join(dir, "logs"))) {
    // The simulator plays the vendor: what it is sent it may know.
    if (!file.startsWith("smsmobileapi")) yield { place: `the log ${file}`, text: readFileSync(join(dir, "logs", file), "utf8") };
  }
  await using mongo = await MongoClient.connect(outrider.urls.mongodb);
  for (const { name } of await mongo.db(database).listCollections().toArray()) {
    for await (const document of mongo.db(database).collection(name).find()) {
      yield { place: `the collection ${name}`, text: JSON.stringify(document) };
    }
  }
  for await (const { name, text } of everyMessage(world)) yield { place: `the ${name}`, text };
}

/** By the API at once; once the grace is over the key is gone, too. */
const erasedIn = async ({ world, patient }: Day, house: House): Promise<readonly Problem[]> => {
  const account = accountOf(house);
  const gone = [...house.erased].map(numberOf);
  const problems: Problem[] = [];
  for (const [number, person] of await peopleBehind(world, account, gone)) {
    const whose = `${person} of ${account}, who was erased`;
    const kept = await keptOf(house, person);
    for (const [where, text] of kept.shown) {
      const told = anything.exec(text);
      if (told !== null) problems.push({ what: `${where} of ${whose} tells "${told[0]}"` });
    }
    for (const [where, text] of kept.texts) if (text !== "erased") problems.push({ what: `the text of ${where} of ${whose} is "${text}"` });
    const refused = await notWrittenTo(house, number);
    if (refused !== undefined) problems.push({ what: `a contact with ${whose} was ${refused}` });
    if (patient && (await world.keyring.stateOf(keyIds.person(account, personId.parse(person)))) !== "destroyed") {
      problems.push({ what: `the key of ${whose} is still there` });
    }
  }
  return problems;
};

/**
 * A replica may remember somebody for half of the key's grace, and take a request that then ends gated: what has become of it otherwise is
 * told, and what came instead of a refusal.
 */
const notWrittenTo = async ({ client }: House, number: string): Promise<string | undefined> => {
  const asked = await client.post("/v1/contacts", { number, text: "x", line: "main", purpose: "service", legalBasis: "consent" });
  if (asked.status !== 202) return asked.body?.rule === "erased" ? undefined : `answered ${asked.status} ${asked.text}`;
  const { contact, seq } = asked.body;
  const { status, rule } = await eventually(
    "a contact has ended",
    async () => {
      const { body } = ok(await client.get(`/v1/contacts/${contact}?waitFor=${seq}`));
      return ended.includes(body.status) ? body : undefined;
    },
    15_000,
  );
  return rule === "erased" ? undefined : `taken and is ${status} ${rule}`;
};

interface Kept {
  /** Whole answers, in which nothing personal may be. */
  readonly shown: readonly (readonly [where: string, text: string])[];
  /** What was written to somebody, and by them. */
  readonly texts: readonly (readonly [where: string, text: string])[];
}

/** Whatever the API tells of somebody, by all ways to it. */
const keptOf = async ({ client }: House, person: string): Promise<Kept> => {
  const [about, why, exported] = [`/v1/people/${person}`, `/v1/people/${person}/why`, `/v1/people/${person}/export`];
  const paths = [about, why, exported, ...["ads", "contacts", "replies"].map((list) => `/v1/${list}?limit=100&person=${person}`)];
  const answers = new Map<string, Answer>();
  for (const path of paths) answers.set(path, ok(await client.get(path)));
  const { contacts, replies } = answers.get(exported)?.body ?? {};
  for (const { contact } of contacts) answers.set(`/v1/contacts/${contact}`, ok(await client.get(`/v1/contacts/${contact}`)));
  for (const { inbound } of replies) answers.set(`/v1/replies/${inbound}`, ok(await client.get(`/v1/replies/${inbound}`)));
  return {
    shown: [...answers].map(([path, { text }]) => [path, text] as const),
    texts: [...answers].flatMap(([path, { body }]) => [
      ...(body.text === undefined ? [] : [[path, body.text] as const]),
      ...[...(body.thread ?? []), ...(body.items ?? [])].flatMap(({ text }) => (text === undefined ? [] : [[path, text] as const])),
    ]),
  };
};
