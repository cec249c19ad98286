import { loadConfig, openService } from "@outrider/platform";
import { definition } from "./config.ts";
import { openRegistry } from "./registry.ts";

await using service = await openService(loadConfig(definition, process.env));
await openRegistry(service);
await service.untilStopped();
