export interface AdCounts {
  readonly read: number;
  readonly new: number;
  readonly changed: number;
  readonly duplicate: number;
  readonly bad: number;
}

export interface RunCounts {
  /** (hunt, ad) pairs. */
  readonly found: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly allocated: number;
}

export interface SmsCounts {
  /** Also those that failed later. */
  readonly accepted: number;
  readonly rejected: number;
  readonly unknown: number;
  readonly gated: number;
  readonly failed: number;
  /** Null: the vendor has no receipts. */
  readonly delivered: number | null;
  readonly replied: number;
  readonly optedOut: number;
}

export interface CreditCounts {
  /** What there was to spend. */
  readonly granted: number;
  /** Net of refunds. */
  readonly captured: number;
  readonly released: number;
  readonly held: number;
  readonly balance: number;
}

export interface Summary {
  readonly ads: AdCounts;
  readonly run: RunCounts;
  readonly sms: SmsCounts;
  readonly credits: CreditCounts;
  readonly deadLetters: number;
  readonly seconds: { readonly setUp: number; readonly start: number; readonly import: number; readonly run: number };
}

/** What the provider's own log says of the time of the run. */
export interface ProviderCounts {
  /** Messages that it accepted and answered. */
  readonly accepted: number;
  /** Messages accepted for a number that had been sent one already. */
  readonly twice: number;
}

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, number) => total + number, 0);

/** Every rule of the summary that does not hold, as a sentence with both numbers; empty when it adds up. `price`: credits a message. */
export const problemsOf = ({ ads, run, sms, credits }: Summary, provider: ProviderCounts, price: number): readonly string[] => {
  const rules: readonly (readonly [says: string, one: number, other: number])[] = [
    ["read = new + changed + duplicate + bad", ads.read, ads.new + ads.changed + ads.duplicate + ads.bad],
    ["found = allocated + skipped", run.found, run.allocated + sum(Object.values(run.skipped))],
    ["allocated = accepted + rejected + unknown + gated", run.allocated, sms.accepted + sms.rejected + sms.unknown + sms.gated],
    ["granted = captured + held + balance", credits.granted, credits.captured + credits.held + credits.balance],
    ["captured = price × (accepted − failed)", credits.captured, price * (sms.accepted - sms.failed)],
    ["held = price × unknown", credits.held, price * sms.unknown],
    ["accepted = messages that the provider accepted and answered", sms.accepted, provider.accepted],
    ["nobody was sent two messages", provider.twice, 0],
  ];
  return rules.filter(([, one, other]) => one !== other).map(([says, one, other]) => `${says} does not hold: ${one} and ${other}`);
};
