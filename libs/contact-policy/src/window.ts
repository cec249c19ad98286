import { windowOn } from "./calendar.ts";
import { instant } from "./local-time.ts";
import { packFor } from "./packs/installed.ts";
import type { Channel, NumberFacts, Purpose } from "./types.ts";
import { lawfulTimes } from "./whereabouts.ts";

/**
 * From when to when the law lets numbers like this one be contacted on the local day of `now`, as ISO 8601 times in UTC. Undefined: not at
 * all that day, or no pack or no hours are known. For planning alone: `gate` decides about each contact.
 */
export const lawfulWindow = (
  request: { readonly channel: Channel; readonly purpose: Purpose },
  number: NumberFacts,
  now: string,
): { readonly from: string; readonly to: string } | undefined => {
  const pack = packFor(number.country);
  const times = pack?.channels[request.channel]?.purposes[request.purpose].times;
  if (pack === undefined || times === undefined || number.zones.length === 0) return undefined;
  const window = windowOn(lawfulTimes(pack, times, number), instant(now));
  return window && { from: new Date(window.from).toISOString(), to: new Date(window.to).toISOString() };
};
