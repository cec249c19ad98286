import { adId, personId } from "@outrider/contracts/ids";
import { expect, test } from "vitest";
import { newestOf } from "./newest.ts";

test("of very many, no more are in memory than could be used and a thousand, and the pairs of the others are counted", () => {
  const newest = newestOf(3);
  let most = 0;
  for (let index = 0; index < 10_000; index++) {
    const publishedMs = (index * 7919) % 10_007;
    newest.add({ person: personId.parse(`p${index}`), ad: adId.parse(`a${index}`), publishedMs, pairs: 2, routes: 1, kept: "" });
    most = Math.max(most, newest.held());
  }
  expect(most).toBeLessThan(2 * 3 + 1000);
  const { eligible, beyond } = newest.kept();
  expect(eligible.map(({ publishedMs }) => publishedMs)).toEqual([10_006, 10_005, 10_004]);
  expect(beyond).toBe(2 * (10_000 - 3));
});
