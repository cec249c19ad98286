import { openTenant, openWorld } from "../world.ts";
import type { Bench } from "./bench.ts";
import { adminOf } from "./http.ts";
import { medianOf, quantileOf, rounded } from "./rounds.ts";

const goalMs = 20;
/** Requests that warm the services up and are not counted. */
const warmUps = 20;
/** Between two requests, so that each finds an idle system. */
const restMs = 40;
const answerMs = 30_000;

export const idle: Bench = {
  name: "idle",
  about: "one contact on an idle system, from POST /v1/contacts to the provider's log",
  run: async ({ requests }, tell) => {
    await using world = await openWorld({ env: { POLL_PROVIDER_MS: "0" } });
    await world.sim.setFaults({ latencyMs: 0, latencyJitterMs: 0, webhooks: false });
    const { account, line } = await openTenant(world, { name: "bench", credits: 10 * (requests + warmUps), hunts: [] });
    const api = adminOf(world, account);
    const asked = new Map<string, number>();
    const answered: number[] = [];
    for (let index = 0; index < requests + warmUps; index++) {
      const text = `Bonjour ${index}`;
      const number = `+336399${80_000 + (index % 10_000)}`;
      const began = performance.timeOrigin + performance.now();
      asked.set(text, began);
      await api.post("/v1/contacts", { number, line, text, purpose: "prospecting", legalBasis: "offer-to-buy" });
      answered.push(performance.timeOrigin + performance.now() - began);
      await untilTaken(async () => ((await world.sim.stats()).fates["accepted"] ?? 0) > index);
      await pause(restMs * (0.5 + Math.random()));
      if (index === warmUps) tell(`${requests} requests, one after another`);
    }
    const taken: number[] = [];
    for await (const { operation, text, at } of world.sim.log()) {
      const began = asked.get(text ?? "");
      if (operation === "sendsms" && began !== undefined) taken.push(Date.parse(at) - began);
    }
    if (taken.length !== requests + warmUps) throw new Error(`the provider took ${taken.length} messages, not ${requests + warmUps}`);
    const counted = taken.slice(warmUps);
    const answers = answered.slice(warmUps);
    const [p50, p99] = [medianOf(counted), quantileOf(counted, 0.99)];
    return {
      figures: {
        requests,
        p50Ms: rounded(p50, 1),
        p99Ms: rounded(p99, 1),
        answered: { p50Ms: rounded(medianOf(answers), 1), p99Ms: rounded(quantileOf(answers, 0.99), 1) },
      },
      tables: [
        {
          title: `${requests} requests one after another, each to a number that nobody knew`,
          head: ["ms from the request", "p50", "p90", "p99", "longest"],
          rows: [
            ["to the provider", ...spread(counted)],
            ["to the API's own answer", ...spread(answers)],
          ],
        },
      ],
      notes: [verdict("p50", p50), verdict("p99", p99)],
    };
  },
};

const verdict = (name: string, ms: number): string =>
  `${name} to the provider: ${ms.toFixed(1)} ms (goal ≤ ${goalMs}: ${ms <= goalMs ? "reached" : "missed"})`;

const spread = (values: readonly number[]): readonly number[] => [0.5, 0.9, 0.99, 1].map((share) => rounded(quantileOf(values, share), 1));

const pause = (ms: number): Promise<void> => new Promise((resume) => setTimeout(resume, ms));

const untilTaken = async (taken: () => Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + answerMs;
  while (!(await taken())) {
    if (performance.now() > deadline) throw new Error("a message did not reach the provider");
    await pause(10);
  }
};
