import { CannotStart, loadConfig, openService } from "@outrider/platform";
import { definition } from "./config.ts";
import { openGateway } from "./gateway.ts";

await using service = await openService(loadConfig(definition, process.env));
await openGateway(service).catch((error: unknown) => {
  if (!(error instanceof CannotStart)) throw error;
  process.stderr.write(`gateway: ${error.message}\n`);
  process.exit(2);
});
await service.untilStopped();
