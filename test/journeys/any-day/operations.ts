import type { Day, House } from "./day.ts";
import * as ads from "./with-ads.ts";
import * as means from "./with-means.ts";
import * as people from "./with-people.ts";

/** Something that happens to one account on a day. Answers what became of it, for the report. */
export interface Operation {
  readonly name: string;
  /** How often it is in one deck: a day of one deck has each at least once. */
  readonly times: number;
  readonly act: (day: Day, house: House) => Promise<string>;
}

const operation = (times: number, name: string, act: Operation["act"]): Operation => ({ name, times, act });

export const operations: readonly Operation[] = [
  operation(6, "imports new ads", ads.importNew),
  operation(2, "imports a file again", ads.importAgain),
  operation(2, "imports a changed file", ads.importChanged),
  operation(4, "makes a hunt", ads.makeHunt),
  operation(2, "changes a hunt", ads.changeHunt),
  operation(1, "pauses a hunt", ads.pauseHunt),
  operation(2, "resumes a hunt", ads.resumeHunt),
  operation(1, "archives a hunt", ads.archiveHunt),
  operation(8, "starts a pass", ads.startPass),
  operation(3, "stops a run and starts it again", means.stopAndStart),
  operation(1, "looks at a dry run", ads.dryRun),
  operation(1, "pauses the line", means.pauseLine),
  operation(3, "resumes the line", means.resumeLine),
  operation(1, "connects the line anew", means.connectAgain),
  operation(2, "changes the line's limits", means.changeLimits),
  operation(1, "pauses the account", means.pauseAccount),
  operation(4, "resumes the account", means.resumeAccount),
  operation(1, "pauses everything", means.pauseAll),
  operation(4, "resumes everything", means.resumeAll),
  operation(1, "changes the policy", means.changePolicy),
  operation(5, "asks for a contact", people.request),
  operation(3, "asks for a contact again", people.repeatRequest),
  operation(1, "asks for another contact with the same key", people.misuseKey),
  operation(3, "hears words", people.words),
  operation(2, "hears a stop", people.stop),
  operation(1, "hears a start", people.start),
  operation(1, "hears a stranger", people.stranger),
  operation(2, "answers a reply", people.answerReply),
  operation(1, "marks a reply", people.markReply),
  operation(1, "opts somebody out", people.optOut),
  operation(1, "opts somebody in", people.optIn),
  operation(1, "records a refusal", people.refusal),
  operation(1, "records a consent", people.consent),
  operation(1, "takes a consent back", people.withdraw),
  operation(2, "erases somebody", people.erase),
  operation(2, "grants credits", means.grant),
  operation(1, "grants credits that expire", means.grantExpiring),
  operation(2, "decides about an unknown contact", people.resolveUnknown),
  operation(1, "has a provider that refuses", means.refusing),
  operation(2, "has a provider whose answers are lost", means.losingAnswers),
  operation(1, "has a provider whose webhooks are bad", means.badWebhooks),
  operation(1, "has a phone that fails", means.badPhone),
  operation(1, "has a key that is refused", means.keyRefused),
  operation(4, "has a good provider", means.goodProvider),
  operation(2, "has a service killed", means.kill),
  operation(1, "has a view built anew", means.rebuild),
  operation(12, "repeats a request", people.repeat),
  operation(3, "lets time pass", means.wait),
];
