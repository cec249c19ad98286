import { expect, test } from "vitest";
import { classifyReply, replyWords } from "./index.ts";

test.each([
  ...["STOP", "stop", "Stop.", " STOP! ", "«Stop»", "s\u200bTOP", "STOP STOP", "stop please", "Stop svp", "STOP 36179", "Stop au 36180"],
  ...["STOPALL", "stop all", "Unsubscribe", "CANCEL", "end", "QUIT", "revoke", "OPTOUT", "opt-out", "Opt out", "remove"],
  ...["ARRET", "Arrêt", "arrêt.", "DÉSABONNER", "ne me contactez plus", "Don’t contact me", "STOP\n\nSent from my phone", "🛑 STOP"],
  ...["Bonjour,\nSTOP", "Bonjour\r\nStop SVP\r\nMerci", "STOPPEZ", "Arrêtez tout"],
])("%j is an opt-out", (text) => expect(classifyReply(text)).toBe("stop"));

test.each([
  ...["I will stop by tomorrow", "Non stop", "Is this the end?", "I can stop", "the end", "", "   ", "Bonjour", "stopper", "non-stop"],
  ...[
    "Please remove the seats",
    "Cancel the meeting tomorrow",
    "stop 1",
    "Start at 9?",
    "stop by at 5",
    "Bonjour\nJe m'arrête\nà 18h",
    "Je m'arrête à 18h",
  ],
])("%j is no keyword", (text) => expect(classifyReply(text)).toBeUndefined());

test("START and UNSTOP opt back in, HELP asks for help", () => {
  expect(["start", "Unstop!", "HELP", "aide"].map((text) => classifyReply(text))).toEqual(["start", "start", "help", "help"]);
});

test("in an appointment's thread CANCEL may mean the appointment; STOP never does", () => {
  expect(classifyReply("Cancel", { appointmentThread: true })).toBeUndefined();
  expect(classifyReply("STOP", { appointmentThread: true })).toBe("stop");
});

test("words are configurable", () => {
  const words = { ...replyWords, stop: ["Genug"] };
  expect(classifyReply("genug!", { words })).toBe("stop");
  expect(classifyReply("stop", { words })).toBeUndefined();
});
