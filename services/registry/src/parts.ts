import type { AcquireLease, Asked, Kernel, Positions } from "@outrider/eventing";
import type { AccountsWatch, Clock, CommandContext, Keyring } from "@outrider/platform";
import type { Accounts, Announcements, Persons } from "./aggregates.ts";
import type { RegistryConfig } from "./config.ts";
import type { People } from "./people.ts";

/** What commands and reactions share. */
export interface RegistryParts {
  readonly kernel: Kernel;
  readonly accounts: Accounts;
  readonly persons: Persons;
  readonly announcements: Announcements;
  readonly people: People;
  /** Policies and pauses as this replica knows them; not to be asked before it has caught up. */
  readonly watched: Pick<AccountsWatch, "account" | "pausedBy" | "isCurrent">;
  readonly clock: Clock;
  readonly keyring: Keyring;
  readonly acquire: AcquireLease;
  readonly positions: { readonly sms: Positions };
  readonly config: Pick<
    RegistryConfig,
    "OUTRIDER_PROVIDERS" | "ERASURE_KEY_GRACE_MS" | "REGISTRY_RETURNS_BATCH" | "REGISTRY_RETURNS_LINGER_MS"
  >;
}

/** Who asked, and until when the answer is wanted. */
export const askedBy = (context: CommandContext, at: string, commandId: string = context.commandId): Asked => ({
  commandId,
  at,
  correlation: context.correlation,
  causation: context.causation,
  actor: context.actor,
  traceparent: context.traceparent,
  deadline: performance.now() + (context.deadlineAt - Date.now()),
});
