import { accountId } from "@outrider/contracts/ids";
import { accountPolicy } from "@outrider/contracts/registry";
import { Unavailable } from "@outrider/eventing";
import type { KnownAccount } from "@outrider/platform";
import { expect, test } from "vitest";
import { watchedAccount } from "./permit.ts";

test("while it is not known what is paused nobody is permitted, whatever is remembered", () => {
  const account = accountId.parse("garage");
  const policy = accountPolicy.parse({});
  const known: KnownAccount = {
    account,
    name: "Garage",
    timeZone: "Europe/Paris",
    country: "FR",
    policy,
    paused: false,
    providers: new Map(),
  };
  let isCurrent = true;
  const watched = {
    ...{ caughtUp: Promise.resolve(), all: () => [known], pausedBy: () => undefined, stop: async () => undefined },
    ...{ isCurrent: () => isCurrent, account: () => known },
  };
  expect(watchedAccount({ watched }, account)).toBe(known);
  isCurrent = false;
  expect(() => watchedAccount({ watched }, account)).toThrow(Unavailable);
});
