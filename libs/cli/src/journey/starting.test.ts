import { expect, test } from "vitest";
import type { Output } from "../output.ts";
import { starting } from "./starting.ts";

test("once all are ready, an end is told in one line, and no more of the start", () => {
  const said: string[] = [];
  const output: Output = {
    ...{ json: false, terminal: false, columns: () => 100, draw: () => undefined, result: () => undefined, found: () => undefined },
    say: (line) => void said.push(line),
  };
  const shown = starting(output, ["gateway", "registry"]);
  expect(shown.standing()).toBeUndefined();
  shown.onEvent({ kind: "started", name: "gateway", replica: 1, pid: 41, restarts: 0 });
  expect(shown.standing()).toEqual(expect.any(Number));
  for (const name of ["gateway", "registry"]) shown.onEvent({ kind: "ready", name, replica: 1 });
  shown.ready();
  expect(said.at(-1)).toMatch(/2 services are ready/);
  const before = said.length;
  shown.onEvent({ kind: "exited", name: "gateway", replica: 1, how: "SIGKILL", restartInMs: 250 });
  shown.onEvent({ kind: "started", name: "gateway", replica: 1, pid: 42, restarts: 1 });
  expect(said.slice(before)).toEqual(["  gateway ended (SIGKILL) and is started again"]);
});
