import { lineLimits } from "@outrider/contracts/sms";
import { expect, test } from "vitest";
import { turnLimits } from "./config.ts";
import { isMissed } from "./turns.ts";

const at = Date.parse("2026-11-20T10:00:00.000Z");
const missed = (limits: object, lateMs: number) =>
  isMissed(lineLimits.parse({ jitterMs: 0, recipientsPerDay: 100, minGapMs: 0, ...limits }), new Date(at).toISOString(), at + lateMs);

test.each([
  ["half a gap late, and a little", { minGapMs: 60_000 }, 30_000 + turnLimits.lateMs, false],
  ["later than that", { minGapMs: 60_000 }, 30_001 + turnLimits.lateMs, true],
  ["late on a line without a gap", {}, 3_600_000, false],
  ["late on a line without a gap that spreads", { spread: true }, turnLimits.lateMs + 1, true],
])("a turn that is %s", (_how, limits, lateMs, expected) => expect(missed(limits, lateMs)).toBe(expected));
