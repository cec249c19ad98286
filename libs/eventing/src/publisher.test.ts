import fc from "fast-check";
import { expect, test } from "vitest";
import { plainlyStored } from "./publisher.ts";
import { headerLine, joined } from "./requests.ts";

const bytes = (answer: unknown): Uint8Array => Buffer.from(typeof answer === "string" ? answer : JSON.stringify(answer));
const stream = fc.string({ minLength: 1 });
const seq = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });

test("reads the sequence out of a plain acknowledgement, whatever the stream is called", () => {
  fc.assert(
    fc.property(stream, seq, (name, wanted) => {
      expect(plainlyStored(bytes({ stream: name, seq: wanted }))).toBe(wanted);
    }),
  );
});

test("takes nothing else for one", () => {
  const error = { code: 400, err_code: 10071, description: 'wrong last sequence: "seq":7}' };
  const others: unknown[] = [
    { error, stream: "SMS", seq: 0 },
    { error, stream: "SMS", seq: 7 },
    { error },
    { stream: "SMS", seq: 7, duplicate: true },
    { stream: "SMS", seq: 7, domain: "leaf" },
    { stream: "SMS", seq: 7, batch: "b", count: 3 },
    { stream: "SMS" },
    ...["", "{", "}", '"seq":7}', '{"stream":"SMS","seq":}', "not json"],
  ];
  for (const other of others) expect(plainlyStored(bytes(other))).toBe(0);
});

test("a header cannot smuggle in another", () => {
  expect(joined(headerLine("A", "1"), headerLine("B", "Ċ"))).toBe("A: 1\r\nB: Ċ\r\n");
  for (const hostile of ["a\r\nNats-Rollup: all", "a\nb", "a\rb"]) expect(() => headerLine("A", hostile)).toThrow(TypeError);
});
