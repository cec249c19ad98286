import { rowsOfTenant } from "../../chaos/provider.ts";
import { type Asked, accountOf, type Day, type House, marked, numberOf, ownerOf, owners, personal, shortly, told } from "./day.ts";
import { differs } from "./said.ts";

type Act = (day: Day, house: House) => Promise<string>;

const anybody = ({ dice }: Day): number => dice.between(0, owners - 1);
/** Mostly one of these, once there are any: what happens to the same people is what a day is to show. */
const mostlyOf = (day: Day, these: Iterable<number>): number => {
  const [...some] = these;
  return some.length > 0 && day.dice.next() < 0.7 ? day.dice.pick(some) : anybody(day);
};
/** Mostly somebody whom the provider was asked to write to. */
const somebody = async (day: Day, house: House): Promise<number> => {
  const rows = await rowsOfTenant(day.world, { account: accountOf(house), apiKey: house.vendorKey });
  return mostlyOf(day, new Set(rows.map(({ to }) => ownerOf(to)).filter((owner) => owner >= 0 && owner < owners)));
};

const ask = async (day: Day, { client }: House, asked: Asked, body = asked.body) =>
  told(day, "a request", () => client.post("/v1/contacts", body, { "idempotency-key": asked.key }));

export const request: Act = (day, house) => requestOf(day, house, mostlyOf(day, house.left));

const requestOf = async (day: Day, house: House, owner: number): Promise<string> => {
  const count = day.count();
  const text = `${marked("request", count)} ${personal} demande ${count} ${house.word}`;
  const body = { number: numberOf(owner), text, line: "main", purpose: "service", legalBasis: "consent" };
  const asked: Asked = { key: `request-${count}`, body, contact: undefined };
  house.asked.push(asked);
  const answer = await ask(day, house, asked);
  if (answer.status === 202) asked.contact = answer.body.contact;
  return `${asked.key} to ${owner}: ${shortly(answer)}`;
};

export const repeatRequest: Act = async (day, house) => {
  if (house.asked.length === 0) return request(day, house);
  const asked = day.dice.pick(house.asked);
  const answer = await ask(day, house, asked);
  const before = asked.contact;
  if (answer.status === 202) asked.contact = answer.body.contact;
  if (before !== undefined && answer.status === 202 && answer.body.contact !== before) {
    day.seen.push({
      what: `${asked.key} of ${house.account} was answered with the contact ${before} and then with ${answer.body.contact}`,
    });
  }
  return `${asked.key}: ${shortly(answer)}`;
};

export const misuseKey: Act = async (day, house) => {
  if (house.asked.length === 0) return request(day, house);
  const asked = day.dice.pick(house.asked);
  const other = { ...asked.body, text: `${asked.body["text"]} encore` };
  const answer = await ask(day, house, asked, other);
  if (asked.contact !== undefined && answer.status === 202) {
    day.seen.push({ what: `${asked.key} of ${house.account} was taken for another text, too` });
  }
  // What was refused the first time left nothing behind, so the key may stand for this.
  if (answer.status === 202) Object.assign(asked, { body: other, contact: answer.body.contact });
  return `${asked.key} with another text: ${shortly(answer)}`;
};

const write = async ({ world }: Day, house: House, from: string, text: string): Promise<string> => {
  await world.sim.inbound({ apiKey: house.vendorKey, from, text });
  house.wrote++;
  return `${from} writes "${text}"`;
};
const says =
  (then: (house: House, owner: number) => void, ...texts: readonly string[]): Act =>
  async (day, house) => {
    const owner = await somebody(day, house);
    then(house, owner);
    return write(day, house, numberOf(owner), day.dice.pick(texts));
  };
const leaves = ({ left }: House, owner: number): void => void left.add(owner);
const comesBack = ({ left }: House, owner: number): void => void left.delete(owner);

export const words: Act = async (day, house) =>
  write(day, house, numberOf(await somebody(day, house)), `${personal} réponse ${day.count()} ${house.word}`);
export const stop = says(leaves, "STOP", "Stop svp", "Bonjour\nSTOP");
export const start = says(comesBack, "START");
export const stranger: Act = (day, house) =>
  write(day, house, day.dice.pick([`+3363998${9000 + day.count()}`, "36105", "INFO"]), `${personal} inconnu ${house.word}`);

/** One of what a list shows, by chance. */
const oneOf = async (day: Day, { client }: House, path: string): Promise<Record<string, string> | undefined> => {
  const { status, body } = await told(day, path, () => client.get(path));
  return status === 200 && body.items.length > 0 ? day.dice.pick(body.items) : undefined;
};

export const answerReply: Act = async (day, house) => {
  const reply = await oneOf(day, house, "/v1/replies");
  if (reply === undefined) return words(day, house);
  const count = day.count();
  const text = `${marked("answer", count)} ${personal} merci ${house.word}`;
  return shortly(await told(day, "an answer", () => house.client.post(`/v1/replies/${reply["inbound"]}/answer`, { text })));
};

export const markReply: Act = async (day, house) => {
  const reply = await oneOf(day, house, "/v1/replies");
  if (reply === undefined) return words(day, house);
  const as = day.dice.pick(["interested", "not-interested", "wrong-number", "done", "unread"]);
  return `${as}: ${shortly(await told(day, "a mark", () => house.client.post(`/v1/replies/${reply["inbound"]}/mark`, { as })))}`;
};

export const resolveUnknown: Act = async (day, house) => {
  const contact = await oneOf(day, house, "/v1/contacts?status=unknown");
  if (contact === undefined) return "there is none";
  const as = day.dice.pick(["sent", "not-sent", "send-again"]);
  const answer = await told(day, "a decision", () => house.client.post(`/v1/contacts/${contact["contact"]}/resolve`, { as }));
  return `${contact["contact"]} ${as}: ${shortly(answer)}`;
};

/** What is said about somebody, whom the number is known of. */
const about =
  (
    what: string,
    call: (house: House, person: string, day: Day) => ReturnType<House["client"]["post"]>,
    then?: (house: House, owner: number) => void,
  ): Act =>
  async (day, house) => {
    const owner = await somebody(day, house);
    const found = await told(day, "a look-up", () => house.client.post("/v1/people/lookup", { number: numberOf(owner), register: true }));
    if (found.status !== 200) return `${owner}: look-up ${shortly(found)}`;
    const answer = await told(day, what, () => call(house, `/v1/people/${found.body.person}`, day));
    if (answer.status === 200) then?.(house, owner);
    return `${owner} ${found.body.person}: ${shortly(answer)}`;
  };

export const optOut = about("an opt-out", ({ client }, person) => client.post(`${person}/opt-out`), leaves);
export const optIn = about("an opt-in", ({ client }, person) => client.post(`${person}/opt-in`), comesBack);
export const refusal = about("a refusal", ({ client }, person) => client.post(`${person}/refusals`));
export const consent = about("a consent", ({ client, word }, person, { count }) =>
  client.post(`${person}/consents`, { source: "shop", text: `${personal} accord ${count()} ${word}` }),
);
export const withdraw = about("a consent taken back", ({ client }, person) => client.remove(`${person}/consents`));
export const erase = about(
  "an erasure",
  ({ client }, person) => client.post(`${person}/erase`),
  (house, owner) => {
    house.erased.add(owner);
    leaves(house, owner);
  },
);

/** Nobody is written to by this: whoever is in there has said so, or has been erased. */
export const writeToThoseLeft = async (day: Day, house: House): Promise<string> => {
  const said: string[] = [];
  for (const owner of house.left) said.push(await requestOf(day, house, owner));
  return said.join(", ");
};

/** As somebody does whose answer was lost, or a program that goes on where it was. */
export const repeat: Act = async (day, house) => {
  if (house.said.length === 0) return request(day, house);
  const said = day.dice.pick(house.said);
  const answer = await told(day, `${said.what} again`, said.again);
  const what = answer.status >= 200 && answer.status < 300 ? await differs(day.world, said, answer) : undefined;
  if (what !== undefined) day.seen.push({ what: `${said.what} of ${house.account}, asked for twice with one key, ${what}` });
  return `${said.what}: ${said.answer.status} and then ${shortly(answer)}`;
};
