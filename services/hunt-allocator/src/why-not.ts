import type { huntCommands } from "@outrider/contracts/hunts";
import type { PersonId } from "@outrider/contracts/ids";
import type { CommandContext, KnownAccount } from "@outrider/platform";
import type { z } from "zod";
import type { Found } from "./candidates.ts";
import { matches } from "./matches.ts";
import type { PassTools } from "./pass.ts";
import { askLines, playOf } from "./play.ts";
import type { HuntInPlay } from "./survey.ts";
import { preview } from "./verdicts.ts";
import type { HuntDocument } from "./views.ts";

type WhyNot = z.output<(typeof huntCommands)["whyNot"]["reply"]>;
type Answer = WhyNot["hunts"][number];

const remedies: Readonly<Record<string, string>> = {
  paused: "Resume what is paused.",
  "hunt-error": "Mend the hunt: its error says what is wrong.",
  "line-paused": "Resume the hunt's line.",
};

/** Each active hunt's answer about one person now, and what was recorded last. Limits are left out: they are the day's, not the person's. */
export const whyNot = async (tools: PassTools, account: KnownAccount, person: PersonId, context: CommandContext): Promise<WhyNot> => {
  const { accounts, ask, candidates, clock, prices, sandbox } = tools;
  const documents = await candidates.hunts(account.account);
  const found = await candidates.person(account.account, person);
  const { correlation, traceparent, deadlineAt: deadline } = context;
  const lines = await askLines(ask, account, documents, { correlation, traceparent, deadline });
  const nowMs = clock.nowMs();
  const run = { byHunt: new Map(), byLine: new Map(), allocatedToday: 0 };
  const requested = { all: 0, hunts: {} };
  const { hunts } = playOf(documents, { account, accounts, lines, prices, nowMs, run, requested });
  const gate = preview({ account, hunts: new Map(documents.map((each) => [each.hunt, each])), now: clock.now(), sandbox });
  return {
    hunts: documents.map((document, index) => {
      const play = hunts[index];
      const last = found.contacted?.denials[document.hunt];
      const ads = found.ads.filter((ad) =>
        matches({ source: document.definition.source, criteria: document.definition.criteria }, ad, nowMs),
      );
      return {
        ...{ hunt: document.hunt, name: document.definition.name, ads: ads.map(({ ad }) => ad) },
        ...(play === undefined ? { verdict: "unknown" } : verdictOf(gate, document, play, { ...found, ads })),
        ...(last === undefined ? {} : { lastDenial: last }),
      };
    }),
  };
};

const verdictOf = (
  gate: ReturnType<typeof preview>,
  document: HuntDocument,
  { closed, error, routes }: HuntInPlay,
  found: Found,
): Pick<Answer, "verdict" | "rule" | "remedy"> => {
  const [newest] = [...found.ads].toSorted((one, other) => other.publishedMs - one.publishedMs);
  if (newest === undefined) return { verdict: "no-matching-ad", remedy: "Widen the hunt's criteria, or wait for an ad of theirs." };
  if (closed !== undefined) return { verdict: "denied", rule: closed, remedy: error ?? remedies[closed] ?? "See the hunt." };
  const verdicts = routes.map((route) => gate.verdict(found, document, route, newest));
  const best = verdicts.find(({ kind }) => kind === "allowed") ?? verdicts[0];
  if (best === undefined || best.kind === "allowed") return { verdict: "allowed" };
  return { verdict: best.kind, rule: best.rule, remedy: best.remedy };
};
