import { type SmsMobileApiOptions, startSmsMobileApi } from "./start.ts";

/** Reads the environment; a bad value stops the process with the variable's name. */
function optionsFrom(env: NodeJS.ProcessEnv): SmsMobileApiOptions {
  const integer = (name: string, usual: number, highest: number) => {
    const value = Number(env[name] || usual);
    if (!Number.isInteger(value) || value < 0 || value > highest) throw new Error(`${name} must be a whole number from 0 to ${highest}`);
    return value;
  };
  const keys = env["SIM_API_KEYS"]?.split(",").map((key) => key.trim());
  const url = env["SIM_WEBHOOK_URL"];
  if (url && !(URL.canParse(url) && new URL(url).protocol === "http:")) throw new Error("SIM_WEBHOOK_URL must be an http:// address");
  return {
    port: integer("PORT", 0, 65_535),
    seed: integer("SIM_SEED", 1, 2 ** 32 - 1),
    ...(url ? { webhookUrl: url } : {}),
    ...(env["SIM_WEBHOOK_SECRET"] ? { webhookSecret: env["SIM_WEBHOOK_SECRET"] } : {}),
    ...(keys?.some((key) => key !== "") ? { apiKeys: keys.filter((key) => key !== "") } : {}),
    ...(env["SIM_LOG_FILE"] ? { logFile: env["SIM_LOG_FILE"] } : {}),
  };
}

try {
  const simulator = await startSmsMobileApi(optionsFrom(process.env));
  const end = () => void simulator.stop().then(() => process.exit(0));
  process.once("SIGTERM", end).once("SIGINT", end).once("disconnect", end);
  process.stdout.write(`${JSON.stringify({ listening: simulator.port, url: simulator.url })}\n`);
} catch (error) {
  process.stderr.write(`smsmobileapi simulator: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
