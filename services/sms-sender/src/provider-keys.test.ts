import { accountId, lineId } from "@outrider/contracts/ids";
import { createHealth, symmetricSealer } from "@outrider/platform";
import { expect, test } from "vitest";
import { providerKeys } from "./provider-keys.ts";

const [before, after] = [1, 2].map((byte) => symmetricSealer(Buffer.alloc(32, byte), "sms-api-key"));
const account = accountId.parse("garage");
const [main, second] = [lineId.parse("main"), lineId.parse("second")];

test("a key that was sealed with another one is told in readiness, line by line, until all can be opened", () => {
  if (before === undefined || after === undefined) throw new Error("two were made");
  const health = createHealth();
  const open = providerKeys(after, health);
  const seal = (sealer: typeof after) => sealer.seal(JSON.stringify({ apiKey: "k" }));
  expect(open(account, main, seal(after))).toEqual({ apiKey: "k" });
  expect(health.reasons()).toEqual([]);
  for (const line of [main, second, main])
    expect(() => open(account, line, seal(before))).toThrow(
      /line \w+ of account garage cannot be opened: SMS_API_KEY_ENCRYPTION_KEY is not the one/,
    );
  expect(health.reasons()).toEqual([expect.stringMatching(/^the provider's key of line main of account garage .* and 1 more$/)]);
  expect(open(account, main, seal(after))).toEqual({ apiKey: "k" }); // connected anew
  expect(health.reasons()).toEqual([expect.stringMatching(/line second of account garage/)]);
  open(account, second, seal(after));
  expect(health.reasons()).toEqual([]);
});
