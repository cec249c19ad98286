import { loadConfig, openService } from "@outrider/platform";
import { definition } from "./config.ts";
import { openIngest } from "./ingest.ts";

await using service = await openService(loadConfig(definition, process.env));
await openIngest(service);
await service.untilStopped();
