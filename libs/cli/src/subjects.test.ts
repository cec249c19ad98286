import { expect, test } from "vitest";
import { accountOfKey, subjectOf } from "./subjects.ts";

const demo = () => "demo";
const nobody = () => {
  throw new Error("nobody should have asked");
};

test.each([
  ["contact:Yb3", "sms.contact.54.demo.Yb3"],
  ["person:p_1", "registry.person.54.demo.p_1"],
  ["hunt:h", "hunts.hunt.54.demo.h"],
  ["run:2026-11-21", "hunts.run.54.demo.2026-11-21"],
  ["ad:a", "ads.ad.54.demo.a"],
  ["import:i", "ads.import.54.demo.i"],
  ["line:main", "sms.line.54.demo.main"],
  ["balance", "ledger.balance.54.demo.demo"],
  ["account", "registry.account.54.demo.demo"],
])("%s is %s in the account demo", (what, subject) => expect(subjectOf(what, demo)).toBe(subject));

test("a whole subject stays, and no account is needed", () => {
  expect(subjectOf("sms.contact.07.garage.Yb3", nobody)).toBe("sms.contact.07.garage.Yb3");
});

test.each(["contact", "contact:", "contact:*", "contact:a>b", "balance:x", "horse:1", "", "toString:1", "constructor"])(
  "%j names nothing",
  (what) => {
    expect(() => subjectOf(what, demo)).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining("names nothing") }),
    );
  },
);

test("the account is the one that was told, else the key's", () => {
  const key = `or_my_garage-1_${"x_-".repeat(15).slice(0, 43)}`;
  expect(accountOfKey({ key })).toBe("my_garage-1");
  expect(accountOfKey({ key, account: "other" })).toBe("other");
  expect(() => accountOfKey({ key: "operator" })).toThrow(/say whose with --account/);
  expect(() => accountOfKey({ key, account: "a.b" })).toThrow(/names no account/);
});
