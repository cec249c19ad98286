import { loadConfig, openService } from "@outrider/platform";
import { definition, graceProblem } from "./config.ts";
import { openLedger } from "./ledger.ts";

const config = loadConfig(definition, process.env);
const problem = graceProblem(config);
if (problem !== undefined) {
  process.stderr.write(`credit-ledger: ${problem}\n`);
  process.exit(2);
}
await using service = await openService(config);
await openLedger(service);
await service.untilStopped();
