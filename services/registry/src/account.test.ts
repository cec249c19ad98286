import { offerToBuyNotice } from "@outrider/contact-policy";
import { accountId, lineId } from "@outrider/contracts/ids";
import { type AccountEvent, accountCodec, accountPolicy } from "@outrider/contracts/registry";
import { scenario } from "@outrider/eventing/testing";
import { expect, test } from "vitest";
import { type AccountCommand, account } from "./account.ts";

const { given } = scenario(account);
const policy = accountPolicy.parse({});
const id = accountId.parse("garage");
const founding = { account: id, name: "Garage du Port", timeZone: "Europe/Paris", country: "FR", policy };
const secret = { k: "account.garage", v: "one" };
const apiKey = { key: "k1", hash: "h1", scopes: ["admin" as const], label: "first" };
const create: AccountCommand = { type: "Create", founding, secret, apiKey };
const created: AccountEvent = { type: "AccountCreated", data: { ...founding, secret } };
const firstKey: AccountEvent = { type: "ApiKeyAdded", data: apiKey };
const open = given(created, firstKey);
const line = lineId.parse("phone-1");
const credentials = { k: "sms", v: "sealed" };
const connected: AccountEvent = { type: "ProviderConnected", data: { provider: "smsmobileapi", line, credentials } };

test("opens an account with its first key", () => given().when(create).then(created, firstKey));
test("answers a repeated creation as before, whatever secret the repeat brings", () =>
  open.when({ ...create, secret: { k: "account.garage", v: "two" } }).thenNothing());
test("refuses another account under the same id", () => {
  open.when({ ...create, founding: { ...founding, name: "Somebody else" } }).thenRefused("already-exists");
  open.when({ ...create, apiKey: { ...apiKey, hash: "h2" } }).thenRefused("already-exists");
});
test("still knows how it was created after its policy has changed", () =>
  given(created, firstKey, { type: "AccountPolicyChanged", data: { policy: { ...policy, dailyLimit: 5 } } })
    .when(create)
    .thenNothing());
test("keeps the reserved account out of reach", () =>
  given()
    .when({ ...create, founding: { ...founding, account: accountId.parse("system") } })
    .thenRefused("reserved"));

test("pauses everything without any account being created", () => {
  const system = accountId.parse("system");
  given()
    .when({ type: "Pause", account: system, by: "cli" })
    .then({ type: "AccountPaused", data: { by: "cli" } });
  given({ type: "AccountPaused", data: { by: "cli" } })
    .when({ type: "Resume", account: system, by: "cli" })
    .then({ type: "AccountResumed", data: { by: "cli" } });
});
test("pauses once and resumes once", () => {
  const paused: AccountEvent = { type: "AccountPaused", data: { by: "cli" } };
  open.when({ type: "Pause", account: id, by: "cli" }).then(paused);
  given(created, firstKey, paused).when({ type: "Pause", account: id, by: "api" }).thenNothing();
  open.when({ type: "Resume", account: id, by: "cli" }).thenNothing();
  given().when({ type: "Pause", account: id, by: "cli" }).thenRefused("not-found");
});

test("adds a key once, and never takes back a revoked one", () => {
  const second = { key: "k2", hash: "h2", scopes: ["read" as const], label: "reader" };
  const added: AccountEvent = { type: "ApiKeyAdded", data: second };
  open.when({ type: "AddApiKey", apiKey: second }).then(added);
  given(created, firstKey, added).when({ type: "AddApiKey", apiKey: second }).thenNothing();
  given(created, firstKey, added)
    .when({ type: "AddApiKey", apiKey: { ...second, hash: "h3" } })
    .thenRefused("key-taken");
  const revoked: AccountEvent = { type: "ApiKeyRevoked", data: { key: "k2" } };
  given(created, firstKey, added).when({ type: "RevokeApiKey", key: "k2" }).then(revoked);
  given(created, firstKey, added, revoked).when({ type: "RevokeApiKey", key: "k2" }).thenNothing();
  given(created, firstKey, added, revoked).when({ type: "AddApiKey", apiKey: second }).thenRefused("key-taken");
});
test("never locks the last administrator out", () => {
  open.when({ type: "RevokeApiKey", key: "k1" }).thenRefused("last-admin-key");
  open.when({ type: "RevokeApiKey", key: "k9" }).thenRefused("unknown-key");
});

test("connects a provider's line once, and again when the credentials are new", () => {
  const connect = { type: "ConnectProvider", provider: "smsmobileapi", line, credentials } as const;
  open.when(connect).then(connected);
  given(created, firstKey, connected).when(connect).thenNothing();
  const { decision } = given(created, firstKey, connected).when({ ...connect, credentials: { k: "sms", v: "new" } });
  expect(decision).toMatchObject({ accepted: true, events: [{ data: { credentials: { v: "new" } } }] });
  given(created, firstKey, connected)
    .when({ type: "DisconnectProvider", provider: "smsmobileapi", line })
    .then({ type: "ProviderDisconnected", data: { provider: "smsmobileapi", line } });
  open.when({ type: "DisconnectProvider", provider: "smsmobileapi", line }).thenNothing();
});

test("a line that is connected with another key stays in its place, the first", () => {
  const second: AccountEvent = { type: "ProviderConnected", data: { provider: "smsmobileapi", credentials, line: lineId.parse("second") } };
  const again: AccountEvent = { type: "ProviderConnected", data: { provider: "smsmobileapi", line, credentials: { k: "sms", v: "new" } } };
  const { state } = given(created, firstKey, connected, second, again).when({ type: "ChangePolicy", change: {} });
  expect(state).toMatchObject({ providers: [{ line, credentials: { v: "new" } }, { line: "second" }] });
});

test("changes only what a change of policy names", () => {
  open
    .when({ type: "ChangePolicy", change: { dailyLimit: 50 } })
    .then({ type: "AccountPolicyChanged", data: { policy: { ...policy, dailyLimit: 50 } } });
  open.when({ type: "ChangePolicy", change: {} }).thenNothing();
});
test("a weekday that is named twice is one", () =>
  open
    .when({ type: "ChangePolicy", change: { runWeekdays: [3, 1, 3] } })
    .then({ type: "AccountPolicyChanged", data: { policy: { ...policy, runWeekdays: [1, 3] } } }));
test("records who confirmed the offer to buy, the first time", () => {
  const confirm = { type: "ConfirmOfferToBuy", by: "Anne", notice: offerToBuyNotice, at: "2026-11-20T10:00:00.000Z" } as const;
  const { type: _, ...data } = confirm;
  open.when(confirm).then({ type: "OfferToBuyConfirmed", data });
  given(created, firstKey, { type: "OfferToBuyConfirmed", data })
    .when({ ...confirm, by: "Marc" })
    .thenNothing();
});
test("records who confirmed the notice of today, though an earlier one was confirmed before", () => {
  const confirm = { type: "ConfirmOfferToBuy", by: "Marc", notice: offerToBuyNotice, at: "2026-11-20T10:00:00.000Z" } as const;
  const { type: _, ...data } = confirm;
  given(created, firstKey, { type: "OfferToBuyConfirmed", data: { ...data, by: "Anne", notice: "An earlier notice." } })
    .when(confirm)
    .then({ type: "OfferToBuyConfirmed", data });
});
test("takes no other text for the notice", () => {
  for (const notice of ["v1", "", `${offerToBuyNotice} Not me.`]) {
    open.when({ type: "ConfirmOfferToBuy", by: "Anne", notice, at: "2026-11-20T10:00:00.000Z" }).thenRefused("another-notice");
  }
});

test("every event of an account survives being stored", () => {
  const all: AccountEvent[] = [
    created,
    firstKey,
    connected,
    { type: "ApiKeyRevoked", data: { key: "k1" } },
    { type: "ProviderDisconnected", data: { provider: "smsmobileapi", line } },
    { type: "AccountPolicyChanged", data: { policy } },
    { type: "OfferToBuyConfirmed", data: { by: "Anne", at: "2026-11-20T10:00:00.000Z", notice: "v1" } },
    { type: "AccountPaused", data: { by: "cli" } },
    { type: "AccountResumed", data: { by: "cli" } },
  ];
  const at = "2026-11-20T10:00:00.000Z";
  expect(accountCodec.decode(accountCodec.encode(at, all))).toEqual({ kind: "events", at, events: all });
});
