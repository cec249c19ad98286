import { loadConfig, openService } from "@outrider/platform";
import { openAllocator } from "./allocator.ts";
import { definition } from "./config.ts";

await using service = await openService(loadConfig(definition, process.env));
await openAllocator(service);
await service.untilStopped();
