import { smsCommands } from "@outrider/contracts/sms";
import { streams } from "@outrider/contracts/streams";
import { inspectionHandlers, kernelOf, loadConfig, openService, ownStreams, serveCommands } from "@outrider/platform";
import { smsHandlers } from "./commands.ts";
import { definition, sandboxProblem } from "./config.ts";
import { openSms } from "./context.ts";
import { armKnownLines, reactToPolls } from "./poll.ts";
import { smsMobileApi } from "./providers/smsmobileapi.ts";
import { reactToDue, reactToPages, reactToTurns, turnIsDue } from "./reactions.ts";
import { lookAfter, reconcile } from "./reconcile.ts";
import { reactToDueWebhooks, reactToWebhooks, webhookAgain } from "./webhooks.ts";

const config = loadConfig(definition, process.env);
const problem = sandboxProblem(config);
if (problem !== undefined) {
  process.stderr.write(`sms-sender: ${problem}\n`);
  process.exit(2);
}
await using service = await openService(config);
await ownStreams(service, streams.sms);
const provider = smsMobileApi(config.SMSMOBILEAPI_URL, config.ATTEMPTS_AT_ONCE);
service.onStop("provider", provider.close);
const sms = openSms(service, kernelOf(service), provider);
await sms.accounts.caughtUp; // pauses must be known before anything may leave
const reactions = [
  reactToPages(sms),
  reactToTurns(sms),
  reactToWebhooks(sms),
  reactToDue(sms, "turn", turnIsDue(sms)),
  reactToDue(sms, "look-after", lookAfter(sms)),
  reactToDue(sms, "reconcile", reconcile(sms)),
  reactToDueWebhooks(sms, webhookAgain(sms)),
  reactToPolls(sms),
];
service.onStop("reactions", async () => void (await Promise.all(reactions.map((reaction) => reaction.stop()))));
const aggregates = { "sms.contact": sms.contacts, "sms.line": sms.lines, "sms.ref": sms.refs, "sms.inbound": sms.inbounds };
await using _commands = await serveCommands(service, [
  ...smsHandlers(sms),
  ...inspectionHandlers(sms.kernel, smsCommands, { aggregates, reactions }),
]);
await armKnownLines(sms);
await service.untilStopped();
