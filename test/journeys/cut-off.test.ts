import { accountId, contactId, idFromKey } from "@outrider/contracts/ids";
import { ledgerCodec } from "@outrider/contracts/ledger";
import { smsCommands } from "@outrider/contracts/sms";
import { streams, subjects } from "@outrider/contracts/streams";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ok, openShop, type Shop } from "../http.ts";
import { eventually, openWorld, type World } from "../world.ts";

let world: World;
let shop: Shop;

beforeAll(async () => {
  world = await openWorld({ env: { POLL_PROVIDER_MS: "0", LEDGER_CLAIM_MS: "2000", LEDGER_CLAIM_GRACE_MS: "2000" } });
  shop = await openShop(world, "hasty", { credits: 50 });
});
afterAll(() => world?.[Symbol.asyncDispose]());

const ask = (key: string, text = `A question (${key})`) =>
  shop.client.post("/v1/contacts", { number: "+33639980042", text, purpose: "service", legalBasis: "consent" }, { "idempotency-key": key });
const sent = async (key: string): Promise<number> => {
  let count = 0;
  for await (const row of world.sim.log()) if (row.operation === "sendsms" && row.accepted && row.text?.includes(`(${key})`)) count++;
  return count;
};
const credits = async () => ok(await shop.client.get("/v1/credits")).body;
const untilSettled = (captured: number) =>
  eventually("credits add up and nothing is held", async () => {
    const { held, captured: taken, available } = await credits();
    return held === 0 && taken === captured && available === 50 - captured ? true : undefined;
  });

/** Sends a request and calls `blow` in the moment in which its price has been stored as held. */
const struck = async (key: string, blow: () => void): Promise<void> => {
  const watching = world.kernel.nats.subscribe("ledger.balance.>", {
    callback: (_error, { data }) => {
      const decoded = ledgerCodec.decode(data);
      if (decoded.kind === "events" && decoded.events.some(({ type }) => type === "CreditsReserved")) blow();
    },
  });
  await world.kernel.nats.flush();
  await ask(key).catch(() => undefined); // its connection is cut
  watching.unsubscribe();
};
const gatewayIsBack = () => eventually("the gateway is back", async () => ((await credits()).granted === 50 ? true : undefined));

test("a gateway killed after the price was held costs nothing, and the same request again is one message", async () => {
  let captured = 0;
  for (const afterMs of [0, 1, 2, 4]) {
    const key = `killed-${afterMs}`;
    await struck(key, () => setTimeout(() => world.outrider.kill("gateway", 1, "SIGKILL"), afterMs));
    await gatewayIsBack();
    const account = accountId.parse(shop.account);
    const contact = contactId.parse(idFromKey("contact", account, key));
    const { exists } = await world.ask(smsCommands.contact, { account, contact });
    if (exists) captured++;
    await untilSettled(captured);
    expect(await sent(key)).toBe(exists ? 1 : 0);

    expect((await ask(key)).status).toBe(202);
    if (!exists) captured++;
    await untilSettled(captured);
    expect((await ask(key)).status).toBe(202);
    expect((await ask(key, "something else")).body.type).toBe("https://outrider.dev/problems/idempotency-key-reused");
    await untilSettled(captured);
    expect(await sent(key)).toBe(1);
  }
});

/** Whether the sender has stored the request, though it may stand still now and answer nobody. */
const isStored = async (key: string): Promise<boolean> => {
  const contact = contactId.parse(idFromKey("contact", accountId.parse(shop.account), key));
  const subject = subjects.smsContact(accountId.parse(shop.account), contact);
  return (await world.kernel.jsm.streams.getMessage(streams.sms.name, { last_by_subj: subject })) !== null;
};

/** The sender stands still with a request that it has not stored, and the gateway that asked is gone. On a busy machine the blow may come late. */
const frozen = async (): Promise<{ readonly key: string; readonly before: number }> => {
  for (let tries = 1; tries <= 10; tries++) {
    const key = `frozen-${tries}`;
    const before = (await credits()).captured;
    await struck(key, () => {
      world.outrider.kill("sms-sender", 1, "SIGSTOP");
      // Right behind it, so that the request has left the gateway by then.
      setTimeout(() => world.outrider.kill("gateway", 1, "SIGKILL"), 200);
    });
    await gatewayIsBack();
    if (!(await isStored(key))) return { key, before };
    world.outrider.kill("sms-sender", 1, "SIGCONT");
    await untilSettled(before + 1);
  }
  throw new Error("the sender was quicker than the blow each time");
};

test("a sender that stands still until the price was given back sends nothing unpaid", async () => {
  const { key, before } = await frozen();
  await untilSettled(before);
  world.outrider.kill("sms-sender", 1, "SIGCONT");
  const again = await eventually("the sender answers again", async () => {
    const answer = await ask(key);
    return answer.status === 202 ? answer : undefined;
  });
  expect(again.body.outcome).toBe("requested");
  await untilSettled(before + 1);
  expect(await sent(key)).toBe(1);
});
