export type ReplyKind = "stop" | "start" | "help";

export interface ReplyWords {
  /** A reply that says nothing but one of these. Accents, case and punctuation around do not matter. */
  readonly stop: readonly string[];
  readonly start: readonly string[];
  readonly help: readonly string[];
  /** Stop words that may just as well answer a reminder; within an appointment's thread they are no opt-out. */
  readonly ambiguousInAppointment: readonly string[];
}

/** 47 CFR 64.1200(a)(10), Twilio, AWS and Telnyx keyword lists; French words and whole phrases are ours. */
export const replyWords: ReplyWords = {
  stop: [
    ...[
      "STOP",
      "STOPALL",
      "STOP ALL",
      "STOP SMS",
      "UNSUBSCRIBE",
      "CANCEL",
      "END",
      "QUIT",
      "REVOKE",
      "OPTOUT",
      "OPT-OUT",
      "OPT OUT",
      "REMOVE",
    ],
    ...["ARRET", "ARRETER", "ARRETEZ", "ARRETEZ TOUT", "STOPPEZ", "STOP TOUT", "DESABONNER", "DESINSCRIRE", "DESINSCRIPTION", "STOP PUB"],
    ...["STOP TEXTING ME", "DO NOT TEXT ME", "DO NOT CONTACT ME", "DON'T CONTACT ME", "NE ME CONTACTEZ PLUS", "NE PLUS ME CONTACTER"],
  ],
  start: ["START", "UNSTOP"],
  help: ["HELP", "INFO", "AIDE"],
  ambiguousInAppointment: ["CANCEL", "END"],
};

export interface ReplyOptions {
  readonly words?: ReplyWords;
  /** The message answers an appointment's reminder. */
  readonly appointmentThread?: boolean;
}

const POLITE = /(?: (?:PLEASE|PLS|THANKS|THANK YOU|SVP|STP|S'IL VOUS PLAIT|S'IL TE PLAIT|MERCI))+$/;
/** "STOP 36179" and "STOP au 36179": the short number that French senders print beside the word. */
const SHORT_NUMBER = /(?: (?:AU|TO))? \d{3,6}$/;

const normal = (text: string): string =>
  text
    .normalize("NFKD")
    .replace(/[\p{M}\p{Cf}]/gu, "")
    .replace(/[‘’ʼ]/gu, "'")
    .toUpperCase()
    .replace(/[^\p{L}\p{N}'-]+/gu, " ")
    .replace(/^[\s'-]+|[\s'-]+$/gu, "");

const cache = new WeakMap<ReplyWords, ReadonlyMap<string, ReplyKind>>();

const kindsOf = (words: ReplyWords): ReadonlyMap<string, ReplyKind> => {
  let kinds = cache.get(words);
  if (kinds === undefined) {
    const entries = (["help", "start", "stop"] as const).flatMap((kind) => words[kind].map((word) => [normal(word), kind] as const));
    kinds = new Map(entries);
    cache.set(words, kinds);
  }
  return kinds;
};

/**
 * What a reply asks for, when it says that and nothing else: a word inside a sentence ("I will stop by tomorrow") is no opt-out.
 * A line that is only a stop word counts, whatever stands above it (a greeting) or below it (a signature, forwarded text).
 */
export const classifyReply = (text: string, options: ReplyOptions = {}): ReplyKind | undefined => {
  const words = options.words ?? replyWords;
  const kinds = kindsOf(words);
  const kindOf = (said: string): ReplyKind | undefined => {
    const core = repeatedOnce(normal(said).replace(POLITE, "").replace(SHORT_NUMBER, ""));
    if (options.appointmentThread && words.ambiguousInAppointment.some((word) => normal(word) === core)) return undefined;
    return kinds.get(core);
  };
  const whole = kindOf(text);
  if (whole !== undefined) return whole;
  return text.split(/[\r\n]+/).some((line) => kindOf(line) === "stop") ? "stop" : undefined;
};

/** "STOP STOP STOP" says STOP. */
const repeatedOnce = (said: string): string => {
  const [first = "", ...more] = said.split(" ");
  return more.every((word) => word === first) ? first : said;
};
