import { personId } from "@outrider/contracts/ids";
import { ledgerCommands } from "@outrider/contracts/ledger";
import { personCodec } from "@outrider/contracts/registry";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { streams } from "@outrider/contracts/streams";
import type { Problem } from "../../chaos/verdict.ts";
import { ok } from "../../http.ts";
import { accountOf, type Day } from "./day.ts";
import { decisions } from "./decisions.ts";
import { silencesIn } from "./silences.ts";

/** Any replica may answer, and not the same one each time: as often as makes it likely that each has. */
const asksOfEach = 4;

/**
 * What was carried out long ago is asked for again, with the id that it had: it is answered as things are now, also by a replica that has
 * heard of nothing since. What is read here is new to nobody afterwards, so this is looked at once, and before all that reads.
 */
export const repeatsAreAnswered = async (day: Day): Promise<readonly Problem[]> => {
  if (looked.has(day)) return [];
  day.seen.push(...(await permitsAgain(day)), ...(await grantsAgain(day)));
  looked.add(day);
  return day.seen;
};
const looked = new WeakSet<Day>();

const permitsAgain = async ({ world, chronicle, houses }: Day): Promise<readonly Problem[]> => {
  const silent = (await silencesIn(world, chronicle.offsetMs)).filter(({ to }) => to === Number.POSITIVE_INFINITY);
  const problems: Problem[] = [];
  for await (const { account, id: person, command, events } of decisions(world, streams.registry, "registry.person", personCodec)) {
    const house = houses.find((each) => each.account === account);
    const why = silent.find((one) => one.account === account && one.person === person)?.why;
    if (house === undefined || why === undefined) continue;
    for (const event of events) {
      if (event.type !== "AttemptPermitted") continue;
      const question = { account: accountOf(house), person: personId.parse(person), request: event.data };
      for (let times = 0; times < asksOfEach; times++) {
        const { kind } = await world.ask(registryCommands.permit, question, { commandId: command, timeoutMs: 15_000 });
        if (kind === "permitted") problems.push({ what: `${person} of ${account} has ${why}, and a permit asked for again was given` });
      }
    }
  }
  return problems;
};

const grantsAgain = async (day: Day): Promise<readonly Problem[]> => {
  const { world, houses } = day;
  const problems: Problem[] = [];
  for (const house of houses) {
    const before = await lastOfLedger(day);
    const grants = house.said.filter(({ what }) => what === "POST /v1/credits/grants");
    const told: number[] = [];
    for (const grant of grants) for (let times = 0; times < asksOfEach; times++) told.push(ok(await grant.again()).body.available);
    const { available } = await world.ask(ledgerCommands.balance, { account: accountOf(house) }, { timeoutMs: 15_000 });
    // A balance that has moved meanwhile cannot be compared.
    const other = (await lastOfLedger(day)) === before ? told.filter((one) => one !== available) : [];
    if (other.length > 0) problems.push({ what: `${house.account} has ${available} credits, and grants asked for again told ${other}` });
  }
  return problems;
};

const lastOfLedger = async ({ world }: Day): Promise<number> => (await world.kernel.jsm.streams.info(streams.ledger.name)).state.last_seq;
