import { loadConfig, openService } from "@outrider/platform";
import { definition } from "./config.ts";
import { openGateway } from "./gateway.ts";

await using service = await openService(loadConfig(definition, process.env));
await openGateway(service);
await service.untilStopped();
