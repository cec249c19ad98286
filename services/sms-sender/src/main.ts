import { loadConfig, openService } from "@outrider/platform";
import { definition, sandboxProblem } from "./config.ts";
import { openProviders } from "./providers/providers.ts";
import { openSender } from "./sender.ts";

const config = loadConfig(definition, process.env);
const problem = sandboxProblem(config);
if (problem !== undefined) {
  process.stderr.write(`sms-sender: ${problem}\n`);
  process.exit(2);
}
await using service = await openService(config);
const providers = openProviders(config);
service.onStop("providers", async () => void (await Promise.all(Object.values(providers).map(({ close }) => close()))));
await openSender(service, providers);
await service.untilStopped();
