import { type HuntDefinition, huntDefinition } from "@outrider/contracts/hunts";
import { lineId } from "@outrider/contracts/ids";

/** Who writes, why, where the number is from, and how to say no: what French law wants in every message. */
const template = (sentence: string): string =>
  `Bonjour, ici {{ account.name }}. ${sentence} Numéro lu dans votre annonce. STOP pour refuser.`;

/** The sample's ads are of 2016. */
const maxAgeDays = 36_500;

/** Three hunts that overlap, so that a run shows how capacity is shared and that nobody is written to twice. */
export const demoHunts = (line: string): readonly HuntDefinition[] =>
  [
    {
      name: "Petits budgets",
      priority: 7,
      template: template('Votre "{{ ad.title | truncate: 40 }}" est-elle toujours à vendre ? Je paie comptant.'),
      criteria: { priceFrom: 1, priceTo: 3000, maxAgeDays },
    },
    {
      name: "Récentes, peu de kilomètres",
      priority: 5,
      template: template(
        'Votre "{{ ad.title | truncate: 40 }}"{% if ad.year %} de {{ ad.year }}{% endif %} m\'intéresse. Quand puis-je la voir ?',
      ),
      criteria: { priceFrom: 3000, priceTo: 100_000, yearFrom: 2005, mileageTo: 125_000, maxAgeDays },
    },
    {
      name: "Toutes les voitures",
      priority: 2,
      template: template('Votre annonce "{{ ad.title | truncate: 40 }}" est-elle encore valable ?'),
      criteria: { maxAgeDays },
    },
  ].map(({ name, priority, template: sms, criteria }) =>
    huntDefinition.parse({
      name,
      channels: ["sms"],
      lines: { sms: lineId.parse(line) },
      templates: { sms },
      priority,
      legalBasis: "offer-to-buy",
      criteria,
    }),
  );
