import type { World } from "./world.ts";

/** What the gateway answered. */
export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: journeys look at single fields of answers whose shapes the gateway's own tests hold fast.
  readonly body: any;
  readonly text: string;
}

export interface Client {
  readonly key: string;
  readonly get: (path: string) => Promise<Answer>;
  readonly post: (path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;
  readonly put: (path: string, body: unknown, headers?: Record<string, string>) => Promise<Answer>;
  readonly patch: (path: string, body: unknown, headers?: Record<string, string>) => Promise<Answer>;
  readonly remove: (path: string, headers?: Record<string, string>) => Promise<Answer>;
  readonly upload: (path: string, csv: string | Uint8Array, headers?: Record<string, string>) => Promise<Answer>;
}

/** A person or program that uses the HTTP API with a key. */
export const clientOf = (gateway: string, key: string, account?: string): Client => {
  const send = async (
    method: string,
    path: string,
    body?: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = {},
  ): Promise<Answer> => {
    const response = await fetch(`${gateway}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(account === undefined ? {} : { "outrider-account": account }), ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    return { status: response.status, text, body: text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : undefined };
  };
  const json = { "content-type": "application/json" };
  return {
    key,
    get: (path) => send("GET", path),
    post: (path, body = {}, headers = {}) => send("POST", path, JSON.stringify(body), { ...json, ...headers }),
    put: (path, body, headers = {}) => send("PUT", path, JSON.stringify(body), { ...json, ...headers }),
    patch: (path, body, headers = {}) => send("PATCH", path, JSON.stringify(body), { ...json, ...headers }),
    remove: (path, headers = {}) => send("DELETE", path, undefined, headers),
    upload: (path, csv, headers = {}) =>
      send("POST", path, typeof csv === "string" ? csv : Uint8Array.from(csv), { "content-type": "text/csv", ...headers }),
  };
};

export const ok = (answer: Answer): Answer => {
  if (answer.status >= 300) throw new Error(`HTTP ${answer.status}: ${answer.text}`);
  return answer;
};

export interface Shop {
  readonly admin: Client;
  readonly client: Client;
  readonly account: string;
}

export const webhookSecretOf = (account: string): string => `webhook-secret-of-${account}`;

/** An account as an operator sets it up: credits, an offer-to-buy confirmed, a line at the simulator that sends its webhooks back. */
export const openShop = async (world: World, account: string, { credits = 10_000, limits = {} } = {}): Promise<Shop> => {
  const gateway = world.outrider.urls.gateway;
  if (gateway === null) throw new Error("the gateway does not run");
  const adminKey = world.secrets["OUTRIDER_ADMIN_KEY"] ?? "";
  const made = ok(
    await clientOf(gateway, adminKey).post("/v1/accounts", { account, name: `Shop ${account}`, timeZone: "Europe/Paris", country: "FR" }),
  );
  const admin = clientOf(gateway, adminKey, account);
  const client = clientOf(gateway, made.body.apiKey);
  ok(await admin.post("/v1/credits/grants", { credits }));
  const { offerToBuyNotice: notice } = ok(await client.get("/v1/account")).body;
  ok(await client.post("/v1/account/confirm-offer-to-buy", { by: "the owner", notice }));
  const apiKey = `vendor-key-of-${account}`;
  const secret = webhookSecretOf(account);
  const line = ok(
    await client.post("/v1/lines", {
      line: "main",
      provider: "smsmobileapi",
      apiKey,
      webhookSecret: secret,
      limits: { minGapMs: 0, jitterMs: 0, recipientsPerDay: null, ...limits },
    }),
  );
  await world.sim.setWebhook({ apiKey, url: line.body.webhookUrl, secret });
  return { admin, client, account };
};

export const huntOf = (more: Record<string, unknown> = {}) => ({
  name: "Peugeots",
  channels: ["sms"],
  lines: { sms: "main" },
  templates: { sms: "Bonjour, votre annonce {{ ad.title }} m'intéresse. STOP pour ne plus recevoir de messages." },
  legalBasis: "offer-to-buy",
  criteria: { maxAgeDays: 36500 },
  activate: true,
  ...more,
});
