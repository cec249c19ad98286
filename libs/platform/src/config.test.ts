import { expect, test } from "vitest";
import { z } from "zod";
import { defineConfig, envExample, parseConfig, variable } from "./config.ts";

const sender = defineConfig("sms-sender", {
  SMS_RATE: variable.integer(1, 100).default(10).describe("messages per second, 1 to 100"),
  SMS_API_KEY_ENCRYPTION_KEY: variable.key().describe("32 random bytes in base64 that seal the providers' credentials"),
});
const key = Buffer.alloc(32, 7).toString("base64");

const problemsOf = (environment: Record<string, string>): readonly string[] => {
  const parsed = parseConfig(sender, { SMS_API_KEY_ENCRYPTION_KEY: key, ...environment });
  return parsed.ok ? [] : parsed.problems;
};

test("fills in the defaults and counts an empty variable as absent", () => {
  const parsed = parseConfig(sender, { SMS_API_KEY_ENCRYPTION_KEY: key, NATS_URL: "", SMS_RATE: "25" });
  expect(parsed).toMatchObject({
    ok: true,
    config: { service: "sms-sender", NATS_URL: "nats://127.0.0.1:4222", SMS_RATE: 25, HEALTH_PORT: 0, OUTRIDER_PROVIDERS: "sandbox" },
  });
  expect(parsed.ok && "MONGODB_URL" in parsed.config).toBe(false);
});

test("reads MongoDB's variables only for those who ask for them", () => {
  const parsed = parseConfig(defineConfig("projector", {}, { mongo: true }), {});
  expect(parsed.ok && parsed.config.MONGODB_DATABASE).toBe("outrider");
});

test("names the variable, what is wrong and what is expected in one sentence", () => {
  expect(problemsOf({ HEALTH_PORT: "70000" })).toEqual([
    'HEALTH_PORT is "70000", which cannot be used (above 65535): expected the port for health and metrics, 0 to 65535; 0 takes a free one.',
  ]);
  expect(problemsOf({ SMS_RATE: "10.5" })[0]).toContain('SMS_RATE is "10.5", which cannot be used (not a whole number)');
  expect(problemsOf({ SMS_API_KEY_ENCRYPTION_KEY: "" })).toEqual([
    "SMS_API_KEY_ENCRYPTION_KEY is missing: expected 32 random bytes in base64 that seal the providers' credentials.",
  ]);
});

test("whom alone to contact is numbers with their country code: what fits nobody is refused, and not shown", () => {
  const parsed = parseConfig(sender, { SMS_API_KEY_ENCRYPTION_KEY: key, OUTRIDER_ONLY_CONTACT: "+33 6 12 34 56 78, +12025550123" });
  expect(parsed.ok && parsed.config.OUTRIDER_ONLY_CONTACT).toEqual(["+33612345678", "+12025550123"]);
  for (const wrong of ["06 12 34 56 78", "+33612345678,nobody", ","]) {
    const [problem = ""] = problemsOf({ OUTRIDER_ONLY_CONTACT: wrong });
    expect(problem).toContain("OUTRIDER_ONLY_CONTACT has a value that cannot be used (not numbers such as +33612345678");
    expect(problem).not.toContain("nobody");
  }
});

test("never shows the value of a secret", () => {
  for (const environment of [
    { SMS_API_KEY_ENCRYPTION_KEY: "hunter2" },
    { NATS_URL: "http://joe:hunter2@host" },
    { OUTRIDER_MASTER_KEY: "hunter2" },
  ]) {
    const problems = problemsOf(environment);
    expect(problems).toHaveLength(1);
    expect(problems.join()).not.toContain("hunter2");
  }
});

test("refuses in live mode what only the sandbox may have", () => {
  const problems = problemsOf({ OUTRIDER_PROVIDERS: "live", OUTRIDER_CLOCK_OFFSET_MS: "3600000" });
  expect(problems.map((problem) => problem.split(" ")[0])).toEqual(["OUTRIDER_CLOCK_OFFSET_MS", "OUTRIDER_MASTER_KEY"]);
  expect(problemsOf({ OUTRIDER_PROVIDERS: "live", OUTRIDER_MASTER_KEY: key })).toEqual([]);
});

test("wants every variable described", () => {
  expect(() => defineConfig("gateway", { PORT: z.string() })).toThrow("PORT of gateway needs a description");
});

test("writes an example that names each variable once, says who reads it, and comments out what has a default", () => {
  const text = envExample([sender, defineConfig("projector", {}, { mongo: true })]);
  expect(text).toContain("# --- Every service ---");
  expect(text).toContain("# --- Services with read models: projector ---");
  expect(text).toContain("# --- sms-sender ---\n# messages per second, 1 to 100\n# SMS_RATE=10\n");
  expect(text).toContain("(required, secret)\nSMS_API_KEY_ENCRYPTION_KEY=\n");
  expect(text.match(/^(# )?NATS_URL=/gm)).toHaveLength(1);
});
