import * as answers from "./answers.ts";
import type { Reaction } from "./calls.ts";
import type { Faults, RequestFate } from "./control.ts";

type About = { faults: Faults; asText: boolean; id: string; scheduled: boolean };

/** What each fate means: whether the message is taken, what is said, and whether that is the truth. */
export const said: Record<
  RequestFate,
  { how: Reaction["how"]; accepts: boolean; truthful: boolean; answer: (about: About) => answers.Answer }
> = {
  accepted: {
    how: "answer",
    accepts: true,
    truthful: true,
    answer: ({ id, asText, scheduled }) => answers.accepted(id, asText, scheduled),
  },
  refuse: { how: "answer", accepts: false, truthful: true, answer: ({ asText }) => answers.refused(asText, 17, "message refused") },
  badRequest: { how: "answer", accepts: false, truthful: true, answer: () => answers.badRequest("invalid parameter: recipients") },
  forbidden: { how: "answer", accepts: false, truthful: true, answer: answers.forbidden },
  tooMany: { how: "answer", accepts: false, truthful: true, answer: ({ faults }) => answers.tooMany(faults.retryAfterS) },
  serverErrorBefore: { how: "answer", accepts: false, truthful: true, answer: answers.serverError },
  cutBefore: { how: "cut", accepts: false, truthful: false, answer: answers.serverError },
  serverErrorAfter: { how: "answer", accepts: true, truthful: false, answer: answers.serverError },
  cutAfter: { how: "cut", accepts: true, truthful: false, answer: answers.serverError },
  hangAfter: { how: "hang", accepts: true, truthful: false, answer: answers.serverError },
  nonJson: { how: "answer", accepts: true, truthful: false, answer: answers.notJson },
};
