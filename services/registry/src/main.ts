import { loadConfig, openService } from "@outrider/platform";
import { definition, graceProblem } from "./config.ts";
import { openRegistry } from "./registry.ts";

const config = loadConfig(definition, process.env);
const problem = graceProblem(config);
if (problem !== undefined) {
  process.stderr.write(`registry: ${problem}\n`);
  process.exit(2);
}
await using service = await openService(config);
await openRegistry(service);
await service.untilStopped();
