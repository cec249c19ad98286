import { accountId, adIdOf } from "@outrider/contracts/ids";
import { expect, test } from "vitest";
import { SeenAds } from "./seen.ts";

test("of any number of ads each is new once", () => {
  const seen = new SeenAds();
  const account = accountId.parse("garage");
  const ads = Array.from({ length: 20_000 }, (_, n) => adIdOf(account, "leboncoin", String(n)));
  expect(ads.filter((ad) => seen.add(ad))).toHaveLength(ads.length);
  expect(ads.filter((ad) => seen.add(ad))).toEqual([]);
});
