import type { SmsProviderName } from "@outrider/contracts/fields";
import type { SmsConfig } from "../config.ts";
import type { SmsProvider } from "./sms-provider.ts";
import { smsMobileApi } from "./smsmobileapi.ts";

type Closable = SmsProvider & { readonly close: () => Promise<void> };

/** Every vendor's adapter, opened from configuration. A second vendor is one more line here, its adapter beside it, and its name in contracts. */
export const openProviders = (
  config: Pick<SmsConfig, "SMSMOBILEAPI_URL" | "ATTEMPTS_AT_ONCE">,
): Readonly<Record<SmsProviderName, Closable>> => ({
  smsmobileapi: smsMobileApi(config.SMSMOBILEAPI_URL, config.ATTEMPTS_AT_ONCE),
});
