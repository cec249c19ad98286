import { credits, deadLetters, type Problem, readModels } from "../../chaos/verdict.ts";
import { nothingIsForeign } from "./checks-of-accounts.ts";
import { everythingIsAnswered } from "./checks-of-answers.ts";
import { messages } from "./checks-of-messages.ts";
import { nothingPersonal } from "./checks-of-privacy.ts";
import { consumersAreDone, readersAreDone, servicesAreReady } from "./checks-of-readers.ts";
import { repeatsAreAnswered } from "./checks-of-repeats.ts";
import { repliesAreHeard } from "./checks-of-replies.ts";
import { importsAddUp, runsAddUp, statementsAddUp } from "./checks-of-sums.ts";
import { accountOf, type Day } from "./day.ts";

/** What must hold when a day is over, whatever happened on it. Answers what does not. */
export interface Check {
  readonly name: string;
  readonly look: (day: Day) => Promise<readonly Problem[]>;
}

const asked = ({ world, chronicle, houses }: Day) => ({
  ...{ world, chronicle, reconciled: false },
  tenants: houses.map((house) => ({ account: accountOf(house), apiKey: house.vendorKey })),
});

/** In order: what is not at rest yet is told by the first ones, which cost little. */
export const checks: readonly Check[] = [
  { name: "every service is ready", look: servicesAreReady },
  { name: "nothing is left to react to", look: consumersAreDone },
  { name: "every reader is at the head of its stream", look: readersAreDone },
  { name: "there are no dead letters", look: ({ world }) => deadLetters(world) },
  { name: "imports add up", look: importsAddUp },
  { name: "runs are settled and add up", look: runsAddUp },
  { name: "what is asked for again is answered as it is now", look: repeatsAreAnswered },
  { name: "messages are what contacts say", look: messages },
  { name: "replies are heard", look: repliesAreHeard },
  { name: "credits are what contacts say", look: (day) => credits(asked(day)) },
  { name: "statements add up to balances", look: statementsAddUp },
  { name: "views equal a fresh fold", look: ({ world }) => readModels(world) },
  { name: "every contact and person is explained", look: everythingIsAnswered },
  { name: "no account sees another's", look: nothingIsForeign },
  { name: "nothing personal is where it must not be", look: nothingPersonal },
];
