import { requestAppendedWithinMs } from "@outrider/contracts/contact";
import { type ConfigOf, defineConfig, overdueShape, variable } from "@outrider/platform/config";

/** What the ledger reads from its environment. */
export const definition = defineConfig("credit-ledger", {
  LEDGER_BATCH_MESSAGES: variable
    .integer(1, 500)
    .default(500)
    .describe("how many messages of a stream are settled at a time, at most: 1 to 500"),
  LEDGER_LINGER_MS: variable
    .integer(0, 10_000)
    .default(100)
    .describe("milliseconds for which outcomes gather before the next ones are settled, 0 to 10000"),
  LEDGER_CLAIM_MS: variable
    .integer(1000, 3_600_000)
    .default(60_000)
    .describe("milliseconds for which the price of one requested contact is held before its contact must have been asked for"),
  LEDGER_CLAIM_GRACE_MS: variable
    .integer(1000, 3_600_000)
    .default(30_000)
    .describe(
      "milliseconds after that until it is looked into and given back; at least 15000 when OUTRIDER_PROVIDERS is live: a sender takes up to 10 s to decide",
    ),
  LEDGER_ACCOUNTS_AT_ONCE: variable.integer(1, 256).default(16).describe("how many accounts are settled at the same time, 1 to 256"),
  ...overdueShape,
});
export type LedgerConfig = ConfigOf<typeof definition>;

/** What clocks differ by, ms. */
const clocksDifferMs = 5_000;

/** One sentence when a price could be given back while a sender may still append the request that it pays for. The sandbox sends nothing. */
export const graceProblem = ({
  LEDGER_CLAIM_GRACE_MS: grace,
  OUTRIDER_PROVIDERS: providers,
}: Pick<LedgerConfig, "LEDGER_CLAIM_GRACE_MS" | "OUTRIDER_PROVIDERS">): string | undefined => {
  const least = requestAppendedWithinMs + clocksDifferMs;
  return providers !== "live" || grace >= least
    ? undefined
    : `LEDGER_CLAIM_GRACE_MS must be at least ${least} when OUTRIDER_PROVIDERS is live.`;
};

/** Names that are stored in JetStream: changing one starts that reader from the beginning, which is safe but slow. */
export const names = {
  followSms: "credit-ledger.sms",
  followHunts: "credit-ledger.hunts",
  /** Durable of the reaction that arms what a balance has to do later. */
  arm: "credit-ledger-arm-expiry",
  expire: "expire",
  /** Looks into the reservations of requests whose moment is past. */
  claims: "claims",
  lookForOverdue: "credit-ledger.balances",
  actor: "credit-ledger",
} as const;

/** Alarms that one replica remembers to have set. */
export const alarmsArmedMost = 1000;

/** Accounts whose balances are looked at together. */
export const lookedAtTogether = 4;

/** What is followed: the streams whose contacts cost credits, and the runs that give back what no row took. */
export const followed = { sms: ["sms.contact.>"], hunts: ["hunts.run.>"], balances: ["ledger.balance.>"] } as const;
