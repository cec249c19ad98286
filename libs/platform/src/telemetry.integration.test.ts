import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

/** Opens a tracer in a process of its own and prints which packages of OpenTelemetry were asked for on the way. */
const program = `
import { registerHooks } from "node:module";
const asked = new Set();
registerHooks({ resolve: (name, context, next) => { if (name.startsWith("@opentelemetry/")) asked.add(name); return next(name, context); } });
const { openTracer } = await import(${JSON.stringify(join(import.meta.dirname, "telemetry.ts"))});
await import(${JSON.stringify(join(import.meta.dirname, "index.ts"))});
const tracer = await openTracer({ service: "registry", OTEL_EXPORTER_OTLP_ENDPOINT: process.env.ENDPOINT, OTEL_SERVICE_NAMESPACE: "outrider",
  OTEL_TRACES_SAMPLER_ARG: 1 }, "registry-1", "0");
await tracer.close();
console.log(JSON.stringify([...asked]));
`;

const askedFor = async (environment: Record<string, string>): Promise<readonly string[]> => {
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", program], { env: { ...process.env, ...environment } });
  return JSON.parse(stdout);
};

test("OpenTelemetry is loaded only where its spans have somewhere to go", async () => {
  // The interface alone, which is small, comes with the metrics' client.
  expect(await askedFor({})).toEqual(["@opentelemetry/api"]);
  expect(await askedFor({ ENDPOINT: "http://127.0.0.1:4318" })).toContain("@opentelemetry/sdk-trace");
});
