import { inspect } from "node:util";
import { expect, test } from "vitest";
import { z } from "zod";
import { createLogger } from "./logging.ts";
import { Personal } from "./personal.ts";
import { scrub, scrubError, scrubText } from "./scrub.ts";
import { currentTrace } from "./trace.ts";

const number = "+33639980001";
const text = "Bonjour Marie, votre Clio est-elle encore à vendre ?";

const logged = (write: (log: ReturnType<typeof createLogger>) => void): string => {
  const lines: string[] = [];
  write(createLogger({ service: "sms-sender", LOG_LEVEL: "debug" }, "one", { write: (line: string) => lines.push(line) }));
  return lines.join("");
};

test("a personal value shows itself only when it is revealed", () => {
  const value = new Personal(number);
  expect([`${value}`, JSON.stringify({ value }), inspect(value), inspect({ deep: [value] }), String(value)].join()).not.toContain(
    "639980001",
  );
  expect(value.reveal()).toBe(number);
});

test("a log line holds no personal value, whichever way it was handed over", () => {
  const error = new Error(`provider refused ${number}`, {
    cause: new Error("GET https://api.test/send?to=33639980001&message=Bonjour+Marie"),
  });
  const child = { text, nested: [{ recipient: number }], note: `called ${number} and 06 39 98 00 01`, raw: Buffer.from(text) };
  const output = logged((log) => {
    log.info({ contact: "c1", person: new Personal(number), number: { k: "person.a.b", v: "AbCdEf" } }, "sent");
    log.warn({ error, ...child }, "provider did not answer; outcome unknown");
    log.error(error, "failed");
    log.child({ phone: number }).info({ url: `nats://joe:hunter2@host:4222/x?${number}` }, "connected");
    log.info({ deep: { a: { b: { c: { d: { e: { f: { text } } } } } } }, set: new Set([number]) }, "deep");
  });
  for (const secret of ["639980001", "39 98", "Marie", "Clio", "AbCdEf", "hunter2"]) expect(output).not.toContain(secret);
  expect(output).toContain('"contact":"c1"');
  expect(output).toContain('"message":"provider did not answer; outcome unknown"');
  expect(output).toContain("provider refused [number]");
});

test("ids, instants, traces and figures stay readable", () => {
  const harmless = {
    at: "2026-11-21T08:10:09.104Z",
    contact: "pO6n1Sx7Jk2mB0aVqLr3Tw",
    trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    seq: 1234567890123,
    stream: "SMS:1234567",
    nats: "nats://127.0.0.1:4222",
    version: "2.15.2",
  };
  expect(scrub(harmless)).toEqual(harmless);
});

test("an error tells its kind, its place and its code, and of a form that did not fit only the fields", () => {
  const refused = z.object({ number: z.string().max(3) }).safeParse({ number });
  const told = scrubError(refused.error);
  expect(told.message).toBe("number: too_big");
  expect(scrubError(Object.assign(new Error("no"), { code: "ECONNREFUSED", config: { text } }))).toMatchObject({ code: "ECONNREFUSED" });
  expect(JSON.stringify(scrubError({ text }))).not.toContain("Clio");
});

test("numbers in running text are dropped in the forms that people and providers write", () => {
  for (const form of ["+33 6 39 98 00 01", "+1 (555) 010-0199", "0639980001", "06.39.98.00.01", "33639980001", "0033639980001"]) {
    expect(scrubText(`to ${form}.`)).toBe("to [number].");
  }
});

test("a log line names the trace of the work at hand", () => {
  const output = logged((log) => {
    currentTrace.run("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", () => log.info({}, "inside"));
  });
  expect(JSON.parse(output)).toMatchObject({
    level: "info",
    service: "sms-sender",
    replica: "one",
    trace_id: "0af7651916cd43dd8448eb211c80319c",
    span_id: "b7ad6b7169203331",
    message: "inside",
  });
});
