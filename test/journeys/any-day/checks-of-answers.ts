import { subjects } from "@outrider/contracts/streams";
import { type Problem, peopleBehind } from "../../chaos/verdict.ts";
import type { Answer } from "../../http.ts";
import { allOf } from "./checks-of-sums.ts";
import { accountOf, type Day, type House, numberOf, owners } from "./day.ts";

export interface Question {
  readonly path: string;
  readonly holds: (answer: Answer) => boolean;
}

const atOnce = 8;

/** Asks all, a few at a time, and tells which answers do not hold. */
export const asked = async (house: House, questions: readonly Question[]): Promise<readonly Problem[]> => {
  const waiting = [...questions];
  const problems: Problem[] = [];
  const lane = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const answer = await house.client.get(next.path);
      if (!next.holds(answer)) problems.push({ what: `${house.account} ${next.path}: ${answer.status} ${answer.text.slice(0, 500)}` });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return problems;
};

const everybody = Array.from({ length: owners }, (_, owner) => numberOf(owner));
export const isFine = ({ status }: Answer): boolean => status === 200;
/** A contact that has one of these has an end. */
export const ended = ["accepted", "sent", "delivered", "failed", "rejected", "unknown", "gated"];

/** Every contact has a history, a cause and an end; everybody whom an account knows can be asked about, erased or not. */
export const everythingIsAnswered = async ({ world, houses, chronicle }: Day): Promise<readonly Problem[]> => {
  const problems: Problem[] = [];
  for (const house of houses) {
    const account = accountOf(house);
    const stories = chronicle.storiesOf(account);
    const behind = await peopleBehind(world, account, everybody);
    const known = new Set([
      ...stories.map(({ person }) => person),
      ...(await allOf(house.client, "/v1/ads")).flatMap(({ person }) => person ?? []),
    ]);
    const gone = new Set([...house.erased].map((owner) => behind.get(numberOf(owner))));
    problems.push(
      ...(await asked(house, [
        ...stories.flatMap(({ contact }) => ofContact(account, contact)),
        ...[...known].flatMap((person) => ofPerson(person, gone.has(person))),
        { path: "/v1/views/none", holds: ({ status }) => status === 404 },
      ])),
    );
  }
  return problems;
};

const ofContact = (account: Parameters<typeof subjects.smsContact>[0], contact: string): readonly Question[] => [
  { path: `/v1/contacts/${contact}`, holds: ({ status, body }) => status === 200 && ended.includes(body.status) },
  {
    path: `/v1/history?subject=${subjects.smsContact(account, contact)}`,
    holds: ({ status, body }) => status === 200 && body.entries.length > 0 && body.entries.every(hasCause),
  },
  { path: `/v1/state?subject=${subjects.smsContact(account, contact)}`, holds: isFine },
];

const hasCause = ({ command, causation, actor }: Readonly<Record<string, unknown>>): boolean =>
  command !== undefined && (causation !== undefined || actor !== undefined);

const ofPerson = (person: string, erased: boolean): readonly Question[] => [
  { path: `/v1/people/${person}/why`, holds: ({ status, body }) => status === 200 && (!erased || body.verdict.kind === "denied") },
  { path: `/v1/people/${person}`, holds: ({ status, body }) => status === 200 && (body.status === "erased") === erased },
  { path: `/v1/people/${person}/export`, holds: isFine },
];
