/**
 * Every reason for which nobody is contacted. The slugs are stored in events and shown to people: never rename one.
 * `remedy` is what the verdict hands back: what would have to change.
 */
const table = {
  erased: {
    title: "Erased",
    explanation: "The person asked for erasure; nothing of theirs may be used again.",
    remedy: "Nothing: an erased person is never contacted again.",
  },
  "opted-out": {
    title: "Opted out",
    explanation: "The person said stop on some channel. That stops all channels and all purposes of this account.",
    remedy: "Only the person can undo this, by START or by a recorded opt-in.",
  },
  paused: {
    title: "Paused",
    explanation: "The hunt, the account or the whole system is paused.",
    remedy: "Resume what is paused.",
  },
  "only-contact": {
    title: "Not on the test list",
    explanation: "This installation contacts only the numbers of its test list.",
    remedy: "Add the number to OUTRIDER_ONLY_CONTACT, or unset it.",
  },
  "invalid-number": {
    title: "Invalid number",
    explanation: "The text is no telephone number that exists.",
    remedy: "Correct the number.",
  },
  "fiction-number-in-live-mode": {
    title: "Number reserved for fiction",
    explanation: "The number is reserved for fiction and rings nowhere; only the sandbox may use it.",
    remedy: "Use a real number, or run in sandbox mode.",
  },
  "no-country-pack": {
    title: "Country without rules",
    explanation: "No pack of rules is installed for the number's country; without rules nobody is contacted there.",
    remedy: "Add a country pack with its sources.",
  },
  "unknown-zone": {
    title: "Unknown time zone",
    explanation: "Nothing tells in which time zone the recipient is, so no hour is known to be lawful.",
    remedy: "Record a postal code inside the number's country.",
  },
  "no-rule-for-channel": {
    title: "Channel without rules",
    explanation: "The country's pack has no rules for this channel; what is not described is not allowed.",
    remedy: "Choose a channel that the pack describes.",
  },
  "not-mobile": {
    title: "Not a mobile",
    explanation: "The channel reaches mobiles, and this number cannot be one.",
    remedy: "Use a mobile number of the person, or another channel.",
  },
  "no-legal-basis": {
    title: "No legal basis",
    explanation: "Prospecting needs a legal basis, and the request names none.",
    remedy: "Set the hunt's legal basis.",
  },
  "legal-basis-not-accepted": {
    title: "Legal basis not accepted here",
    explanation: "The country's pack does not accept this legal basis for this channel.",
    remedy: "Use a legal basis that the country accepts; consent always is.",
  },
  "energy-renovation-forbidden": {
    title: "Energy works may not be offered",
    explanation: "France forbids to solicit people for energy savings and works on homes, by message, too, unless a contract is running.",
    remedy: "Nothing, but a running contract with the person: the legal basis existing-customer, and its record. Consent does not help.",
  },
  "no-consent": {
    title: "No consent",
    explanation: "This contact needs the person's own consent beforehand, and none is recorded for its purpose.",
    remedy: "Record the person's consent: where, when and for what it was given.",
  },
  "not-a-customer": {
    title: "Not a customer",
    explanation: "The legal basis says existing customer, and no earlier deal with this person is recorded.",
    remedy: "Record the person as a customer, for similar products only, or obtain consent.",
  },
  "not-professional": {
    title: "Not known as a professional",
    explanation: "The legal basis says professional recipient, and the ad does not say that its owner is in the trade.",
    remedy: "Restrict the hunt to trade ads, or use another legal basis.",
  },
  "offer-to-buy-unconfirmed": {
    title: "Offer to buy not confirmed",
    explanation: "Writing to an owner in order to buy is off until somebody of the account has confirmed the notice about it.",
    remedy: "Read and confirm the notice on offers to buy in the account's settings.",
  },
  "no-canvassing": {
    title: "No canvassing",
    explanation: "The ad asks for no commercial contact.",
    remedy: "Only the person's own recorded consent allows this.",
  },
  "do-not-call": {
    title: "On the do-not-call registry",
    explanation: "The number was found in the national do-not-call registry.",
    remedy: "Only the person's own recorded consent allows this.",
  },
  "do-not-call-unchecked": {
    title: "Do-not-call registry not checked",
    explanation: "Without consent, the number must have been looked up in the national do-not-call registry recently.",
    remedy: "Check the number against the registry and record the result, or obtain consent.",
  },
  "already-contacted": {
    title: "Already contacted",
    explanation: "This contact was made already; the same owner is asked once per hunt and step.",
    remedy: "Nothing is needed: the person has the message.",
  },
  "refused-recently": {
    title: "Refused recently",
    explanation: "The person said no; nobody asks again before the cool-down has passed.",
    remedy: "Wait until the cool-down has passed.",
  },
  "contacted-recently": {
    title: "Contacted recently by another hunt",
    explanation: "Another hunt of this account wrote to the person within the account's days between hunts.",
    remedy: "Wait, or lower the account's recontactAfterDays.",
  },
  "too-many-attempts": {
    title: "Too many attempts",
    explanation: "All attempts that are allowed within the period, over all channels, have been made.",
    remedy: "Wait until the oldest attempt is out of the period.",
  },
  "account-closed-day": {
    title: "Day closed by the account",
    explanation: "The account sends nothing on this day of the recipient's calendar.",
    remedy: "Wait, or change the account's weekdays and closed days.",
  },
  "account-hours": {
    title: "Outside the account's hours",
    explanation: "The account's own hours, in the recipient's time zone, are narrower than the law's.",
    remedy: "Wait, or widen the account's hours.",
  },
  "public-holiday": {
    title: "Public holiday",
    explanation: "It is a public holiday where the recipient is, or may be.",
    remedy: "Wait for the next open day.",
  },
  "closed-day": {
    title: "Closed weekday",
    explanation: "On this weekday nobody may be prospected where the recipient is, or may be.",
    remedy: "Wait for the next open day.",
  },
  "outside-hours": {
    title: "Outside lawful hours",
    explanation: "It is too early or too late where the recipient is, or may be.",
    remedy: "Wait for the next open hour; a postal code may widen the hours where a country has several zones.",
  },
} as const;

/** A stable kebab-case slug. */
export type Rule = keyof typeof table;

export interface RuleDescription {
  readonly rule: Rule;
  readonly title: string;
  readonly explanation: string;
  readonly remedy: string;
}

const isRule = (text: string): text is Rule => Object.hasOwn(table, text);

/** Every rule with its words for people. */
export const rules: readonly RuleDescription[] = Object.keys(table)
  .filter(isRule)
  .map((rule) => ({ rule, ...table[rule] }));

/** What would have to change for `rule` to let a contact pass. */
export const remedyFor = (rule: Rule): string => table[rule].remedy;
