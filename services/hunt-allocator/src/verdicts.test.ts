import { offerToBuyNotice } from "@outrider/contact-policy";
import { accountId, adId, huntId, personId } from "@outrider/contracts/ids";
import { accountPolicy } from "@outrider/contracts/registry";
import { expect, test } from "vitest";
import type { Found } from "./candidates.ts";
import type { HuntInPlay, Route } from "./survey.ts";
import { huntDefinitionOf, line } from "./testing-definitions.ts";
import { contactOf, preview } from "./verdicts.ts";
import type { AdDocument, HuntDocument } from "./views.ts";

const account = accountId.parse("acc");
const [hunt, other] = [huntId.parse("h0"), huntId.parse("h1")];
/** A Friday, 11:00 in Paris. */
const now = "2026-11-20T10:00:00.000Z";
const route: Route = { channel: "sms", line, price: 1 };
const documentOf = (id: typeof hunt): HuntDocument => ({ account, status: "active", hunt: id, definition: huntDefinitionOf(id) });
const inPlay = (id: typeof hunt): HuntInPlay => ({
  ...{ hunt: id, priority: 5, routes: [route], wants: () => true, left: null, allocatedToday: 0, allocatedInPass: 0 },
});
const adOf = (person: string): AdDocument => ({
  ...{ account, ad: adId.parse(`ad-${person}`), person: personId.parse(person), source: "s", title: "Clio", ownerType: "private" },
  ...{ noCanvassing: false, publishedMs: Date.parse(now) - 1000, seenMs: Date.parse(now) },
  facts: { country: "FR", lineType: "mobile", zones: ["Europe/Paris"], fiction: true },
});
const someone = (person: string, more: Partial<Found> = {}): Found => ({
  ...{ person: personId.parse(person), ads: [adOf(person)], gated: new Map() },
  ...more,
});
const contactedAt = (person: string, at: string): NonNullable<Found["contacted"]> => ({
  ...{ account, person: personId.parse(person), denials: {}, lastMs: Date.parse(at) },
  contacts: [
    { hunt, contact: contactOf(account, hunt, personId.parse(person)), at, channel: "sms", purpose: "prospecting", run: "r", pass: 1 },
  ],
});
/** The gate of one pass: what it remembers is shared by all who are judged. */
const judging = () => {
  const known = {
    ...{ account, name: "Acme", timeZone: "Europe/Paris", country: "FR", paused: false, providers: new Map() },
    policy: accountPolicy.parse({}),
    offerToBuyConfirmed: { by: "ops", at: "2026-01-01T00:00:00Z", notice: offerToBuyNotice },
  };
  const hunts = new Map([hunt, other].map((id) => [id, documentOf(id)]));
  const { candidate, judge } = preview({ account: known, hunts, now, sandbox: true });
  return (found: Found, id = hunt) => judge(candidate(found), inPlay(id), route, adOf(found.person ?? ""));
};

test("the answer about those of whom nothing is known is nobody's who has said something", () => {
  const judge = judging();
  expect(judge(someone("p0"))).toEqual({ allowed: true });
  const said = { account, person: personId.parse("p1"), consents: [], optedOut: { at: now, by: "keyword" } };
  expect(judge(someone("p1", { said }))).toEqual({ allowed: false, rule: "opted-out", lasting: true });
  expect(judge(someone("p2"))).toEqual({ allowed: true });
});

test("whom this hunt has written to is passed over, and that is no denial to record", () => {
  const contacted = contactedAt("p0", "2026-11-01T10:00:00.000Z");
  expect(judging()(someone("p0", { contacted }))).toEqual({ allowed: false, rule: "already-contacted", lasting: false });
});

test("a contact that ended without having left counts for nobody, also when it ended in its very millisecond", () => {
  const at = "2026-11-19T10:00:00.000Z";
  const contacted = contactedAt("p0", at);
  const endedAt = (moment: string) => ({ contacted, gated: new Map([[contactOf(account, hunt, personId.parse("p0")), moment]]) });
  for (const id of [hunt, other]) {
    expect(judging()(someone("p0", endedAt(at)), id)).toEqual({ allowed: true });
    expect(judging()(someone("p0", endedAt("2026-11-19T09:59:59.999Z")), id)).toMatchObject({ allowed: false });
  }
});
