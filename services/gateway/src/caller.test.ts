import { accountId } from "@outrider/contracts/ids";
import { Refusal } from "@outrider/platform";
import { afterEach, expect, test, vi } from "vitest";
import { authentication } from "./caller.ts";
import { limits } from "./config.ts";

afterEach(() => void vi.restoreAllMocks());

const key = `Bearer or_garage_${"x".repeat(43)}`;
const given = { authorization: key, named: undefined, traceparent: "" };
/** A registry that says what a test tells it to. */
const registry = () => {
  let asked = 0;
  let refuses: Refusal | undefined;
  const ask = vi.fn(async () => {
    asked++;
    if (refuses !== undefined) throw refuses;
    return { scopes: ["read" as const] };
  });
  return {
    ask: ask as never,
    asked: () => asked,
    refuse: (refusal: Refusal | undefined) => {
      refuses = refusal;
    },
  };
};

test("a key that was revoked lets nobody in any longer than its answer is remembered", async () => {
  const real = performance.now.bind(performance);
  let skipped = 0;
  vi.spyOn(performance, "now").mockImplementation(() => real() + skipped);
  const { ask, asked, refuse } = registry();
  const authenticate = authentication(ask, undefined);
  expect(await authenticate(given)).toMatchObject({ account: accountId.parse("garage"), scopes: ["read"], operator: false });
  refuse(new Refusal("unauthorised", "this key is no more"));
  expect(await authenticate(given)).toMatchObject({ scopes: ["read"] });
  expect(asked()).toBe(1);
  skipped = limits.authenticatedMs;
  // The memory looks at the clock ten times a second.
  await vi.waitFor(() => expect(authenticate(given)).rejects.toMatchObject({ slug: "unauthorised" }), { timeout: 5000, interval: 20 });
});

test("an answer that was none is not remembered: the next request asks again", async () => {
  const { ask, asked, refuse } = registry();
  const authenticate = authentication(ask, undefined);
  refuse(new Refusal("unavailable", "registry is away"));
  await expect(authenticate(given)).rejects.toMatchObject({ slug: "unavailable" });
  refuse(undefined);
  expect(await authenticate(given)).toMatchObject({ scopes: ["read"] });
  expect(asked()).toBe(2);
});
