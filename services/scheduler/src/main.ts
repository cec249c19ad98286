import { loadConfig, openService } from "@outrider/platform";
import { definition } from "./config.ts";
import { openScheduler } from "./scheduler.ts";

await using service = await openService(loadConfig(definition, process.env));
await openScheduler(service);
await service.untilStopped();
