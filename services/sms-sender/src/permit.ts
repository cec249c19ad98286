import type { ContactRequest } from "@outrider/contracts/contact";
import type { Sealed } from "@outrider/contracts/define";
import type { AccountId } from "@outrider/contracts/ids";
import { registryCommands } from "@outrider/contracts/registry-commands";
import { Unavailable } from "@outrider/eventing";
import { type Lasting, lasting, Refusal } from "@outrider/platform";
import { attemptLimits } from "./config.ts";
import type { Because, Sms } from "./context.ts";

export interface Permit {
  readonly kind: "permitted";
  readonly number: Sealed;
  /** `PERMIT_VALID_MS` from the asking on. */
  readonly validity: Lasting;
}

export type Denied =
  | { readonly kind: "denied"; readonly rule: string; readonly remedy: string | undefined }
  | { readonly kind: "deferred"; readonly rule: string; readonly until: string; readonly remedy: string };

export const askPermit = async (
  sms: Sms,
  account: AccountId,
  request: ContactRequest,
  attempt: number,
  because: Because,
): Promise<Permit | Denied> => {
  const { contact, person, hunt, channel, purpose, legalBasis, noCanvassing, ownerType, sector } = request;
  const validity = lasting(sms.service.config.PERMIT_VALID_MS);
  const answer = await sms.service.ask(
    registryCommands.permit,
    {
      account,
      person,
      request: { contact, attempt, ...(hunt === undefined ? {} : { hunt }), channel, purpose, legalBasis, noCanvassing, ownerType, sector },
    },
    {
      correlation: because.correlation,
      causation: because.causation,
      traceparent: because.traceparent,
      timeoutMs: attemptLimits.permitAskedMs,
    },
  );
  return answer.kind === "permitted" ? { ...answer, validity } : answer;
};

/** Registry knows no such person: no number, no permit. Everything else that goes wrong with the asking is for the caller. */
export const strangerIsDenied = (error: unknown): Denied => {
  if (error instanceof Refusal && error.slug === "not-found") return { kind: "denied", rule: "unknown-person", remedy: undefined };
  throw error;
};

/** Nobody could be asked: the attempt is given up, the contact keeps its place. */
export const noPermitForNow = "permit-unavailable";

/**
 * The request must leave within a second of asking; when starting took longer, the gate is asked anew. A registry that never answers in that
 * time would be asked for ever: an attempt has its end.
 */
export const freshPermit = async (
  sms: Sms,
  account: AccountId,
  request: ContactRequest,
  attempt: number,
  permit: Permit,
  { leftMs }: Lasting,
  because: Because,
): Promise<Permit | Denied> => {
  for (let current = permit; leftMs() > 0; ) {
    if (current.validity.leftMs() > 0) return current;
    const next = await askPermit(sms, account, request, attempt, because)
      .catch(strangerIsDenied)
      .catch((error: unknown) => {
        // The attempt is open and nothing has left: whatever is wrong, it is given up, and not left to be called unknown.
        if (!isOutage(error)) sms.service.log.error({ contact: request.contact, error }, "a permit could not be asked for anew");
        return unavailable;
      });
    if (next.kind !== "permitted") return next;
    current = next;
  }
  return unavailable;
};

const isOutage = (error: unknown): boolean => error instanceof Unavailable || (error instanceof Refusal && error.slug === "unavailable");

const unavailable = { kind: "denied", rule: noPermitForNow, remedy: undefined } as const;
