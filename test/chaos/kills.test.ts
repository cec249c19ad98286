import { huntCommands } from "@outrider/contracts/hunts";
import { contactId, hashId, type PersonId, personId, systemAccount } from "@outrider/contracts/ids";
import { ledgerCommands } from "@outrider/contracts/ledger";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { smsCommands } from "@outrider/contracts/sms";
import { subjects } from "@outrider/contracts/streams";
import { keyIds } from "@outrider/platform";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { eventually, type Tenant } from "../world.ts";
import { type Arena, importOwners, numberOf, openArena, openHeardTenant } from "./arena.ts";
import { longerThanAckWait, pause } from "./blows.ts";
import { hasEnded, type Story } from "./chronicle.ts";
import { rowsOfTenant } from "./provider.ts";
import { reportOf, unfinished } from "./report.ts";
import { untilAllHolds } from "./verdict.ts";

/** An account and its owners for each test, imported beforehand; the last test reckons with all of them. */
const owners = {
  killed: 200,
  sleeping: 200,
  paged: 600,
  registry: 150,
  nats: 300,
  mongo: 60,
  busy: 100,
  paused: 200,
  waiting: 300,
} as const;
type Name = keyof typeof owners;
const names = Object.keys(owners) as Name[];

/** What the simulator, on a busy machine, may note later than it was sent, ms. */
const slackMs = 500;

let arena: Arena;
const tenants = new Map<Name, Tenant>();
/** Called whenever a process has been started again. */
let whenStarted: (service: string, replica: number) => void = () => undefined;

beforeAll(async () => {
  arena = await openArena({
    env: { ATTEMPTS_AT_ONCE: "8" },
    onEvent: (event) => {
      if (event.kind === "started") whenStarted(event.name, event.replica);
    },
  });
  const open = async (name: Name): Promise<void> => {
    const tenant = await openHeardTenant(arena.world, { name, credits: 2000, hunts: [{ priority: 9 }, { priority: 2 }] });
    await importOwners(arena.world, tenant.account, owners[name]);
    tenants.set(name, tenant);
  };
  await Promise.all(names.map(open));
}, 180_000);

afterAll(async () => {
  await arena?.[Symbol.asyncDispose]();
}, 60_000);

beforeEach(({ onTestFailed }) => {
  onTestFailed(async () => {
    process.stderr.write(`${await reportOf(arena.world, undefined, arena.log, unfinished(arena.chronicle))}\n`);
  });
});

const tenantOf = (name: Name): Tenant => {
  const tenant = tenants.get(name);
  if (tenant === undefined) throw new Error(`the account ${name} was not opened`);
  return tenant;
};
const startPass = async (name: Name, nth = 1): Promise<Tenant> => {
  const { account } = tenantOf(name);
  const options = { commandId: hashId("kills", account, nth), timeoutMs: 5000 };
  await eventually(`a pass of ${name} starts`, () => arena.world.ask(huntCommands.startPass, { account, by: "hand" }, options));
  return tenantOf(name);
};
const stories = (name: Name): readonly Story[] => arena.chronicle.storiesOf(tenantOf(name).account);
const have = (name: Name, status: Story["status"]): number => stories(name).filter((story) => story.status === status).length;
/** `accepted 80, gated paused 3`: for the log and for whoever reads a failure. */
const tallyOf = (name: Name): string => {
  const counts = new Map<string, number>();
  for (const { status, rule } of stories(name)) {
    const key = rule === undefined ? status : `${status} ${rule}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].map(([key, count]) => `${key} ${count}`).join(", ");
};
const until = (what: string, holds: () => boolean, ms = 60_000) => eventually(what, async () => (holds() ? true : undefined), ms);
const untilEnded = (name: Name, but: (story: Story) => boolean = () => false) =>
  until(`all contacts of ${name} have ended`, () => {
    const all = stories(name);
    return all.length === owners[name] && all.every((story) => hasEnded(story) || but(story));
  });
/** Nothing but what a test itself does may keep a message from these people. */
const nobodyWasGated = (name: Name): void => {
  const rules = stories(name).flatMap(({ status, rule }) => (status === "gated" ? [rule] : []));
  expect(
    Object.fromEntries(
      Map.groupBy(rules, (rule) => rule ?? "none")
        .entries()
        .map(([rule, all]) => [rule, all.length]),
    ),
  ).toEqual({});
};
/** Under way for longer than any attempt takes: whoever held it is gone or stands still. */
const isCutOff = ({ status, told }: Story): boolean => status === "attempting" && performance.now() - told > 3500;

test("kill -9 of a sender in the middle of its attempts: what was cut off stays open, and nobody else calls", async () => {
  await arena.blows.faults({ latencyMs: 300 });
  await startPass("killed");
  const cutOff = (): boolean => stories("killed").some(isCutOff);
  for (const replica of [1, 2]) {
    await until("attempts are under way", () => have("killed", "attempting") >= 5);
    await eventually("a sender is killed", async () => ((await arena.blows.kill("sms-sender", replica)) ? true : undefined));
    const waits = performance.now() + 5000;
    while (!cutOff() && performance.now() < waits) await pause(100);
    if (cutOff()) break; // else this one had nothing in hand
  }
  expect(cutOff()).toBe(true);
  // Its messages come to the other replica after the ack wait, and the look after its attempts a minute later: the last test waits for both.
});

test("kill -9 of both allocators between two pages: the pass goes on where it was", async () => {
  await arena.blows.faults({});
  const { account } = await startPass("paged");
  await until("the first page is allocated", () => (arena.chronicle.pages.get(account) ?? 0) >= 1);
  for (const replica of [1, 2]) arena.world.outrider.kill("hunt-allocator", replica, "SIGKILL");
  arena.log.note(`both allocators are killed after ${arena.chronicle.pages.get(account)} pages`);
  await until("the pass is closed", () => ![...arena.chronicle.open].some((pass) => pass.startsWith(`${account} `)));
  await untilEnded("paged");
  nobodyWasGated("paged");
});

test("with the registry dead nothing is sent, and with it back everything goes on", async () => {
  await arena.blows.faults({ latencyMs: 100 });
  const tenant = await startPass("registry");
  await until("some are accepted", () => have("registry", "accepted") >= 10);
  const { outrider } = arena.world;
  whenStarted = (service, replica) => {
    if (service === "registry") outrider.kill(service, replica, "SIGKILL");
  };
  for (const replica of [1, 2]) outrider.kill("registry", replica, "SIGKILL");
  const from = Date.now();
  await pause(4000);
  const to = Date.now();
  expect(stories("registry").some((story) => !hasEnded(story))).toBe(true); // else there was nothing left to send
  whenStarted = () => undefined;
  arena.log.note("the registry may come back");
  await untilEnded("registry");
  nobodyWasGated("registry");
  const meanwhile = (await rowsOfTenant(arena.world, tenant)).filter(
    ({ at }) => Date.parse(at) > from + 1000 + slackMs && Date.parse(at) < to,
  );
  expect(meanwhile).toEqual([]);
});

test("a sender that sleeps through its ack wait during a provider call sends nothing a second time", async () => {
  await arena.blows.faults({ latencyMs: 1500 });
  // The other one has just been killed, so that this one has it all in hand.
  await eventually("the second sender is killed", async () => ((await arena.blows.kill("sms-sender", 2)) ? true : undefined));
  await startPass("sleeping");
  await until("attempts are under way", () => have("sleeping", "attempting") >= 5);
  const slept = eventually("the first sender sleeps", async () =>
    (await arena.blows.freeze("sms-sender", 1, longerThanAckWait)) ? true : undefined,
  );
  await until("its attempts stand still", () => stories("sleeping").some(isCutOff));
  await arena.blows.faults({ latencyMs: 30 });
  await slept;
  await untilEnded("sleeping", isCutOff);
  nobodyWasGated("sleeping");
});

test("kill -9 of NATS in the middle: every contact ends", async () => {
  await arena.blows.faults({ latencyMs: 100 });
  await startPass("nats");
  await until("some are accepted", () => have("nats", "accepted") >= 20);
  await arena.blows.restartNats();
  await untilEnded("nats", isCutOff);
  nobodyWasGated("nats");
});

test("with MongoDB standing still requested contacts go out", async () => {
  await arena.blows.faults({});
  const { account, line } = tenantOf("mongo");
  const mongo = arena.world.outrider.processes().find(({ name }) => name === "mongodb");
  if (mongo === undefined) throw new Error("MongoDB is not ours to stop");
  process.kill(mongo.pid, "SIGSTOP");
  arena.log.note("SIGSTOP mongodb");
  try {
    const people = await registered(account, 20);
    await Promise.all(people.map((person, index) => request(account, line, person, index)));
    await until("they are accepted", () => have("mongo", "accepted") === people.length, 30_000);
  } finally {
    await arena.blows.restartMongo();
  }
  await startPass("mongo");
  await until("a pass goes out as well", () => stories("mongo").length === owners.mongo + 20 && stories("mongo").every(hasEnded));
});

const registered = async (account: Tenant["account"], count: number): Promise<readonly PersonId[]> => {
  const { ask, keyring } = arena.world;
  const numbers = Array.from({ length: count }, (_, index) => keyring.seal(keyIds.account(account), numberOf(5000 + index)));
  const { people } = await ask(registryCommands.people, { account, numbers: await Promise.all(numbers), register: true });
  return people.flatMap((one) => (one.kind === "person" ? [one.person] : []));
};

const request = async (account: Tenant["account"], line: Tenant["line"], person: PersonId, index: number): Promise<void> => {
  const { ask, keyring } = arena.world;
  const reservation = `asked-${index}`;
  await ask(ledgerCommands.reserve, { account, reservation, most: 1, atLeast: 1, purpose: "request" }, { commandId: reservation });
  const text = await keyring.seal(keyIds.person(account, person), "Bonjour, une question sur votre annonce.");
  const contact = contactId.parse(hashId("asked", account, index));
  await ask(smsCommands.request, {
    account,
    request: {
      ...{ contact, person, line, text, reservation, credits: 1, channel: "sms", step: 1 },
      ...{ purpose: "prospecting", legalBasis: "offer-to-buy", noCanvassing: false, ownerType: "private" },
    },
  });
};

test("a provider that has no time for most: whichever replica asks next, every contact ends", async () => {
  await arena.blows.faults({ tooMany: 0.6, retryAfterS: 1, latencyMs: 50 });
  await startPass("busy");
  await untilEnded("busy");
  expect(stories("busy").some(({ started }) => started > 2)).toBe(true);
});

/** What happened to a person: which attempts were counted, given back and denied. */
const historyOf = async (account: Tenant["account"], person: PersonId): Promise<string> => {
  const asked = { subject: subjects.person(account, person), from: 0, limit: 50 };
  const { entries } = await arena.world.ask(registryCommands.history, asked);
  return entries.map(({ at, causation, events }) => `${at} ${causation ?? ""} ${JSON.stringify(events)}`).join("\n");
};

test("a pause of everything stops within a second what has not left, and a later pass asks those again", async () => {
  await arena.blows.faults({ latencyMs: 150 });
  const tenant = await startPass("paused");
  await until("some are accepted", () => have("paused", "accepted") >= 20);
  await arena.world.ask(registryCommands.pause, { account: systemAccount, by: "chaos" });
  const paused = Date.now();
  arena.log.note("everything is paused");
  await untilEnded("paused");
  const later = (await rowsOfTenant(arena.world, tenant)).filter(({ at }) => Date.parse(at) > paused + 1000 + slackMs);
  expect(later).toEqual([]);
  expect(stories("paused").filter(({ rule }) => rule === "paused").length).toBeGreaterThan(0);
  await arena.world.ask(registryCommands.resume, { account: systemAccount, by: "chaos" });
  // A pass that begins while the look-ups are behind leaves the rest to the next one.
  let nth = 1;
  await eventually(
    "later passes have asked all of them again",
    async () => {
      await startPass("paused", ++nth);
      const passed = performance.now();
      while (performance.now() - passed < 10_000 && have("paused", "accepted") < owners.paused) await pause(100);
      arena.log.note(`pass ${nth} after the pause: ${tallyOf("paused")}`);
      return have("paused", "accepted") === owners.paused ? true : undefined;
    },
    60_000,
  ).catch(async (error: unknown) => {
    const left = stories("paused").filter(({ rule }) => rule === "contacted-recently");
    const histories = await Promise.all(left.slice(0, 3).map(({ person }) => historyOf(tenant.account, personId.parse(person))));
    throw new Error([`not all are accepted: ${tallyOf("paused")}`, ...histories].join("\n"), { cause: error });
  });
});

test("kill -9 of both senders while a pause ends what waits: what is left ends when they are back, and its credits come back", async () => {
  await arena.blows.faults({ tooMany: 1, retryAfterS: 3600 });
  const { account } = await startPass("waiting");
  const wait = (): number => stories("waiting").filter(({ status, started }) => status === "requested" && started === 1).length;
  await until("the provider has told all of them to come in an hour", () => wait() === owners.waiting);
  await arena.world.ask(registryCommands.pause, { account, by: "chaos" });
  for (const replica of [1, 2]) arena.world.outrider.kill("sms-sender", replica, "SIGKILL");
  await arena.chronicle.upToNow();
  arena.log.note(`both senders are killed while a pause ends what waits; ${wait()} are left`);
  expect(wait()).toBeGreaterThan(0);
  await untilEnded("waiting");
  expect(new Set(stories("waiting").map(({ rule }) => rule))).toEqual(new Set(["paused"]));
  await eventually("no credits are held", async () => {
    const { held } = await arena.world.ask(ledgerCommands.balance, { account }, { timeoutMs: 5000 });
    return held === 0 ? true : undefined;
  });
});

test("after all of it nobody is lost, nobody was asked twice, credits add up, what was unknown is reconciled, and read models equal a fresh fold", async () => {
  await arena.blows.lift();
  const { world, chronicle, log } = arena;
  const problems = await untilAllHolds({ world, chronicle, tenants: [...tenants.values()], reconciled: true }, 120_000);
  expect(problems.length === 0 ? undefined : await reportOf(world, undefined, log, problems)).toBeUndefined();
  // What the killed sender had sent and nobody had heard of was found in the provider's log, not sent again.
  expect(stories("killed").filter(({ reconciled, started }) => reconciled && started === 1).length).toBeGreaterThan(0);
});
