import { personId } from "@outrider/contracts/ids";
import type { RegistryEvent } from "@outrider/contracts/registry";
import { type Body, perAggregate, without } from "../view.ts";

type Person = Body<"people">;

const unknown = (id: string): Person => ({
  person: personId.parse(id),
  status: "known",
  consents: 0,
  refusals: 0,
  denials: 0,
});

/** People as one account knows them: never the number. */
export const people = perAggregate<"people", RegistryEvent>(
  "people",
  "registry.person",
  { version: 1, settled: true, indexes: [{ account: 1, status: 1 }] },
  (document, event, { id, at }) => {
    const person = document ?? unknown(id);
    switch (event.type) {
      case "PersonRegistered":
        return { ...person, facts: event.data.facts };
      case "OptedOut": {
        const { by, channel } = event.data;
        const optedOut = { at: event.data.at, by, ...(channel === undefined ? {} : { channel }) };
        return { ...person, status: person.status === "erased" ? "erased" : "opted-out", optedOut };
      }
      case "OptedIn":
        return { ...without(person, "optedOut"), status: person.status === "erased" ? "erased" : "known" };
      case "ConsentRecorded":
        return { ...person, consents: person.consents + 1 };
      case "ConsentWithdrawn":
        return { ...person, consents: 0 };
      case "RefusalRecorded":
        return { ...person, refusals: person.refusals + 1 };
      case "AttemptDenied":
        return { ...person, denials: person.denials + 1, lastDenial: { at, rule: event.data.rule } };
      case "PersonErased":
        return { ...person, status: "erased", erasedAt: at };
      default:
        return person; // its key is gone, or its history was closed: nothing that people look at
    }
  },
);
