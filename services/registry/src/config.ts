import { graceAfterAttemptMs } from "@outrider/contracts/contact";
import { type ConfigOf, defineConfig, overdueShape, variable } from "@outrider/platform/config";

/** What the registry reads from its environment. */
export const definition = defineConfig("registry", {
  REGISTRY_PEOPLE_CACHED: variable
    .integer(100, 1_000_000)
    .default(12_000)
    .describe("how many people are kept folded in memory, 100 to 1000000; about 1 KB each"),
  REGISTRY_KNOWN_CACHED: variable
    .integer(100, 10_000_000)
    .default(12_000)
    .describe("how many numbers are known to exist without asking, 100 to 10000000; about 0.5 KB each"),
  REGISTRY_COMMANDS_AT_ONCE: variable.integer(16, 100_000).default(2_000).describe("how many commands are answered at once, 16 to 100000"),
  REGISTRY_RETURNS_BATCH: variable
    .integer(1, 1_000)
    .default(500)
    .describe("how many messages of a sender's stream are read at a time to give unused permits back, 1 to 1000"),
  REGISTRY_RETURNS_LINGER_MS: variable
    .integer(0, 10_000)
    .default(100)
    .describe("milliseconds for which messages gather before the next ones are read, 0 to 10000"),
  ERASURE_KEY_GRACE_MS: variable
    .integer(1_000, 86_400_000)
    .default(200_000)
    .describe(
      "milliseconds from a person's erasure to the end of their key, 1000 to 86400000; at least ATTEMPT_TIMEOUT_MS and 65 seconds, which the default is for any",
    ),
  ATTEMPT_TIMEOUT_MS: variable
    .integer(500, 120_000)
    .default(20_000)
    .describe("milliseconds that one request to the provider may take, 500 to 120000"),
  ...overdueShape,
});
export type RegistryConfig = ConfigOf<typeof definition>;

/** From the permit's second to what clocks differ by, ms: all that an attempt may take besides its own time and the minute after it. */
const besidesMs = 5_000;

/** One sentence when a key could be destroyed while an attempt that was permitted before the erasure still needs it. */
export const graceProblem = ({
  ERASURE_KEY_GRACE_MS: grace,
  ATTEMPT_TIMEOUT_MS: timeout,
}: Pick<RegistryConfig, "ERASURE_KEY_GRACE_MS" | "ATTEMPT_TIMEOUT_MS">): string | undefined => {
  const least = timeout + graceAfterAttemptMs + besidesMs;
  return grace >= least ? undefined : `ERASURE_KEY_GRACE_MS must be at least ${least} while ATTEMPT_TIMEOUT_MS is ${timeout}.`;
};

/** Names that are stored in JetStream: changing one starts that reader from the beginning, which is safe but slow. */
export const names = {
  returnSmsPermits: "registry.sms-permits",
  /** The schedule that ends an erased person's key. */
  purgeKey: "purge-key",
  actor: "registry",
} as const;

/** Whose key is to be destroyed; the name is stored, too. */
export const overdueErasures = {
  name: "registry.erasures",
  filters: ["registry.person.>"],
  waits: ["PersonErased"],
  ended: ["PersonKeyDestroyed"],
} as const;

/** The contacts of a sender: what became of the attempts that were permitted. */
export const followed = { sms: ["sms.contact.>"] } as const;

/** Answers of the gate that people read tell this many of the last messages about a person. */
export const historyShown = 500;
/** What a sender's clock may be behind ours, ms: permits counted up to then are those that its message is about. */
export const clocksApartMs = 1_000;
/** Contacts under way whose person is remembered while a stream is followed. */
export const contactsRemembered = 5_000;
/** Messages of one contact that are read to learn whose it is: more than any contact has. */
export const contactMessagesRead = 256;
/** Accounts whose secret is kept open in memory. */
export const secretsOpen = 1_000;
