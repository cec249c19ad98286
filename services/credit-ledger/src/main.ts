import { loadConfig, openService } from "@outrider/platform";
import { definition } from "./config.ts";
import { openLedger } from "./ledger.ts";

await using service = await openService(loadConfig(definition, process.env));
await openLedger(service);
await service.untilStopped();
