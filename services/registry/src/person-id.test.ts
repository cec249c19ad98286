import { createHmac, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { keyedHash, personIdOf } from "./person-id.ts";

test("a person's id is the HMAC-SHA256 of the number under the account's secret", () => {
  for (const number of ["+33639980000", "+12125550100", "", "é".repeat(500)]) {
    const secret = randomBytes(32);
    const wanted = createHmac("sha256", secret).update(number).digest("base64url").slice(0, 22);
    const hash = keyedHash(secret);
    expect([hash(number), hash("another"), hash(number)]).toEqual([wanted, expect.not.stringMatching(wanted), wanted]);
    expect(personIdOf(hash, number)).toBe(wanted);
  }
});
test("two accounts know the same number under ids that nobody can match", () => {
  expect(keyedHash(randomBytes(32))("+33639980000")).not.toBe(keyedHash(randomBytes(32))("+33639980000"));
});
