import { type HuntDefinition, huntDefinition } from "@outrider/contracts/hunts";
import { lineId } from "@outrider/contracts/ids";

export const line = lineId.parse("phone-1");
export const template = "Bonjour {{ owner.name | default: 'vous' }}, votre {{ ad.title }} nous intéresse. {{ account.name }}";

/** A hunt that writes to every owner of an ad of the last two weeks, but for what `more` says. */
export const huntDefinitionOf = (name: string, more: object = {}): HuntDefinition =>
  huntDefinition.parse({
    name,
    channels: ["sms"],
    lines: { sms: line },
    templates: { sms: template },
    legalBasis: "offer-to-buy",
    ...more,
  });
