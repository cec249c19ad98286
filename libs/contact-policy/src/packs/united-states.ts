import type { AreaTimesRow, Pack, PurposeRules } from "./pack.ts";
import { stateOfZip, stateZones } from "./us-places.ts";

/** Messages to numbers of the United States. Gathered in November 2026; not legal advice. */

const federal = "47 CFR 64.1200(c); 16 CFR 310.4: 08:00-21:00 of the called party's local time";
const states = "reporttelemarketer.com; glama.ai call-desk (secondary sources)";
const house = "our own caution; no rule found";
const SUNDAY = [7];

const stateRows: readonly AreaTimesRow[] = [
  { area: "US-FL", from: "08:00", to: "20:00", source: `Florida: 8-20; ${states}` },
  { area: "US-NV", to: "20:00", source: `Nevada: until 20; ${states}` },
  { area: "US-CT", from: "09:00", to: "21:00", source: `Connecticut: 9-21; ${states}` },
  { area: "US-AL", closed: SUNDAY, source: `Alabama: no Sundays; ${states}` },
  { area: "US-RI", closed: SUNDAY, source: `Rhode Island: no Sundays; ${states}` },
  { area: "US-OK", to: "20:00", source: `Oklahoma: until 20; ${states}` },
  { area: "US-MD", to: "20:00", source: `Maryland: until 20; ${states}` },
  { area: "US-WA", to: "20:00", source: `Washington: until 20; ${states}` },
  { area: "US-WY", to: "20:00", source: `Wyoming: until 20; ${states}` },
  { area: "US-TX", from: "12:00", on: SUNDAY, source: `Texas: Sundays from noon; ${states}` },
  { area: "US-KY", from: "10:00", source: `Kentucky: from 10; ${states}` },
  // Written for automated calls; our messages are automated too, and the row does not say that text is exempt.
  { area: "US-ME", from: "09:00", to: "17:00", closed: [6, 7], source: `Maine: automated on weekdays 9-17; ${states}` },
  { area: "US-PA", closed: SUNDAY, since: "2026-10-18", source: `Pennsylvania: no Sundays from 2026-10-18; ${states}` },
];

const solicitation: PurposeRules = {
  bases: {
    // A customer's or a professional's mobile is no exception to consent; no row was found that says otherwise.
    accepted: ["consent", "offer-to-buy"],
    source: "47 CFR 64.1200(a): prior express consent",
  },
  times: {
    base: { from: "08:00", to: "21:00", source: federal },
    areas: stateRows,
    publicHolidays: { source: `federal holidays: ${house}` },
  },
  refusal: { days: 60, source: house },
  attempts: { max: 4, days: 30, source: house },
  canvassing: { source: house },
  doNotCall: { maxAgeDays: 31, source: "Do-not-call registry: look up at least every 31 days (ga.nomardy.com checklist)" },
};

/** No exemption from the hours was found for messages that serve a deal, so the federal ones hold; the states' rows speak of solicitation. */
const service: PurposeRules = {
  bases: { accepted: ["consent", "existing-customer"], source: "47 CFR 64.1200(a): prior express consent" },
  times: { base: { from: "08:00", to: "21:00", source: federal }, areas: [] },
};

const messages = {
  lineTypes: ["mobile", "mobile-or-landline"],
  purposes: { prospecting: solicitation, "existing-customer": solicitation, appointment: service, service },
} as const;

export const unitedStates: Pack = {
  code: "US",
  name: "United States",
  // A mobile number moves with its holder, so its area code proves nothing: without a ZIP code every state is possible.
  countries: { US: Object.keys(stateZones).map((state) => `US-${state}`) },
  areas: {
    ...Object.fromEntries(Object.entries(stateZones).map(([state, zones]) => [`US-${state}`, { zones }])),
    "US-other": { zones: [] },
  },
  areaOf: (postalCode) => {
    const state = stateOfZip(postalCode);
    return state === undefined ? undefined : `US-${state}`;
  },
  channels: { sms: messages, whatsapp: messages },
};
