import type { ContactEvent } from "@outrider/contracts/contact";
import { type AccountId, accountId, type ContactId, contactId, hashId, huntId, lineId, personId, runId } from "@outrider/contracts/ids";

export const account: AccountId = accountId.parse("bench");
export const at = "2026-11-24T09:00:00.000Z";
export const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/** As long as the sealed form of a message of 90 letters. */
const sealedText = "A".repeat(160);
const paid = { reservation: "bench:1", credits: 1 };

export const contactsOf = (count: number): readonly ContactId[] =>
  Array.from({ length: count }, (_, index) => contactId.parse(hashId("bench", index)));

/** The four messages that a contact of a daily run comes to when all goes well, with a status webhook. */
export const life: readonly ((contact: ContactId) => ContactEvent)[] = [
  (contact) => ({
    type: "ContactRequested",
    data: {
      ...{ contact, person: personId.parse(hashId("person", contact)), channel: "sms", line: lineId.parse("main") },
      ...{ hunt: huntId.parse("hunt-1"), run: runId.parse("2026-11-24"), pass: 1, step: 1 },
      ...{ text: { k: `person.bench.${hashId("person", contact)}`, v: sealedText }, purpose: "prospecting", legalBasis: "offer-to-buy" },
      ...{ noCanvassing: false, ownerType: "private", ...paid },
    },
  }),
  () => ({ type: "AttemptStarted", data: { attempt: 1, until: at } }),
  (contact) => ({ type: "ContactAccepted", data: { attempt: 1, providerId: contact.slice(0, 20), by: "answer", ...paid } }),
  () => ({ type: "ContactSent", data: { at } }),
];
