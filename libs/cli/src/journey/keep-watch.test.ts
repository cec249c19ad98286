import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import type { Answered } from "../service-health.ts";
import { watchOver } from "./keep-watch.ts";

const answered = (name: string, ...reasons: string[]): Answered => ({
  ...{ name, replica: 1, health: "http://127.0.0.1:1/health/ready", notes: [] },
  ...{ ready: reasons.length === 0, reasons },
});

test("a service that stays not ready is told once with its reasons, and told again when it is ready", () => {
  const lines: string[] = [];
  const look = watchOver((line) => lines.push(stripVTControlCharacters(line)));
  const stuck = answered("projector", "SMS:9 was written by a newer release", "MongoDB cannot be reached");
  look([answered("gateway"), answered("projector", "it does not answer: ended, or starting")]);
  expect(lines).toEqual([]); // it may be on its way
  for (let looks = 0; looks < 3; looks++) look([answered("gateway"), stuck]);
  expect(lines).toEqual(["  ✗ projector is not ready: SMS:9 was written by a newer release; MongoDB cannot be reached"]);
  look([answered("gateway"), answered("projector")]);
  look([answered("gateway"), answered("projector")]);
  expect(lines.slice(1)).toEqual(["  ✓ projector is ready again"]);
});

test("one that was away for a single look is told neither way", () => {
  const lines: string[] = [];
  const look = watchOver((line) => lines.push(line));
  for (const one of [answered("registry", "NATS is away"), answered("registry"), answered("registry", "NATS is away")]) look([one]);
  expect(lines).toEqual([]);
});
