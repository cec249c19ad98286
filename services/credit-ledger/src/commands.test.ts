import { accountId } from "@outrider/contracts/ids";
import { ledgerCommands } from "@outrider/contracts/ledger";
import type { Asked } from "@outrider/eventing";
import { expect, test } from "vitest";
import { balance } from "./balance.ts";
import { commands } from "./commands.ts";

const account = accountId.parse("garage");

test.each([
  [ledgerCommands.grant, { account, grant: "g", credits: 1, by: "ops" }],
  [ledgerCommands.reserve, { account, reservation: "r", most: 1, atLeast: 1, purpose: "pass" }],
])("$name is carried out as long as its asker waits, and no longer", async (definition, request) => {
  const asked: Asked[] = [];
  const state = balance.evolve(
    balance.initial(),
    { type: "CreditsReserved", data: { reservation: "r", credits: 1, purpose: "pass" } },
    "2026-11-20T10:00:00.000Z",
  );
  const balances = {
    execute: async (_subject: string, _command: unknown, how: Asked) => {
      asked.push(how);
      return { kind: "already", revision: 1, events: [], state } as const;
    },
    fold: async () => ({ state, revision: 1, trace: undefined }),
  };
  const clock = { now: () => new Date().toISOString(), realNowMs: Date.now };
  const handler = commands(balances, clock, { LEDGER_CLAIM_MS: 1000 }).find((each) => each.definition.name === definition.name);
  const context = { commandId: "c", correlation: "c", causation: undefined, actor: "a", traceparent: "" };
  const before = performance.now();
  await handler?.run(request, { ...context, deadline: AbortSignal.timeout(1), deadlineAt: Date.now() + 700 });
  const { deadline = 0 } = asked[0] ?? {};
  expect(deadline).toBeGreaterThan(before + 600);
  expect(deadline).toBeLessThanOrEqual(performance.now() + 700);
});
