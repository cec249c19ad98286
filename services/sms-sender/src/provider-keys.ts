import type { Sealed } from "@outrider/contracts/define";
import type { AccountId } from "@outrider/contracts/ids";
import { CannotOpen, type Health, Refusal, type SymmetricSealer } from "@outrider/platform";
import { z } from "zod";

const access = z.object({ apiKey: z.string(), webhookSecret: z.string().optional() });
export type Access = z.output<typeof access>;

const healthKey = "provider keys";

/**
 * Opens what the provider wants to see of a line. A key that SMS_API_KEY_ENCRYPTION_KEY does not open, as after that was changed, makes this
 * replica not ready until it does, or the line has been connected anew: otherwise one contact after the other would become a dead letter, and
 * nobody would know why. @throws Refusal naming the line.
 */
export const providerKeys = (sealer: Pick<SymmetricSealer, "open">, health: Pick<Health, "set">) => {
  const closed = new Set<string>();
  const tell = (): void => {
    const [first] = closed;
    const others = closed.size > 1 ? ` and ${closed.size - 1} more` : "";
    health.set(healthKey, first === undefined ? undefined : `${sentenceFor(first)}${others === "" ? "" : `; so it is with${others}`}`);
  };
  return (account: AccountId, line: string, credentials: Sealed): Access => {
    const who = `${line} of account ${account}`;
    try {
      const opened = access.parse(JSON.parse(sealer.open(credentials)));
      if (closed.delete(who)) tell();
      return opened;
    } catch (error) {
      if (!(error instanceof CannotOpen)) throw error;
      if (!closed.has(who)) {
        closed.add(who);
        tell();
      }
      throw new Refusal("conflict", sentenceFor(who), "provider-key-closed");
    }
  };
};

const sentenceFor = (who: string): string =>
  `the provider's key of line ${who} cannot be opened: SMS_API_KEY_ENCRYPTION_KEY is not the one that sealed it; give that one back, or connect the line anew`;
