import { isDeepStrictEqual } from "node:util";
import type { Decider } from "./decider.ts";

/** `given(past).when(command).then(...)`: the only vocabulary a rule's test needs. Throws with both sides when they differ. */
export const scenario = <State, Command, Event, Refusal extends string>(
  decider: Decider<State, Command, Event, Refusal>,
  at = "2026-11-20T10:00:00.000Z",
) => ({
  given: (...past: readonly Event[]) => ({
    when: (command: Command) => {
      const state = past.reduce((before, event) => decider.evolve(before, event, at), decider.initial());
      const decision = decider.decide(state, command);
      const expect = (wanted: unknown): void => {
        if (!isDeepStrictEqual(decision, wanted)) {
          throw new Error(`expected ${JSON.stringify(wanted, null, 1)}\nbut the decision was ${JSON.stringify(decision, null, 1)}`);
        }
      };
      return {
        decision,
        state,
        then: (...events: readonly Event[]): void => expect({ accepted: true, events }),
        thenNothing: (): void => expect({ accepted: true, events: [] }),
        thenRefused: (refusal: Refusal): void => expect({ accepted: false, refusal }),
      };
    },
  }),
});
