import { buckets } from "@outrider/contracts/streams";
import { MongoClient } from "mongodb";
import type { Problem } from "../../chaos/verdict.ts";
import type { World } from "../../world.ts";
import type { Day } from "./day.ts";

/** Everybody who keeps a position, with what they read. One that is missing here is told, too. */
const readers: Readonly<Record<string, readonly [stream: string, filter: string]>> = {
  "projector.ads": ["ADS", ">"],
  "projector.hunts": ["HUNTS", ">"],
  "projector.sms": ["SMS", ">"],
  "projector.registry": ["REGISTRY", ">"],
  "projector.ledger": ["LEDGER", ">"],
  "hunt-allocator.ads": ["ADS", "ads.ad.>"],
  "hunt-allocator.hunts-2": ["HUNTS", "hunts.>"],
  "hunt-allocator.people": ["REGISTRY", "registry.person.>"],
  "hunt-allocator.contacts": ["SMS", "sms.contact.>"],
  "credit-ledger.sms": ["SMS", "sms.contact.>"],
  "credit-ledger.hunts": ["HUNTS", "hunts.run.>"],
  "registry.sms-permits": ["SMS", "sms.contact.>"],
};
/** How far a look for what is overdue has come: it reads once an hour. */
const looks = "look.";

export const servicesAreReady = async ({ world }: Day): Promise<readonly Problem[]> => {
  const said = world.outrider.services().map(async ({ name, health }): Promise<Problem[]> => {
    const answer = await fetch(health, { signal: AbortSignal.timeout(5000) }).catch(() => undefined);
    return answer?.ok === true ? [] : [{ what: `${name}: ${answer === undefined ? "does not answer" : await answer.text()}` }];
  });
  return (await Promise.all(said)).flat();
};

/** Nothing waits for a reaction, or is in the hands of one. */
export const consumersAreDone = async ({ world }: Day): Promise<readonly Problem[]> => {
  const { jsm } = world.kernel;
  const problems: Problem[] = [];
  for await (const { config } of jsm.streams.list()) {
    if (config.name.startsWith("KV_")) continue;
    for await (const { name, config: own, num_pending: pending, num_ack_pending: inHand } of jsm.consumers.list(config.name)) {
      // The others are those of readers, who have positions; one of a killed process stays for a while.
      if (own.durable_name === undefined) continue;
      if (pending + inHand > 0) problems.push({ what: `${name} of ${config.name}: ${pending} to come, ${inHand} in hand` });
    }
  }
  return problems;
};

export const readersAreDone = async ({ world }: Day): Promise<readonly Problem[]> => {
  const positions = await positionsIn(world);
  const problems: Problem[] = [...positions.keys()]
    .filter((name) => !Object.hasOwn(readers, name))
    .map((name) => ({ what: `${name} keeps a position, and nobody knows what it reads` }));
  for (const [name, [stream, filter]] of Object.entries(readers)) {
    const last = await world.kernel.jsm.streams.getMessage(stream, { last_by_subj: filter });
    const at = positions.get(name) ?? 0;
    if (at < (last?.seq ?? 0)) problems.push({ what: `${name} is at ${at}, and the last of ${filter} in ${stream} is ${last?.seq}` });
  }
  return problems;
};

/** Positions of all readers, those kept in NATS and those in MongoDB. */
const positionsIn = async (world: World): Promise<ReadonlyMap<string, number>> => {
  const { jsm } = world.kernel;
  const positions = new Map<string, number>();
  const stream = `KV_${buckets.positions}`;
  const { state } = await jsm.streams.info(stream, { subjects_filter: ">" });
  for (const subject of Object.keys(state.subjects ?? {})) {
    const name = subject.slice(`$KV.${buckets.positions}.`.length);
    const entry = await jsm.streams.getMessage(stream, { last_by_subj: subject });
    if (!name.startsWith(looks) && entry !== null) positions.set(name, entry.json<{ readonly seq: number }>().seq);
  }
  await using mongo = await MongoClient.connect(world.outrider.urls.mongodb);
  const stored = mongo.db(database).collection<{ readonly _id: string; readonly seq?: number }>("_positions");
  for await (const { _id: name, seq } of stored.find()) if (!name.startsWith(looks)) positions.set(name, seq ?? 0);
  return positions;
};

/** In which the services keep their documents. */
export const database = "outrider";
