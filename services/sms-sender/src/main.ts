import { loadConfig, openService } from "@outrider/platform";
import { definition, sandboxProblem } from "./config.ts";
import { smsMobileApi } from "./providers/smsmobileapi.ts";
import { openSender } from "./sender.ts";

const config = loadConfig(definition, process.env);
const problem = sandboxProblem(config);
if (problem !== undefined) {
  process.stderr.write(`sms-sender: ${problem}\n`);
  process.exit(2);
}
await using service = await openService(config);
const provider = smsMobileApi(config.SMSMOBILEAPI_URL, config.ATTEMPTS_AT_ONCE);
service.onStop("provider", provider.close);
await openSender(service, provider);
await service.untilStopped();
