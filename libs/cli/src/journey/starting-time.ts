import {
  type AccountPolicy,
  type ContactRequest,
  describeNumber,
  gate,
  nextAllowed,
  offerToBuyNotice,
  type PersonFacts,
} from "@outrider/contact-policy";
import { cannotRun } from "../failure.ts";

const hourMs = 3_600_000;

/** Whom the sandbox writes to: a French mobile, somewhere in France. */
const recipient = (): PersonFacts => {
  const described = describeNumber("+33639980000", { fiction: true });
  if (described.kind !== "number") throw new TypeError("the numbers for fiction are not numbers any more");
  return { number: described.facts };
};

const request: ContactRequest = {
  channel: "sms",
  purpose: "prospecting",
  legalBasis: "offer-to-buy",
  hunt: "demo",
  contact: "demo",
  ownerType: "private",
};
const policy: AccountPolicy = {
  sandbox: true,
  offerToBuyConfirmed: { by: "sandbox", at: "2026-01-01T00:00:00Z", notice: offerToBuyNotice },
};

/**
 * When the sandbox's clock starts: `from` if recipients may be contacted then and an hour later, else the next moment of which that is
 * true. ISO 8601 in UTC.
 */
export const lawfulMoment = (from: string): string => {
  const person = recipient();
  const later = (iso: string): string => new Date(Date.parse(iso) + hourMs).toISOString();
  for (let start = from, tries = 0; tries < 400; tries += 1) {
    const allowed = nextAllowed(request, person, policy, start);
    if (allowed === undefined) break;
    if (gate(request, person, policy, later(allowed)).kind === "allowed") return allowed;
    start = later(allowed);
  }
  throw new TypeError("no moment is lawful for the sandbox's own recipients");
};

/** The time of `--at`. @throws Failure (2) when it is none, or in live mode. */
export const toldTime = (at: string | undefined, env: NodeJS.ProcessEnv): string | undefined => {
  if (at === undefined) return undefined;
  if (env["OUTRIDER_PROVIDERS"] === "live")
    throw cannotRun("--at is for the sandbox only: with OUTRIDER_PROVIDERS=live the clock is the real one.");
  const time = /^\d{4}-\d\d-\d\d/.test(at) ? Date.parse(at) : Number.NaN;
  if (Number.isNaN(time)) throw cannotRun(`--at is "${at}": write it as 2026-11-24T10:00:00+01:00.`);
  return new Date(time).toISOString();
};

export { offerToBuyNotice };
