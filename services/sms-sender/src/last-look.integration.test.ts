import { accountId } from "@outrider/contracts/ids";
import { accountCodec } from "@outrider/contracts/registry";
import { streams, subjects } from "@outrider/contracts/streams";
import { afterEach, expect, test, vi } from "vitest";
import type { SmsProvider } from "./providers/sms-provider.ts";
import { type Opened, only, openWorld, within } from "./testing-world.ts";

afterEach(() => void vi.restoreAllMocks());

type Guard = Parameters<SmsProvider["send"]>[2];
/** Does something once, after an attempt has begun and right before its request would be written. */
const rightBefore =
  (happens: (guard: Guard) => Promise<void> | void) =>
  (real: SmsProvider): SmsProvider => {
    let calls = 0;
    return {
      ...real,
      send: async (access, message, guard) => {
        if (++calls === 1) await happens(guard);
        return real.send(access, message, guard);
      },
    };
  };
/** Resolves when at least so much time has passed since `began`, of the clock by which permits run out. */
const hasPassed = (began: number, ms: number): Promise<void> =>
  vi.waitUntil(() => performance.now() - began > ms, { interval: 5, timeout: ms + 20_000 }).then(() => undefined);

test("on an installation with a list of test numbers nobody else is ever written to, whatever is asked", async () => {
  await using world = await openWorld();
  const account = accountId.parse("listed");
  const [listed, ...others] = await world.people(account, 3);
  if (listed === undefined) throw new Error("three were made");
  await world.open("only", { OUTRIDER_ONLY_CONTACT: `+33639989999,${listed.number}` });
  await world.account(account);
  await world.page(account, "2026-11-20", [listed, ...others]);
  await expect.poll(() => world.statusOf(account, listed.contact), within).toBe("accepted");
  await expect.poll(() => world.statuses(account, others), within).toEqual(new Set(["gated: only-contact"]));
  expect(await world.sends(others)).toEqual([]);
});

test("a permit that runs out between the start and the writing lets nothing leave, and is asked for anew", async () => {
  await using world = await openWorld({ PERMIT_VALID_MS: "1000" });
  await world.open(
    "only",
    {},
    rightBefore(() => hasPassed(performance.now(), 1000)),
  );
  const account = await world.account("late");
  const one = only(await world.people(account, 1));
  await world.request(account, one);
  await expect.poll(() => world.statusOf(account, one.contact), within).toBe("accepted");
  expect((await world.typesOf(account, one)).slice(0, 3)).toEqual(["ContactRequested", "AttemptStarted", "AttemptAbandoned"]);
  expect(world.neighbours.permitsAsked.map(({ attempt }) => attempt)).toContain(2);
  expect(await world.sends([one])).toHaveLength(1);
});

test("an attempt that is over is not written any more, though nobody has raised its signal and its permit still holds", async () => {
  await using world = await openWorld({ PERMIT_VALID_MS: "1000", ATTEMPT_TIMEOUT_MS: "500" });
  let mayWrite: boolean | undefined;
  const stoodStill = async ({ beforeWriting }: Guard): Promise<void> => {
    const began = performance.now();
    // As in a process that was stopped: no timer runs.
    while (performance.now() - began < 505);
    mayWrite = beforeWriting();
  };
  await world.open("only", {}, rightBefore(stoodStill));
  const account = await world.account("over");
  const one = only(await world.people(account, 1));
  await world.request(account, one);
  await expect.poll(() => world.statusOf(account, one.contact), within).toBe("accepted");
  expect(mayWrite).toBe(false);
});

test("while nobody knows what is paused nothing leaves, and no attempt begins", async () => {
  await using world = await openWorld();
  const isCurrent = ({ sms }: Opened) => vi.spyOn(sms.accounts, "isCurrent").mockReturnValue(false);
  const replica: Opened = await world.open(
    "only",
    {},
    rightBefore(() => void isCurrent(replica).mockReturnValueOnce(false).mockReturnValue(true)),
  );
  const account = await world.account("unknown");
  const [first, second] = await world.people(account, 2);
  if (first === undefined || second === undefined) throw new Error("two were made");
  // Lost right before the writing.
  await world.request(account, first);
  await expect.poll(() => world.statusOf(account, first.contact), within).toBe("accepted");
  expect(await world.typesOf(account, first)).toContain("AttemptAbandoned");
  // Lost before the permit.
  const asked = isCurrent(replica);
  await world.request(account, second);
  await expect.poll(() => asked.mock.calls.length, within).toBeGreaterThan(3);
  expect(await world.typesOf(account, second)).toEqual(["ContactRequested"]);
  expect(world.neighbours.permitsAsked.map(({ contact }) => contact)).not.toContain(second.contact);
  asked.mockRestore();
  await expect.poll(() => world.statusOf(account, second.contact), within).toBe("accepted");
  expect(await world.sends([first, second])).toHaveLength(2);
});

test("what is asked for during a pause ends without an attempt, and counts against nobody", async () => {
  await using world = await openWorld();
  const { sms } = await world.open("only");
  const account = await world.account("paused");
  await world.append(streams.registry.name, accountCodec, subjects.account(account), { type: "AccountPaused", data: { by: "ada" } });
  await expect.poll(() => sms.accounts.pausedBy(account), within).toBe("account");
  const one = only(await world.people(account, 1));
  await world.request(account, one);
  await expect.poll(() => world.statusOf(account, one.contact), within).toBe("gated: paused");
  expect(await world.typesOf(account, one)).toEqual(["ContactRequested", "ContactGated"]);
  expect(world.neighbours.permitsAsked).toEqual([]);
});
