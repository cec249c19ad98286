import type { Ad, AdEvent } from "@outrider/contracts/ads";
import { adId, importId, personId } from "@outrider/contracts/ids";
import { scenario } from "@outrider/eventing/testing";
import { test } from "vitest";
import { adRule, type SeeAd } from "./ad.ts";

const seenAt = "2026-11-20T10:00:00.000Z";
const by = importId.parse("import-1");
const sealed = { k: "person.a.p", v: "sealed" };
const peugeot: Ad = {
  ad: adId.parse("ad-1"),
  source: "file",
  sourceId: "1",
  person: personId.parse("p"),
  title: "Peugeot 807",
  description: sealed,
  ownerType: "private",
  noCanvassing: false,
  price: 5000,
  publishedAt: "2026-11-01T00:00:00.000Z",
  digest: "visible.text..phone",
};
const see = (ad: Ad, more: Partial<SeeAd> = {}): SeeAd => ({ kind: "see", ad, erased: false, import: by, seenAt, ...more });
const listed: AdEvent = { type: "AdListed", data: { ad: peugeot, import: by, seenAt } };
const { description: _text, ...bare } = peugeot;

test("an ad seen for the first time is listed", () => scenario(adRule).given().when(see(peugeot)).then(listed));

test("the same ad seen again says nothing new", () => scenario(adRule).given(listed).when(see(peugeot)).thenNothing());

test("a price drop is a change that names the price before", () => {
  const cheaper = { ...peugeot, price: 4500, digest: "cheaper.text..phone" };
  scenario(adRule)
    .given(listed)
    .when(see(cheaper))
    .then({ type: "AdChanged", data: { ad: cheaper, changed: ["price"], previousPrice: 5000, import: by, seenAt } });
});

test("a new text is told by its digest, since nobody can compare what is sealed", () => {
  const reworded = { ...peugeot, description: { k: sealed.k, v: "other" }, digest: "visible.other..phone" };
  scenario(adRule)
    .given(listed)
    .when(see(reworded))
    .then({ type: "AdChanged", data: { ad: reworded, changed: ["description"], import: by, seenAt } });
});

test("an ad without an owner gains one although its row is the same", () => {
  const { person: _nobody, ...ownerless } = bare;
  scenario(adRule)
    .given({ type: "AdListed", data: { ad: ownerless, seenAt } })
    .when(see(peugeot))
    .then({ type: "AdChanged", data: { ad: peugeot, changed: ["person"], import: by, seenAt } });
});

test("an ad of an erased owner is stored without what is personal", () =>
  scenario(adRule)
    .given()
    .when(see(peugeot, { erased: true }))
    .then({ type: "AdListed", data: { ad: bare, import: by, seenAt } }));

test("an ad seen again after its owner was erased loses what is personal, once", () => {
  const stripped: AdEvent = { type: "AdDepersonalised", data: { ad: bare } };
  scenario(adRule)
    .given(listed)
    .when(see(peugeot, { erased: true }))
    .then(stripped);
  scenario(adRule)
    .given(listed, stripped)
    .when(see(peugeot, { erased: true }))
    .thenNothing();
});
