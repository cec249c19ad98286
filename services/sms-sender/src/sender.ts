import { smsCommands } from "@outrider/contracts/sms";
import { streams } from "@outrider/contracts/streams";
import { inspectionHandlers, kernelOf, ownStreams, type Service, serveCommands } from "@outrider/platform";
import { smsHandlers } from "./commands.ts";
import { names, type SmsConfig } from "./config.ts";
import { openSms, type Sms } from "./context.ts";
import { lookForLostMoments } from "./overdue.ts";
import { reactToPolls } from "./poll.ts";
import type { SmsProviders } from "./providers/sms-provider.ts";
import { reactToDue, reactToPages, reactToTurns, turnIsDue, turnIsWanted } from "./reactions.ts";
import { lookAfter, reconcile } from "./reconcile.ts";
import { reactToStatusLooks, statusAlarms } from "./status.ts";
import { reactToStops } from "./stops.ts";
import { reactToDueWebhooks, reactToWebhooks, webhookAgain } from "./webhooks.ts";

/** Brings the sender up on a running service: its stream, what it reacts to, what it answers. Everything ends with the service. */
export const openSender = async (service: Service<SmsConfig>, providers: SmsProviders): Promise<Sms> => {
  await ownStreams(service, streams.sms);
  const sms = openSms(service, kernelOf(service), providers);
  await sms.accounts.caughtUp; // pauses must be known before anything may leave
  const reactions = [
    reactToPages(sms),
    reactToTurns(sms, statusAlarms(sms)),
    reactToStatusLooks(sms),
    reactToWebhooks(sms),
    reactToDue(sms, names.turn, turnIsDue(sms)),
    reactToDue(sms, names.wanted, turnIsWanted(sms)),
    reactToDue(sms, names.lookAfter, lookAfter(sms)),
    reactToDue(sms, names.reconcile, reconcile(sms)),
    reactToDueWebhooks(sms, webhookAgain(sms)),
    reactToPolls(sms),
    ...reactToStops(sms),
  ];
  service.onStop("reactions", async () => void (await Promise.all([...reactions, sms.accounts].map((reader) => reader.stop()))));
  const aggregates = { "sms.contact": sms.contacts, "sms.line": sms.lines, "sms.ref": sms.refs, "sms.inbound": sms.inbounds };
  await serveCommands(service, [...smsHandlers(sms), ...inspectionHandlers(sms.kernel, smsCommands, { aggregates, reactions })]);
  await lookForLostMoments(sms);
  return sms;
};
