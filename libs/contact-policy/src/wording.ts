import { packFor } from "./packs/installed.ts";
import type { Channel, Purpose } from "./types.ts";

/**
 * What a text lacks that the law of `country` (ISO 3166-1 alpha-2) wants in every message meant to lead to a deal, in words; undefined:
 * nothing that a program could tell. Advice: the recipient's country decides, and a text may say no in other words.
 */
export const wordingProblem = (text: string, asked: { country: string; channel: Channel; purpose: Purpose }): string | undefined => {
  if (asked.purpose !== "prospecting" && asked.purpose !== "existing-customer") return undefined;
  const pack = packFor(asked.country);
  const must = pack?.channels[asked.channel]?.mustSay;
  if (pack === undefined || must === undefined || says(text, must.word)) return undefined;
  return `the text does not say ${must.word}, as every such message to ${pack.name} must (${must.source})`;
};

/** As a word of its own: "non-stop" says something else, and letters may have accents. */
const says = (text: string, word: string): boolean => new RegExp(`(?<!${inWord})${word}(?!${inWord})`, "iu").test(text);

/** Letters, digits, and hyphens of whatever width. */
const inWord = "[\\p{L}\\p{N}\\-\\u2010\\u2011]";
