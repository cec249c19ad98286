/** Whole units out of what people write as a price ("$5,000", "5 000 €", "4.999,50"); undefined for nonsense. Cents are dropped. */
export const priceOf = (text: string): number | undefined => {
  const figure = /\d[\d.,'\s\u00a0\u202f]*/.exec(text)?.[0].trim();
  if (figure === undefined || /-\s*\d|\de[+-]?\d/i.test(text)) return undefined; // below nothing, or what a spreadsheet has rounded
  const cents = /^(.*\d)[.,]\d{1,2}$/.exec(figure);
  return within(Number((cents?.[1] ?? figure).replace(/\D/g, "")), 1, mostPrice);
};
/** Above it stands what people type when they do not mean to name a price (12345678, 99999999). */
const mostPrice = 9_999_998;

export const currencyOf = (text: string): string | undefined => {
  const sign = /[€$£]/.exec(text)?.[0];
  return sign === undefined ? undefined : signs[sign];
};
const signs: Readonly<Record<string, string>> = { "€": "EUR", $: "USD", "£": "GBP" };

/** A year in which a vehicle can have been made; undefined for 1000, 9999 and the like. */
export const yearOf = (text: string, now: Date): number | undefined => {
  const year = /\b\d{4}\b/.exec(text)?.[0];
  return year === undefined ? undefined : within(Number(year), 1886, now.getUTCFullYear() + 1);
};

/** Kilometres out of "150,000km", "150.000 km" or "150000". */
export const mileageOf = (text: string): number | undefined => {
  const digits = text.replace(/km|[.,'\s\u00a0\u202f]/gi, "");
  return /^\d{1,9}$/.test(digits) ? within(Number(digits), 0, 2_000_000) : undefined;
};

const within = (value: number, least: number, most: number): number | undefined =>
  Number.isSafeInteger(value) && value >= least && value <= most ? value : undefined;

/** An ISO instant out of "2016-03-26 00:00:00", an ISO date or instant, or a French date with or without the time; UTC where none is named. */
export const instantOf = (text: string): string | undefined => {
  const french = text.replace(/^(\d{1,2})[/.](\d{1,2})[/.](\d{4})\b/, (_all, day: string, month: string, year: string) =>
    [year, month.padStart(2, "0"), day.padStart(2, "0")].join("-"),
  );
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ]+(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3})\d*)?)?)? ?(Z|[+-]\d\d:?\d\d)?$/.exec(french);
  if (match === null) return undefined;
  const [, date = "", hour = "00", minute = "00", second = "00", ms = "", zone = "Z"] = match;
  // Date.parse takes the 31st of February for the 2nd of March.
  const midnight = Date.parse(`${date}T00:00:00.000Z`);
  const at = Date.parse(`${date}T${hour}:${minute}:${second}.${ms.padEnd(3, "0")}${zone}`);
  if (Number.isNaN(at) || new Date(midnight).getUTCDate() !== Number(date.slice(8, 10))) return undefined;
  return new Date(at).toISOString();
};

export const truthOf = (text: string): boolean => /^(1|true|yes|y|oui|vrai|x)$/i.test(text.trim());

const phones = [
  /(?:\+|\b00)[1-9](?:[ .\-/()]{0,2}\d){7,14}/g, // with a country code
  /\b0[1-9](?:[ .-]?\d{2}){4}(?!\d)/g, // France: ten digits in pairs
  /\b0\d{2,4}[ \-/]?\d{5,9}(?!\d)/g, // trunk prefix, area, number
  /\(?\b[2-9]\d{2}\)?[ .-]\d{3}[ .-]\d{4}\b/g, // North America
  /\d{9,15}/g,
];

/** Titles are stored as they are, so a number inside one is blanked first. */
export const withoutNumbers = (title: string): string =>
  /\d{2}/.test(title) ? phones.reduce((text, phone) => text.replace(phone, "[number]"), title) : title;

/** Undefined for what is empty; nothing longer than any honest value. */
export const textOrNone = (text: string | undefined, most = 200): string | undefined => {
  const trimmed = text?.trim();
  return trimmed === undefined || trimmed === "" ? undefined : trimmed.slice(0, most);
};

/** Leaves out what is undefined: absent and undefined are not the same in an event. */
export const present = <T extends object>(fields: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } => {
  const kept: Record<string, unknown> = {};
  for (const key in fields) if (fields[key] !== undefined) kept[key] = fields[key];
  return kept as { [Key in keyof T]?: Exclude<T[Key], undefined> };
};
