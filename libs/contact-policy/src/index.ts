export { gate, nextAllowed } from "./gate.ts";
export { offerToBuyNotice } from "./notices.ts";
export { type DescribedNumber, describeNumber, hasNumberingPlan, type NumberOptions } from "./numbers.ts";
export { packFor, packs } from "./packs/installed.ts";
export type { Area, AreaTimesRow, ChannelRules, Pack, PurposeRules, Times, TimesRow } from "./packs/pack.ts";
export { classifyReply, type ReplyKind, type ReplyOptions, type ReplyWords, replyWords } from "./reply.ts";
export { type Rule, type RuleDescription, rules } from "./rules.ts";
export type {
  AccountPolicy,
  Channel,
  Consent,
  ContactRequest,
  LegalBasis,
  LineType,
  NumberFacts,
  OwnerType,
  PastAttempt,
  PersonFacts,
  Purpose,
  Sector,
  Verdict,
} from "./types.ts";
export { lawfulWeekdays, lawfulWindow } from "./window.ts";
export { wordingProblem } from "./wording.ts";
