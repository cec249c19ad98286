import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { personId } from "@outrider/contracts/ids";
import { keyIds } from "@outrider/platform";
import { MongoClient } from "mongodb";
import { type Problem, peopleBehind } from "../../chaos/verdict.ts";
import { ok } from "../../http.ts";
import type { World } from "../../world.ts";
import { database } from "./checks-of-readers.ts";
import { accountOf, type Day, type House, numberOf, owners, personal } from "./day.ts";

const numbers = Array.from({ length: owners }, (_, owner) => numberOf(owner).slice(3)).join("|");
/** A personal word, or a number as it is written abroad or at home. */
const anything = new RegExp(`${personal}\\d* ?\\S*|(?:33|\\b0)(?:${numbers})`, "i");

/** Numbers, names and texts are in no read model and no log; what is an erased person's cannot be opened any more. */
export const nothingPersonal = async (day: Day): Promise<readonly Problem[]> => {
  const problems: Problem[] = [];
  for await (const { place, text } of places(day.world)) {
    const found = anything.exec(text);
    if (found !== null) problems.push({ what: `"${text.slice(Math.max(0, found.index - 120), found.index + 60)}" is in ${place}` });
  }
  for (const house of day.houses) problems.push(...(await erasedIn(day, house)));
  return problems;
};

async function* places({ dir, outrider }: World): AsyncGenerator<{ readonly place: string; readonly text: string }> {
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
}

/** By the API at once; once the grace is over the key is gone, too. */
const erasedIn = async ({ world, patient }: Day, house: House): Promise<readonly Problem[]> => {
  const account = accountOf(house);
  const gone = [...house.erased].map(numberOf);
  const problems: Problem[] = [];
  for (const [number, person] of await peopleBehind(world, account, gone)) {
    const whose = `${person} of ${account}, who was erased`;
    const { body, text } = ok(await house.client.get(`/v1/people/${person}/export`));
    const told = anything.exec(text);
    if (told !== null) problems.push({ what: `the export of ${whose} tells "${told[0]}"` });
    for (const { contact } of body.contacts) {
      const shown = ok(await house.client.get(`/v1/contacts/${contact}`)).body;
      if (shown.text !== "erased") problems.push({ what: `the text of the contact ${contact} of ${whose} is "${shown.text}"` });
    }
    const asked = await house.client.post("/v1/contacts", { number, text: "x", line: "main", purpose: "service", legalBasis: "consent" });
    if (asked.status !== 409 && asked.status !== 422) problems.push({ what: `a contact with ${whose} was answered ${asked.status}` });
    if (patient && (await world.keyring.stateOf(keyIds.person(account, personId.parse(person)))) !== "destroyed") {
      problems.push({ what: `the key of ${whose} is still there` });
    }
  }
  return problems;
};
