import { type AccountId, contactId, lineId } from "@outrider/contracts/ids";
import { subjects } from "@outrider/contracts/streams";
import { keyIds } from "@outrider/platform";
import { afterAll, beforeAll, expect, test } from "vitest";
import { takeTurn } from "./attempt.ts";
import type { ContactCommand } from "./contact.ts";
import { pauseLine } from "./paused-lines.ts";
import { reconcile } from "./reconcile.ts";
import { main, type Opened, only, openWorld, type Someone, type World } from "./testing-world.ts";

let world: World;
let first: Opened;
let second: Opened;
beforeAll(async () => {
  world = await openWorld();
  [first, second] = await Promise.all([world.open("first"), world.open("second")]);
});
afterAll(() => world[Symbol.asyncDispose]());

/** Asked for through the first replica; ended there, and asked for anew with another text, through the second one alone. */
const askedAnewElsewhere = async (account: AccountId, { contact, request }: Someone, before: Partial<Someone["request"]> = {}) => {
  const subject = subjects.smsContact(account, contact);
  const cause = (what: string) => ({ commandId: `${what}-${contact}`, at: first.service.clock.now() });
  await first.sms.contacts.execute(subject, { type: "Request", request: { ...request, ...before } }, cause("ask"));
  await second.sms.contacts.execute(subject, { type: "Gate", rule: "line-day-full" }, cause("end"));
  const text = await world.service.keyring.seal(keyIds.person(account, request.person), "Le prix a changé.");
  const anew = { ...request, text, reservation: `${request.reservation}-anew` };
  await second.sms.contacts.execute(subject, { type: "Request", request: anew }, cause("ask-anew"));
};

test("who was asked for anew through another replica gets the new text, and not the one that this replica remembers", async () => {
  const account = await world.account("anew");
  const one = only(await world.people(account, 1));
  await askedAnewElsewhere(account, one);
  await takeTurn(first.sms, account, one.contact, { actor: "test" });
  expect(await world.statusOf(account, one.contact)).toBe("accepted");
  expect((await world.sends([one])).map(({ text }) => text)).toEqual(["Le prix a changé."]);
});

test("what stood in the way of an earlier asking does not end the one that another replica has heard of since", async () => {
  const account = await world.account("stood");
  const [one, two] = await world.people(account, 2);
  if (one === undefined || two === undefined) throw new Error("two were made");
  await askedAnewElsewhere(account, one, { line: lineId.parse("other") });
  await takeTurn(first.sms, account, one.contact, { actor: "test" });
  expect(await world.statusOf(account, one.contact)).toBe("accepted");
  // A deferral is the asking's own, too: hours and bases differ by purpose.
  world.neighbours.permit = () => {
    world.neighbours.permit = () => undefined;
    return { kind: "deferred", rule: "outside-hours", until: "2026-11-20T18:00:00.000Z", remedy: "wait" };
  };
  await askedAnewElsewhere(account, two);
  await takeTurn(first.sms, account, two.contact, { actor: "test" });
  expect(await world.statusOf(account, two.contact)).toBe("accepted");
});

test("a line that was paused here and is resumed through another replica sends at once what is asked for then", async () => {
  const account = await world.account("resumed");
  const one = only(await world.people(account, 1));
  const subject = subjects.smsContact(account, one.contact);
  const cause = (commandId: string) => ({ commandId, at: first.service.clock.now() });
  await pauseLine(first.sms, account, main, "phone-offline", { actor: "test" });
  await second.sms.lines.execute(subjects.smsLine(account, main), { type: "Resume", by: "ada" }, cause("resume"));
  await first.sms.contacts.execute(subject, { type: "Request", request: one.request }, cause("ask"));
  await takeTurn(first.sms, account, one.contact, { actor: "test" });
  expect(await world.statusOf(account, one.contact)).toBe("accepted");
});

test("one message in the provider's log is not taken for two contacts with the same words, though two replicas look at the same moment", async () => {
  const account = await world.account("twins");
  for (let round = 0; round < 3; round++) {
    const one = only(await world.people(account, 1));
    const contact = contactId.parse(`${one.contact}-2`);
    const twins = [one, { ...one, contact, request: { ...one.request, contact } }];
    const message = await world.service.keyring.open(one.request.text);
    const body = new URLSearchParams({ apikey: `key-${account}`, recipients: one.number, message });
    await fetch(`${world.simulator.url}/sendsms/`, { method: "POST", body });
    const until = new Date(Date.now() - 61_000).toISOString();
    for (const { contact: id, request } of twins) {
      const tell = (command: ContactCommand) =>
        first.sms.contacts.execute(subjects.smsContact(account, id), command, { commandId: `${command.type}-${id}`, at: "" });
      await tell({ type: "Request", request });
      await tell({ type: "Start", attempt: 1, until, now: first.service.clock.now() });
      await tell({ type: "NoAnswer", attempt: 1, cause: "x", by: "anybody", now: new Date().toISOString() });
    }
    const replicas = [first, second];
    await Promise.all(
      twins.map(({ contact: id }, at) => reconcile(replicas[at]?.sms ?? first.sms)(account, id, { actor: "test" }, { round: 2 })),
    );
    const statuses = await Promise.all(twins.map(({ contact: id }) => world.statusOf(account, id)));
    expect(statuses.toSorted()).toEqual(["accepted", "unknown"]);
  }
});
