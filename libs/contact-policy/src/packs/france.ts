import type { Pack, PurposeRules } from "./pack.ts";

/** Messages to numbers of France and its overseas departments. Gathered in November 2026; not legal advice. */

const cnilMessages = "CPCE L34-5; cnil.fr, la prospection commerciale par SMS-MMS";
const alerts = "support.callr.com 115000858183; sweego.io: alerts carry no STOP and have no hour limit";

const solicitation: PurposeRules = {
  bases: {
    // Private persons: prior opt-in, or customers for similar products. Professionals: information and an easy way out.
    // Offers to buy: whether they are prospecting at all is open, so the account must take the notice on itself.
    accepted: ["consent", "existing-customer", "professional-recipient", "offer-to-buy"],
    source: cnilMessages,
  },
  sectors: {
    "energy-renovation": {
      rule: "energy-renovation-forbidden",
      unless: ["existing-customer"],
      source: "Code de la consommation L223-1, fifth paragraph; SMS, e-mail and social networks since July 2025",
    },
  },
  times: {
    base: { from: "08:00", to: "20:00", closed: [7], source: "smsenvoi.com, sendtargetsms: Mon-Sat 8-20; support.callr.com 115000858183" },
    areas: [],
    publicHolidays: { source: "support.callr.com 115000858183: carriers block Sundays and public holidays" },
  },
  refusal: { days: 60, source: "Code de la consommation D223-9 (décret 2022-1313): 60 calendar days after a refusal" },
  attempts: { max: 4, days: 30, source: "Code de la consommation D223-9 (décret 2022-1313): 4 attempts in 30 calendar days" },
  canvassing: { source: "cnil.fr, 30 April 2020, réutilisation des données publiquement accessibles" },
};

const alert: PurposeRules = { bases: { accepted: "any", source: alerts } };

const messages = {
  lineTypes: ["mobile", "mobile-or-landline"],
  purposes: { prospecting: solicitation, "existing-customer": solicitation, appointment: alert, service: alert },
} as const;

export const france: Pack = {
  code: "FR",
  name: "France",
  countries: {
    // Without a postal code a metropolitan number may be in Alsace or Moselle, which have two more public holidays.
    FR: ["FR", "FR-57", "FR-67", "FR-68"],
    GP: ["FR-971"],
    MQ: ["FR-972"],
    GF: ["FR-973"],
    RE: ["FR-974"],
    YT: ["FR-976"],
    BL: ["FR-977"],
    MF: ["FR-978"],
  },
  areas: {
    FR: { zones: ["Europe/Paris"] },
    "FR-57": { zones: ["Europe/Paris"], holidays: "57" },
    "FR-67": { zones: ["Europe/Paris"], holidays: "67" },
    "FR-68": { zones: ["Europe/Paris"], holidays: "68" },
    "FR-971": { zones: ["America/Guadeloupe"], holidays: "GP" },
    "FR-972": { zones: ["America/Martinique"], holidays: "MQ" },
    "FR-973": { zones: ["America/Cayenne"], holidays: "GF" },
    "FR-974": { zones: ["Indian/Reunion"], holidays: "RE" },
    "FR-976": { zones: ["Indian/Mayotte"], holidays: "YT" },
    "FR-977": { zones: ["America/St_Barthelemy"], holidays: "BL" },
    "FR-978": { zones: ["America/Marigot"], holidays: "MF" },
    // Saint-Pierre, Wallis, Polynesia, New Caledonia: law of their own, and hours that hardly meet those of Paris.
    "FR-other": { zones: [] },
  },
  areaOf: (postalCode) => {
    if (!/^\d{5}$/.test(postalCode)) return undefined;
    const overseas = postalCode.slice(0, 3);
    if (["975", "986", "987", "988"].includes(overseas)) return "FR-other";
    const area = `FR-${overseas}`;
    if (area in france.areas) return area;
    const department = `FR-${postalCode.slice(0, 2)}`;
    return department in france.areas ? department : "FR";
  },
  channels: {
    sms: { ...messages, mustSay: { word: "STOP", source: "support.callr.com; sweego.io: every promotional SMS carries STOP" } },
    whatsapp: messages,
  },
};
