import fc from "fast-check";
import { expect, test } from "vitest";
import { accountId, partitionOf } from "./ids.ts";
import { accountOfSubject, parseInboxSubject, parseSubject, type StreamDeclaration, streams, subjects } from "./streams.ts";

const all: readonly StreamDeclaration[] = Object.values(streams);
const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);

/** Whether one subject can match both filters. */
const overlap = (one: string, other: string): boolean => {
  const [a, b] = [one.split("."), other.split(".")];
  for (let n = 0; ; n++) {
    if (a[n] === ">" || b[n] === ">") return a[n] !== undefined && b[n] !== undefined;
    if (a[n] === undefined || b[n] === undefined) return a[n] === b[n];
    if (a[n] !== b[n] && a[n] !== "*" && b[n] !== "*") return false;
  }
};

test("no two streams take the same subject, and no name is used twice", () => {
  const filters = all.flatMap(({ name, subjects }) => subjects.map((filter) => ({ name, filter })));
  const clashes = filters.flatMap((one, index) =>
    filters
      .slice(index + 1)
      .filter((other) => overlap(one.filter, other.filter))
      .map((other) => [one, other]),
  );
  expect(clashes).toEqual([]);
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
});

test("every subject that we can make falls into exactly one stream, and tells its parts again", () => {
  const aggregates = [
    "account",
    "person",
    "erasure",
    "ad",
    "import",
    "hunt",
    "run",
    "smsContact",
    "smsRef",
    "smsInbound",
    "smsLine",
    "balance",
  ] as const;
  fc.assert(
    fc.property(id, id, (name, other) => {
      const account = accountId.parse(name);
      const streamsOf = (subject: string) => all.filter((stream) => stream.subjects.some((filter) => overlap(filter, subject)));
      for (const kind of aggregates) {
        const subject = subjects[kind](account, other);
        expect(streamsOf(subject)).toHaveLength(1);
        expect(streamsOf(subject)[0]).toMatchObject({ kind: "events", retention: "limits", maxAgeDays: 0 });
        expect(parseSubject(subject)).toMatchObject({ account, id: kind === "account" || kind === "balance" ? account : other });
        expect(subject.split(".")).toHaveLength(5);
        expect(accountOfSubject(subject)).toBe(account);
      }
      const others = {
        INBOX: subjects.inbox("smsmobileapi", account),
        UPLOADS: subjects.upload(account, other),
        DEAD: subjects.dead("registry", other),
      };
      const due = `due.sms-sender.turn.${partitionOf(account)}.${account}.${other}`;
      for (const subject of [others.INBOX, others.UPLOADS, due]) expect(accountOfSubject(subject)).toBe(account);
      for (const subject of [others.DEAD, `${due}.more`, `due.sms-sender.${account}`]) expect(accountOfSubject(subject)).toBeUndefined();
      for (const [stream, subject] of Object.entries(others)) expect(streamsOf(subject).map((each) => each.name)).toEqual([stream]);
      expect(parseInboxSubject(others.INBOX)).toEqual({ provider: "smsmobileapi", account });
      expect(parseSubject(others.INBOX)).toBeUndefined();
    }),
    { numRuns: 50 },
  );
});

test("every aggregate has a builder here", () => {
  expect(Object.keys(subjects).toSorted()).toEqual([
    "account",
    "ad",
    "balance",
    "dead",
    "erasure",
    "hunt",
    "import",
    "inbox",
    "person",
    "run",
    "smsContact",
    "smsInbound",
    "smsLine",
    "smsRef",
    "upload",
  ]);
});

test("events are kept for ever; webhooks, uploads and dead letters are not", () => {
  for (const { kind, maxAgeDays, name } of all) expect([name, maxAgeDays > 0]).toEqual([name, kind === "raw" || kind === "letters"]);
});
