import { documents, type ViewName } from "@outrider/contracts/documents";
import { accountId, contactId, personId } from "@outrider/contracts/ids";
import { type Followed, heldAlone, memoryDocuments, projection } from "@outrider/eventing";
import { expect } from "vitest";
import type { ProjectedView, Stamp } from "../view.ts";

export const account = accountId.parse("garage");
export const at = "2026-11-20T10:00:00.000Z";
export const sealed = { k: "key", v: "sealed" };
export const message = <Event>(subject: string, revision: number, ...events: Event[]): Followed<Event> => ({
  ...{ subject, stream: "TEST", events, revision, at, commandId: `command-${revision}`, executionId: "x", expected: 0, closing: 0 },
});

/** Folds messages as the projector does, checks every document against its contract, and folds all of them again: nothing may change. */
export const folded = async <Event>(view: ProjectedView<Event>, ...messages: Followed<Event>[]) => {
  const stored = memoryDocuments<Stamp>();
  const once = projection(view, stored);
  for (const each of messages) await once.apply([each], heldAlone(1));
  const first = structuredClone(new Map(stored.all));
  for (const [, document] of first) expect(documents[view.name as ViewName].parse(document)).toEqual(document);
  await projection(view, stored).apply(messages, heldAlone(1));
  expect(new Map(stored.all)).toEqual(first);
  return Object.fromEntries(first);
};

export const contact = contactId.parse("c1");
export const person = personId.parse("p1");
