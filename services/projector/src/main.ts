import { loadConfig, openService } from "@outrider/platform";
import { definition } from "./config.ts";
import { openProjector } from "./projector.ts";

await using service = await openService(loadConfig(definition, process.env));
await openProjector(service);
await service.untilStopped();
