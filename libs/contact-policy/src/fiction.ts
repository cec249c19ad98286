/** Numbers that are reserved for fiction and ring nowhere. This is the only place that knows them. */
const ranges: readonly { readonly country: string; readonly pattern: RegExp }[] = [
  { country: "FR", pattern: /^\+3363998\d{4}$/ }, // Arcep: 06 39 98 00 00 to 06 39 98 99 99
  { country: "US", pattern: /^\+1[2-9]\d{2}55501\d{2}$/ }, // NANPA: 555-0100 to 555-0199 of every area code
];

/** True for an E.164 number of `country` that is reserved for fiction. */
export const isFiction = (e164: string, country: string | undefined): boolean =>
  ranges.some((range) => range.country === country && range.pattern.test(e164));
