import { type CommonConfig, type ConfigDefinition, parseConfig } from "./config.ts";
import { type OpenOptions, openService, type Service } from "./service.ts";

/**
 * A service inside the test's own process: no signal is obeyed, the process is never ended, logs are silent unless asked for. Throws with
 * the sentences that `loadConfig` would print.
 */
export const openTestService = <Config extends CommonConfig>(
  definition: ConfigDefinition<Config>,
  environment: Readonly<Record<string, string>>,
  options: Omit<OpenOptions, "ownsProcess"> = {},
): Promise<Service<Config>> => {
  const parsed = parseConfig(definition, { LOG_LEVEL: "silent", ...environment });
  if (!parsed.ok) throw new TypeError(parsed.problems.join("\n"));
  return openService(parsed.config, { ...options, ownsProcess: false });
};
