import type { RegistryEvent } from "@outrider/contracts/registry";
import { type Body, perAggregate, without } from "../view.ts";

const unknown: Body<"accounts"> = { paused: false, keys: [], providers: [] };

/** Accounts without any of their secrets. */
export const accounts = perAggregate<"accounts", RegistryEvent>(
  "accounts",
  "registry.account",
  { version: 1 },
  (document, event, { at }) => {
    const account = document ?? unknown;
    switch (event.type) {
      case "AccountCreated": {
        const { name, timeZone, country, policy } = event.data;
        return { ...account, name, timeZone, country, policy, createdAt: at };
      }
      case "ApiKeyAdded": {
        const { key, label, scopes } = event.data;
        return { ...account, keys: [...account.keys, { key, label, scopes, revoked: false }] };
      }
      case "ApiKeyRevoked":
        return { ...account, keys: account.keys.map((key) => (key.key === event.data.key ? { ...key, revoked: true } : key)) };
      case "ProviderConnected": {
        const { provider, line } = event.data;
        return { ...account, providers: [...otherLines(account, line), { provider, line, connectedAt: at }] };
      }
      case "ProviderDisconnected":
        return { ...account, providers: otherLines(account, event.data.line) };
      case "AccountPolicyChanged":
        return { ...account, policy: event.data.policy };
      case "OfferToBuyConfirmed":
        return { ...account, offerToBuyConfirmed: { by: event.data.by, at: event.data.at } };
      case "AccountPaused":
        return { ...account, paused: true, pausedBy: event.data.by };
      case "AccountResumed":
        return { ...without(account, "pausedBy"), paused: false };
      default:
        return account; // events of people, who have their own view
    }
  },
);

const otherLines = ({ providers }: Body<"accounts">, line: string) => providers.filter((each) => each.line !== line);
