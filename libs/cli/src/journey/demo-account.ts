import { randomBytes } from "node:crypto";
import { v1 } from "@outrider/contracts/api";
import { controlOf, type Preset } from "@outrider/simulators";
import { type Api, ApiRefusal, unlessDone } from "../api.ts";
import { type Credentials, readCredentials, writeCredentials } from "../endpoint.ts";
import { refused } from "../failure.ts";
import { textAt } from "../json.ts";
import { demoHunts } from "./demo-hunts.ts";
import type { Stage } from "./stage.ts";
import { offerToBuyNotice } from "./starting-time.ts";

export interface DemoOptions {
  readonly credentialsFile: string;
  /** Only of a new account. */
  readonly credits: number;
  readonly faults: Preset;
  /** Milliseconds between two messages. */
  readonly paceMs: number;
  /** Whether the scheduler starts the account's daily runs. */
  readonly dailyRun: boolean;
}

export interface DemoAccount {
  readonly account: string;
  readonly api: Api;
  readonly isNew: boolean;
}

/** What the demo account is reached by. */
type Own = Credentials & { readonly apiKey: string };

const account = "demo";
const line = "main";
const country = "FR";
const timeZone = "Europe/Paris";
const replies = {
  share: 0.1,
  texts: ["STOP", "Oui, toujours disponible.", "Bonjour, vendu hier.", "Quel est votre prix ?", "Je ne suis pas intéressé"],
  delayMs: 200,
};

/** The sandbox's account with credits, a line on the simulator and hunts; what is there already stays as it is. */
export const openDemoAccount = async (stage: Stage, options: DemoOptions): Promise<DemoAccount> => {
  const { credentialsFile } = options;
  const known = await working(stage, readCredentials(credentialsFile));
  const credentials = known ?? (await createdAccount(stage, options));
  const api = stage.api(credentials.apiKey);
  await connectLine(api, stage, options, credentials);
  if (known?.prepared === true) return { account, api, isNew: false };
  // Each step may have been done by a start that ended before the last one; doing it again, or otherwise, changes nothing.
  const grant = { credits: options.credits, note: "sandbox", grant: "sandbox" };
  await unlessDone(stage.api(stage.adminKey, account).ask(v1.credits.grant, { body: grant, idempotencyKey: "sandbox" }));
  const confirmed = { by: "sandbox", notice: offerToBuyNotice };
  await unlessDone(api.ask(v1.accounts.confirmOfferToBuy, { body: confirmed, idempotencyKey: "sandbox-notice" }));
  for (const [at, hunt] of demoHunts(line).entries()) {
    await unlessDone(api.ask(v1.hunts.create, { body: { ...hunt, activate: true }, idempotencyKey: `demo-hunt-${at + 1}` }));
  }
  writeCredentials(credentialsFile, { ...credentials, prepared: true });
  return { account, api, isNew: true };
};

/** What is stored, if it is the demo account's and still opens it. */
const working = async (stage: Stage, stored: Credentials | undefined): Promise<Own | undefined> => {
  const apiKey = stored?.apiKey;
  if (apiKey === undefined || stored?.adminKey !== stage.adminKey || stored.account !== account || stored.line === undefined)
    return undefined;
  try {
    await stage.api(apiKey).ask(v1.accounts.show);
    return { ...stored, apiKey };
  } catch (error) {
    if (error instanceof ApiRefusal && [401, 403, 404].includes(error.status)) return undefined;
    throw error;
  }
};

const createdAccount = async (stage: Stage, options: DemoOptions): Promise<Own> => {
  const body = { account, name: "Garage Démo", timeZone, country, policy: { dailyRunEnabled: options.dailyRun } };
  const created = await unlessDone(stage.api(stage.adminKey).ask(v1.accounts.create, { body, idempotencyKey: `create-${account}` }));
  // Created by an earlier start that ended before it had written the key down: it gets another one.
  const apiKey = textAt(created, "apiKey") ?? (await anotherKey(stage.api(stage.adminKey, account)));
  const key = { apiKey: `sandbox-${randomBytes(8).toString("hex")}`, webhookSecret: randomBytes(24).toString("base64url") };
  const credentials = { account, apiKey, adminKey: stage.adminKey, line: key };
  writeCredentials(options.credentialsFile, credentials);
  return credentials;
};

const anotherKey = async (admin: Api): Promise<string> => {
  const answer = await admin.ask(v1.accounts.addKey, { body: { label: "sandbox", scopes: ["read", "write", "admin"] } });
  const key = textAt(answer, "apiKey");
  if (key === undefined) throw refused("The gateway gave the demo account no API key.");
  return key;
};

/** Anew at every start: the gateway's port, and so the webhooks' address, may be another. */
const connectLine = async (api: Api, { outrider }: Stage, { faults, paceMs }: DemoOptions, { line: key }: Credentials): Promise<void> => {
  if (key === undefined) throw refused("The line's own key is not among the stored credentials: remove them to begin anew.");
  const { smsmobileapi: simulator } = outrider.urls.simulators;
  if (simulator === undefined) throw refused("The simulator of SMSMobileAPI was not started.");
  const control = controlOf(simulator);
  const limits = { minGapMs: paceMs, jitterMs: 0, recipientsPerDay: null, recipientsPerMonth: null, spread: false };
  await control.setFaults({}, "none"); // while the key is checked
  const connected = await api.ask(v1.lines.connect, { body: { line, provider: "smsmobileapi", ...key, limits } });
  const webhookUrl = textAt(connected, "webhookUrl");
  if (webhookUrl === undefined) throw refused("The gateway did not say where the line's webhooks go.");
  await control.setWebhook({ apiKey: key.apiKey, url: webhookUrl, secret: key.webhookSecret });
  await control.setReplies(replies);
  await control.setFaults({}, faults);
};
