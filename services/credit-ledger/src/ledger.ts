import { ledgerCodec, ledgerCommands } from "@outrider/contracts/ledger";
import { streams } from "@outrider/contracts/streams";
import { aggregate, type Follower, jetStreamStore } from "@outrider/eventing";
import { inspectionHandlers, kernelOf, ownStreams, positionsOf, type Service, serveCommands, watchAccounts } from "@outrider/platform";
import { alarms } from "./alarms.ts";
import { balance } from "./balance.ts";
import { commands } from "./commands.ts";
import { type LedgerConfig, names } from "./config.ts";
import { lookForOverdue } from "./overdue.ts";
import { type LedgerParts, settleOutcomes } from "./reactions.ts";

/** Brings the ledger up on a running service: its stream, what it follows, what it answers. Everything ends with the service. */
export const openLedger = async (service: Service<LedgerConfig>): Promise<readonly Follower[]> => {
  const { clock, config, acquireLease: acquire } = service;
  const kernel = kernelOf(service);
  await ownStreams(service, streams.ledger);
  const { publisher, jsm } = kernel;
  const balances = aggregate(jetStreamStore({ jsm, publisher, stream: streams.ledger.name, codec: ledgerCodec }), balance);
  const accounts = watchAccounts(kernel);
  const [sms, hunts] = await Promise.all([positionsOf(service, names.followSms), positionsOf(service, names.followHunts)]);
  const parts: LedgerParts = {
    ...{ kernel, balances, clock, acquire, config },
    positions: { sms, hunts },
    lowBelow: (account) => accounts.account(account)?.policy.lowBalanceBelow ?? undefined,
  };
  const reactions = alarms(parts);
  const inspected = inspectionHandlers(kernel, ledgerCommands, { aggregates: { "ledger.balance": balances }, reactions });
  await serveCommands(service, [...commands(balances, clock, config), ...inspected]);
  const followers = settleOutcomes(parts);
  lookForOverdue(service, parts, accounts);
  service.onStop("readers", async () => {
    await Promise.all([...reactions, ...followers, accounts].map((reader) => reader.stop()));
  });
  return followers;
};
