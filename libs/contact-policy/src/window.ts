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

/**
 * The ISO weekdays (1 Monday … 7 Sunday) that a country's own row leaves open for a kind of contact; rows of single areas narrow them for
 * their recipients alone, and so do holidays: `gate` decides about each contact. Undefined: no pack, or none for this channel.
 */
export const lawfulWeekdays = (
  { channel, purpose }: { readonly channel: Channel; readonly purpose: Purpose },
  country: string,
): readonly number[] | undefined => {
  const rules = packFor(country)?.channels[channel]?.purposes[purpose];
  if (rules === undefined) return undefined;
  return [1, 2, 3, 4, 5, 6, 7].filter((day) => rules.times?.base.closed?.includes(day) !== true);
};
