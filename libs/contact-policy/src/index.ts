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
  Verdict,
} from "./types.ts";
