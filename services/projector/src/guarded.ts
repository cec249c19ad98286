import type { ViewName } from "@outrider/contracts/documents";
import type { Change, Followed, View } from "@outrider/eventing";
import type { ProjectedView, Stamp } from "./view.ts";

/** A message that a view could not fold: passed over, so that one bad message does not hold up all the others. */
export interface Stumble {
  readonly view: ViewName;
  readonly seq: number;
  readonly reason: string;
}

/** The view with its bugs caught: a document that cannot be folded stays as it was, and `stumbled` is told. */
export const guarded = <Event>(view: ProjectedView<Event>, stumbled: (stumble: Stumble) => void): View<Stamp, Event> => {
  const told = (message: Followed<Event>, error: unknown): void =>
    // The name alone: what a fold throws may quote what it read.
    stumbled({ view: view.name, seq: message.revision, reason: `cannot be folded (${error instanceof Error ? error.name : "unknown"})` });
  return {
    name: view.name,
    version: view.version,
    changes: (event, message) => {
      try {
        return view.changes(event, message).map(
          ({ id, fold }): Change<Stamp> => ({
            id,
            fold: (document) => {
              try {
                return fold(document);
              } catch (error) {
                told(message, error);
                return document;
              }
            },
          }),
        );
      } catch (error) {
        told(message, error);
        return [];
      }
    },
  };
};
