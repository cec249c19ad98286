const rules: readonly (readonly [RegExp, (...found: string[]) => string])[] = [
  [/^Invalid option: expected one of (.+)$/, (choices = "") => `choose one of ${choices.replaceAll('"', "").split("|").join(", ")}`],
  [/^Invalid input: expected .+, received undefined$/, () => "is missing"],
  [/^Invalid input: expected (\w+), received .+$/, (kind = "") => `must be ${/^[aeiou]/.test(kind) ? "an" : "a"} ${kind}`],
  [/^Too small: expected string to have >=1 characters$/, () => "must not be empty"],
  [/^Too (?:small|big): expected \w+ to have (>=|<=)(\d+) (\w+)$/, (sign, many, what) => `give ${bound(sign)} ${many} ${what}`],
  [/^Too (?:small|big): expected \w+ to be (>=|<=|>|<)(-?[\d.]+)$/, (sign, many) => `must be ${bound(sign)} ${many}`],
  [/^Too (?:small|big): expected string to have exactly (\d+) characters$/, (many) => `give exactly ${many} characters`],
  [/^Invalid ISO datetime$/, () => "write it as 2026-03-02T09:30:00Z"],
  [/^Invalid ISO date$/, () => "write it as 2026-03-02"],
  [/^Unrecognized keys?: (.+)$/, (names = "") => `unknown: ${names.replaceAll('"', "")}`],
];

const bound = (sign: string | undefined): string =>
  sign === ">=" ? "at least" : sign === "<=" ? "at most" : sign === ">" ? "more than" : "less than";

/** What the schemas' library says about a field, as a person would. What is not known here stays as it is. */
export const inWords = (message: string): string => {
  for (const [form, say] of rules) {
    const found = form.exec(message);
    if (found !== null) return say(...found.slice(1));
  }
  return message;
};
