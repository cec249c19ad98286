import { inboundCodec } from "@outrider/contracts/sms";
import { streams } from "@outrider/contracts/streams";
import type { Problem } from "../../chaos/verdict.ts";
import type { Day } from "./day.ts";
import { decisions } from "./decisions.ts";
import { silencesIn } from "./silences.ts";

/** Whatever people wrote is heard, once, by whichever way and however often it was told; whoever wrote STOP was opted out by then. */
export const repliesAreHeard = async ({ world, houses, chronicle }: Day): Promise<readonly Problem[]> => {
  const silences = await silencesIn(world, chronicle.offsetMs);
  const problems: Problem[] = [];
  const heard = new Map<string, number>();
  for await (const { subject, account, at, events } of decisions(world, streams.sms, "sms.inbound", inboundCodec)) {
    for (const event of events) {
      if (event.type !== "InboundReceived") continue;
      heard.set(account, (heard.get(account) ?? 0) + 1);
      const { person, keyword } = event.data;
      if (keyword !== "stop") continue;
      const before = Date.parse(at) - chronicle.offsetMs;
      if (!silences.some((one) => one.account === account && one.person === person && one.from <= before))
        problems.push({ what: `${person} of ${account} wrote STOP and is not opted out`, subject });
    }
  }
  for (const { account, wrote } of houses) {
    const count = heard.get(account) ?? 0;
    if (count !== wrote) problems.push({ what: `people wrote ${wrote} messages to ${account}, and ${count} were heard` });
  }
  return problems;
};
