import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { apiOf } from "../api.ts";
import type { Output } from "../output.ts";
import { watchRun } from "./run.ts";

test("a second pass tells what it has done itself, as its summary does", async () => {
  const progress = { found: 1_684, allocated: 499, byStatus: { accepted: 499 }, skipped: {}, hunts: [] };
  const gateway = createServer((_request, response) => response.end(JSON.stringify({ settled: true, progress })));
  await new Promise<void>((listening) => gateway.listen(0, "127.0.0.1", listening));
  onTestFinished(() => void gateway.close());
  const api = apiOf({ url: `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`, key: "k" });
  const said: string[] = [];
  const output: Output = {
    ...{ json: false, terminal: false, columns: () => 100, say: (line) => said.push(line) },
    ...{ draw: () => undefined, result: () => undefined, found: () => undefined },
  };
  await watchRun(api, output, "2026-11-23", { found: 842, allocated: 499 });
  await watchRun(api, output, "2026-11-23");
  expect(said).toEqual([
    expect.stringContaining("run 2026-11-23: 0 contacts for 842 matching ads"),
    expect.stringContaining("run 2026-11-23: 499 contacts for 1,684 matching ads"),
  ]);
});
