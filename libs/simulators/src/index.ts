export type {
  Faults,
  Inbound,
  LogRow,
  PhoneFate,
  Preset,
  Replies,
  RequestFate,
  Stats,
  WebhookDestination,
} from "./smsmobileapi/control.ts";
export { noFaults, presets } from "./smsmobileapi/control.ts";
export { type ControlClient, controlOf } from "./smsmobileapi/control-client.ts";
export { type SmsMobileApi, type SmsMobileApiOptions, startSmsMobileApi } from "./smsmobileapi/start.ts";
