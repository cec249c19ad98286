import { accountId, huntId, lineId } from "@outrider/contracts/ids";
import { accountPolicy } from "@outrider/contracts/registry";
import { expect, test } from "vitest";
import { capacityOf, type LineState, type PlayOptions, playOf } from "./play.ts";
import { huntDefinitionOf, line } from "./testing-definitions.ts";
import type { HuntDocument } from "./views.ts";

const account = accountId.parse("acc");
const hunt = huntId.parse("h0");
const open: LineState = { paused: false, leftToday: null, perDay: null };
const documentOf = (more: object = {}, status: HuntDocument["status"] = "active"): HuntDocument => ({
  ...{ account, hunt, status, definition: huntDefinitionOf("h0", more) },
});
const options = (more: Partial<PlayOptions> = {}): PlayOptions => ({
  account: {
    ...{ account, name: "Acme", timeZone: "Europe/Paris", country: "FR", paused: false, providers: new Map() },
    policy: accountPolicy.parse({ dailyLimit: 10 }),
  },
  accounts: { pausedBy: () => undefined },
  lines: new Map([[line, open]]),
  prices: { sms: 1, whatsapp: 3 },
  nowMs: Date.parse("2026-11-20T10:00:00.000Z"),
  run: { byHunt: new Map([[hunt, 3]]), byLine: new Map([[line, 4]]), allocatedToday: 5 },
  requested: { all: 2, hunts: { [hunt]: 1 } },
  ...more,
});
const only = (document: HuntDocument, more: Partial<PlayOptions> = {}) => playOf([document], options(more)).hunts[0];

test("a hunt that was archived is told as archived, although whoever watches takes it for paused", () => {
  const accounts = { pausedBy: () => "hunt" as const };
  expect(only(documentOf({}, "archived"), { accounts })?.closed).toBe("archived");
  expect(only(documentOf(), { accounts })?.closed).toBe("paused");
  expect(only(documentOf({}, "paused"))?.closed).toBe("paused");
  expect(only(documentOf({}, "draft"))?.closed).toBe("draft");
  expect(only(documentOf())?.closed).toBeUndefined();
});

test("a hunt with one line paused and another not connected waits for the first: that is no error of its own", () => {
  const two = {
    channels: ["whatsapp", "sms"],
    lines: { whatsapp: lineId.parse("nowhere"), sms: line },
    templates: { sms: "Bonjour", whatsapp: "Bonjour" },
  };
  const paused = new Map([[line, { ...open, paused: true }]]);
  expect(only(documentOf(two), { lines: paused })).toMatchObject({ closed: "line-paused", error: undefined });
  expect(only(documentOf(two), { lines: new Map() })).toMatchObject({
    ...{ closed: "hunt-error", error: "line nowhere is not connected" },
  });
});

test("what was asked for by hand today leaves less to a hunt and to its account", () => {
  expect(only(documentOf({ dailyLimit: 5 }))?.left).toBe(1);
  expect(only(documentOf({ dailyLimit: 3 }))?.left).toBe(0);
  expect(capacityOf(options(), 100, 100).account).toBe(3);
});

test("of a line, no more is left than its own answer says, and than our own rows of today leave", () => {
  const left = (state: Partial<LineState>) =>
    capacityOf(options({ lines: new Map([[line, { ...open, ...state }]]) }), 100, 100).lines.get(line);
  expect(left({ perDay: 10, leftToday: 9 })).toBe(6);
  expect(left({ perDay: 10, leftToday: 2 })).toBe(2);
  expect(left({ perDay: 3, leftToday: 3 })).toBe(0);
  expect(left({})).toBeNull();
});
