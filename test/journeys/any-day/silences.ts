import { personCodec } from "@outrider/contracts/registry";
import { streams } from "@outrider/contracts/streams";
import type { World } from "../../world.ts";
import { decisions } from "./decisions.ts";

/** Somebody was to be left alone from a moment to another one, in ms of real time. */
export interface Silence {
  readonly account: string;
  readonly person: string;
  readonly why: "opted out" | "been erased";
  readonly from: number;
  to: number;
}

/** Who was to be left alone when: from an opt-out to the next opt-in, from an erasure for ever. */
export const silencesIn = async (world: World, offsetMs: number): Promise<readonly Silence[]> => {
  const all: Silence[] = [];
  for await (const { account, id: person, at, events } of decisions(world, streams.registry, "registry.person", personCodec)) {
    const from = Date.parse(at) - offsetMs;
    for (const { type } of events) {
      if (type === "OptedOut") all.push({ account, person, why: "opted out", from, to: Number.POSITIVE_INFINITY });
      if (type === "PersonErased") all.push({ account, person, why: "been erased", from, to: Number.POSITIVE_INFINITY });
      if (type !== "OptedIn") continue;
      for (const one of all) {
        if (one.account === account && one.person === person && one.why === "opted out") one.to = Math.min(one.to, from);
      }
    }
  }
  return all;
};
