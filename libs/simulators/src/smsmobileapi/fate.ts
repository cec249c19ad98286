import { type Faults, type PhoneFate, type Replies, type RequestFate, requestFaults } from "./control.ts";

/** A message's own number, the root of everything that happens to it. Depends on nothing that depends on the order of arrival. */
export function fingerprint(seed: number, number: string, text: string, attempt: number): number {
  return hash(text, hash(number, Math.imul(seed | 0, 0x9e3779b1) ^ Math.imul(attempt, 0x85ebca6b)));
}

/** A number that belongs to a recipient alone, whatever is written to it. */
export const fingerprintOfNumber = (seed: number, number: string): number => hash(number, Math.imul(seed | 0, 0xc2b2ae35));

/** FNV-1a over UTF-16 units, then mixed. 32 bits are plenty: a collision only gives two messages the same fate. */
function hash(text: string, start: number): number {
  let h = (0x811c9dc5 ^ start) | 0;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return mix(h);
}

function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

// One salt per question, so that one answer tells nothing about another. Changing one changes every seed.
const salts = {
  request: 1,
  jitter: 2,
  phone: 3,
  never: 4,
  double: 5,
  order: 6,
  overtakes: 7,
  replies: 8,
  reply: 9,
  style: 10,
  read: 11,
} as const;

/** A number from 0 (inclusive) to 1 for one question about one message. */
export const draw = (print: number, question: keyof typeof salts): number =>
  mix(print ^ Math.imul(salts[question], 0x27d4eb2f)) / 4_294_967_296;

export function requestFate(print: number, faults: Faults): RequestFate {
  const drawn = draw(print, "request");
  let upTo = 0;
  for (const name of requestFaults) {
    upTo += faults[name];
    if (drawn < upTo) return name;
  }
  return "accepted";
}

export function phoneFate(print: number, faults: Faults): PhoneFate {
  const drawn = draw(print, "phone");
  if (drawn < faults.phoneOffline) return "offline";
  return drawn < faults.phoneOffline + faults.failDelivery ? "failed" : "sent";
}

/** Milliseconds before the answer. */
export const answerAfterMs = (print: number, faults: Faults): number =>
  faults.latencyMs + (faults.latencyJitterMs > 0 ? draw(print, "jitter") * faults.latencyJitterMs : 0);

export type WebhookFate = { never: boolean; double: boolean; order: "usual" | "beforeAnswer" | "overtaken" };

export function webhookFate(print: number, faults: Faults): WebhookFate {
  const outOfOrder = draw(print, "order") < faults.webhookOutOfOrder;
  return {
    never: !faults.webhooks || draw(print, "never") < faults.webhookNever,
    double: draw(print, "double") < faults.webhookDouble,
    order: outOfOrder ? (draw(print, "overtakes") < 0.5 ? "beforeAnswer" : "overtaken") : "usual",
  };
}

/** What a recipient answers by itself, or undefined. The same for a number whatever was written to it. */
export function replyOf(seed: number, number: string, replies: Replies): string | undefined {
  if (replies.share === 0) return undefined;
  const print = fingerprintOfNumber(seed, number);
  if (draw(print, "replies") >= replies.share) return undefined;
  return replies.texts[Math.floor(draw(print, "reply") * replies.texts.length)];
}
