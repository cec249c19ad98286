import type { PersonId } from "@outrider/contracts/ids";
import type { ErasureEvent } from "@outrider/contracts/registry";
import { accept, type Decider, unreachable } from "@outrider/eventing/decider";

export interface Announcement {
  readonly announced: boolean;
}

export interface AnnouncementCommand {
  readonly type: "Announce";
  readonly person: PersonId;
}

/** One person's erasure, said once where senders listen: a person's own subject carries every permit, and nobody wants to read all of them. */
export const announcement: Decider<Announcement, AnnouncementCommand, ErasureEvent, never> = {
  initial: () => ({ announced: false }),
  evolve: (_state, { type }) => {
    switch (type) {
      case "ErasureAnnounced":
        return { announced: true };
      default:
        return unreachable(type);
    }
  },
  decide: ({ announced }, { person }) => (announced ? accept() : accept({ type: "ErasureAnnounced", data: { person } })),
};
