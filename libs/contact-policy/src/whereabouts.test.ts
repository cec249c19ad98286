import { expect, test } from "vitest";
import { france } from "./packs/france.ts";
import type { AccountPolicy, NumberFacts } from "./types.ts";
import { accountTimes, lawfulTimes } from "./whereabouts.ts";

const number = (zones: readonly string[], area?: string): NumberFacts => ({
  ...{ country: "FR", lineType: "mobile", zones, fiction: true },
  ...(area === undefined ? {} : { area }),
});
const paris = number(["Europe/Paris"]);
const many = Array.from({ length: 2_000 }, (_, index) => number(["Europe/Paris"], `nowhere-${index}`));

test("a calendar is made once, and no more than two thousand of one kind are remembered", () => {
  const times = france.channels.sms?.purposes.prospecting.times;
  if (times === undefined) throw new Error("France has hours");
  const first = lawfulTimes(france, times, paris);
  expect(lawfulTimes(france, times, paris)).toBe(first);
  for (const one of many.slice(1)) lawfulTimes(france, times, one);
  expect(lawfulTimes(france, times, paris)).toBe(first);
  lawfulTimes(france, times, number(["Europe/Paris"], "one-too-many"));
  expect(lawfulTimes(france, times, paris)).not.toBe(first);
});

test("an account's own hours are remembered by its policy and the recipient's zones", () => {
  const policy: AccountPolicy = { recontactAfterDays: 30, paused: false, sandbox: true, weekdays: [1, 2, 3] };
  const own = accountTimes(policy, paris);
  expect(own).toBeDefined();
  expect(accountTimes(policy, paris)).toBe(own);
  expect(accountTimes(policy, number(["Indian/Reunion"]))).not.toBe(own);
  expect(accountTimes({ ...policy, weekdays: [5] }, paris)).not.toBe(own);
});
