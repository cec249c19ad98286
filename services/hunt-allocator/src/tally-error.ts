import { longestErrorBytes } from "./config.ts";

/** What is wrong with a hunt, as far as its tally tells: whole letters that take at most `longestErrorBytes` in a message, as JSON in UTF-8. */
export const tallyError = (words: string): string => {
  let bytes = 0;
  let kept = "";
  for (const letter of words) {
    bytes += Buffer.byteLength(JSON.stringify(letter)) - 2; // a quotation mark takes two, a control character six
    if (bytes > longestErrorBytes) break;
    kept += letter;
  }
  return kept;
};
