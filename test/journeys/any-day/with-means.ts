import { serviceNames } from "@outrider/contracts/commands";
import { viewNames } from "@outrider/contracts/documents";
import type { Faults } from "@outrider/simulators";
import { pause } from "../../chaos/blows.ts";
import { type Answer, clientOf, webhookSecretOf } from "../../http.ts";
import { type Day, type House, shortly, told } from "./day.ts";
import { startPass } from "./with-ads.ts";

type Act = (day: Day, house: House) => Promise<string>;

const said =
  (what: string, call: (house: House, day: Day) => Promise<Answer>): Act =>
  async (day, house) =>
    shortly(await told(day, what, () => call(house, day)));

export const pauseLine = said("a line's pause", ({ client }) => client.post("/v1/lines/main/pause"));
export const resumeLine = said("a line's resume", ({ client }) => client.post("/v1/lines/main/resume"));
/** As an operator does after the provider has refused the key. */
export const connectAgain = said("a line connected anew", ({ client, vendorKey, account }) =>
  client.post("/v1/lines", { line: "main", provider: "smsmobileapi", apiKey: vendorKey, webhookSecret: webhookSecretOf(account) }),
);
export const changeLimits: Act = async (day, { client }) => {
  const { dice } = day;
  const limits = {
    ...{ minGapMs: dice.pick([0, 50, 300]), jitterMs: dice.pick([0, 20]) },
    ...{ recipientsPerDay: dice.pick([null, null, 5, 30]), recipientsPerMonth: dice.pick([null, 100]), spread: false },
  };
  return `${JSON.stringify(limits)}: ${shortly(await told(day, "limits", () => client.patch("/v1/lines/main/limits", limits)))}`;
};

export const pauseAccount = said("an account's pause", ({ client }) => client.post("/v1/pause"));
export const resumeAccount = said("an account's resume", ({ client }) => client.post("/v1/resume"));
/** Contacts that waited end gated by the pause, and are asked for anew. */
export const stopAndStart: Act = async (day, house) => {
  const first = await startPass(day, house);
  await pause(day.dice.between(100, 400));
  const paused = await pauseAccount(day, house);
  await pause(day.dice.between(200, 800));
  return `${first}, paused ${paused}, resumed ${await resumeAccount(day, house)}, ${await startPass(day, house)}`;
};
/** The operator's own key, in nobody's name. */
const operator = ({ world }: Day) => clientOf(world.outrider.urls.gateway ?? "", world.secrets["OUTRIDER_ADMIN_KEY"] ?? "");
export const pauseAll = said("a pause of everything", (_house, day) => operator(day).post("/v1/system/pause"));
export const goOn = (day: Day) => operator(day).post("/v1/system/resume");
export const resumeAll = said("a resume of everything", (_house, day) => goOn(day));
export const changePolicy = said("a policy", ({ client }, { dice }) =>
  client.patch("/v1/account/policy", {
    dailyLimit: dice.pick([null, 5, 40]),
    recontactAfterDays: dice.pick([0, 30]),
    lowBalanceBelow: dice.pick([null, 20]),
  }),
);

export const grant = said("a grant", ({ admin }, { dice }) => admin.post("/v1/credits/grants", { credits: dice.between(5, 25) }));
export const grantExpiring = said("a grant that expires", ({ admin }, { dice, at }) =>
  admin.post("/v1/credits/grants", { credits: dice.between(5, 25), expiresAt: at(dice.between(1500, 5000)) }),
);

const provider =
  (faults: Partial<Faults>): Act =>
  async ({ world }) => {
    await world.sim.setFaults(faults, "none");
    return JSON.stringify(faults);
  };
export const refusing = provider({ refuse: 0.2, badRequest: 0.1, tooMany: 0.3, retryAfterS: 1 });
export const losingAnswers = provider({
  cutAfter: 0.2,
  cutBefore: 0.2,
  serverErrorAfter: 0.1,
  serverErrorBefore: 0.1,
  nonJson: 0.1,
  hangAfter: 0.05,
});
export const badWebhooks = provider({ webhookNever: 0.3, webhookDouble: 0.4, webhookLateMs: 1500, webhookOutOfOrder: 0.4 });
export const badPhone = provider({ failDelivery: 0.4, readError: 0.3, latencyMs: 100, latencyJitterMs: 300 });
export const keyRefused = provider({ forbidden: 0.3 });
export const goodProvider = provider({});

export const kill: Act = async ({ world, dice, patient }) => {
  const service = dice.pick(serviceNames.filter((name) => patient || name !== "sms-sender"));
  return `${service}: ${world.outrider.kill(service, 1, "SIGKILL") ? "killed" : "was not running"}`;
};

export const rebuild: Act = async (day) => {
  const view = day.dice.pick(viewNames);
  return `${view}: ${shortly(await told(day, "a rebuild", () => operator(day).post(`/v1/views/${view}/rebuild`)))}`;
};

export const wait: Act = async ({ dice }) => {
  const ms = dice.between(300, 1500);
  await pause(ms);
  return `${ms} ms`;
};
