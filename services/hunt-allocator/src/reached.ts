import { orUnavailable, reached } from "@outrider/platform";
import type { Candidates } from "./candidates.ts";

/** The same look-ups, that say `Unavailable` while MongoDB cannot be reached: a pass then waits, and is no dead letter. */
export const waitingForMongo = (looked: Candidates): Candidates => ({
  hunts: (...asked) => reached(looked.hunts(...asked)),
  countActive: (...asked) => reached(looked.countActive(...asked)),
  ads: (...asked) => reached(looked.ads(...asked)),
  person: (...asked) => reached(looked.person(...asked)),
  requested: (...asked) => reached(looked.requested(...asked)),
  scan: async function* (...asked) {
    try {
      yield* looked.scan(...asked);
    } catch (error) {
      throw orUnavailable(error);
    }
  },
});
