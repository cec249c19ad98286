import type { Sealed } from "@outrider/contracts/define";
import { type AccountId, contactId, hashId, type PersonId, personId } from "@outrider/contracts/ids";
import { ledgerCommands } from "@outrider/contracts/ledger";
import { type AccountEvent, accountCodec, accountPolicy } from "@outrider/contracts/registry";
import { type PermitAnswer, registryCommands } from "@outrider/contracts/registry-commands";
import { streams, subjects } from "@outrider/contracts/streams";
import type { Codec } from "@outrider/eventing";
import { handle, keyIds, Refusal, type Service, serveCommands } from "@outrider/platform";
import type { SmsConfig } from "./config.ts";

export interface PermitAsked {
  readonly account: AccountId;
  readonly person: PersonId;
  readonly contact: string;
  readonly attempt: number;
  readonly sector: string | undefined;
}

/** A registry and a ledger that say what a test tells them to. */
export interface Neighbours {
  readonly numbers: Map<string, { readonly number: Sealed; readonly plain: string }>;
  readonly permitsAsked: PermitAsked[];
  /** Undefined: permitted. */
  permit: (asked: PermitAsked, times: number) => Promise<PermitAnswer | undefined> | PermitAnswer | undefined;
  readonly said: { readonly what: "opt-out" | "opt-in"; readonly person: PersonId; readonly commandId: string }[];
  readonly erased: Set<string>;
  /** People whom somebody has called after all that was sent to them. */
  readonly called: Set<string>;
  readonly reserved: string[];
  readonly connected: ({ readonly account: AccountId } & Extract<AccountEvent, { type: "ProviderConnected" }>["data"])[];
  readonly registryStops: () => Promise<void>;
  readonly registryStarts: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

type Open = (replica: string, as: "registry" | "credit-ledger") => Promise<Service<SmsConfig>>;
type Append = <Event>(stream: string, codec: Codec<Event>, subject: string, ...events: Event[]) => Promise<void>;
const facts = { country: "FR", lineType: "mobile", zones: ["Europe/Paris"], fiction: true } as const;

export const openNeighbours = async (open: Open, append: Append): Promise<Neighbours> => {
  let registry: Service<SmsConfig> | undefined;
  const ledger = await open("ledger", "credit-ledger");
  const neighbours: Neighbours = {
    numbers: new Map(),
    permitsAsked: [],
    permit: () => undefined,
    said: [],
    erased: new Set(),
    called: new Set(),
    reserved: [],
    connected: [],
    registryStops: async () => {
      await registry?.[Symbol.asyncDispose]();
      registry = undefined;
    },
    registryStarts: async () => {
      registry = await open("registry", "registry");
      await serveCommands(registry, registryHandlers(registry, neighbours, append));
    },
    stop: async () => {
      await neighbours.registryStops();
      await ledger[Symbol.asyncDispose]();
    },
  };
  await neighbours.registryStarts();
  await serveCommands(ledger, [
    handle(ledgerCommands.reserve, async ({ reservation, most }) => {
      neighbours.reserved.push(reservation);
      return { reservation, credits: most };
    }),
  ]);
  return neighbours;
};

const registryHandlers = ({ keyring }: Service<SmsConfig>, neighbours: Neighbours, append: Append) => [
  handle(registryCommands.permit, async ({ account, person, request: { contact, attempt, sector } }) => {
    const asked = { account, person, contact, attempt, sector };
    const times = neighbours.permitsAsked.push(asked);
    const number = neighbours.numbers.get(person)?.number;
    if (number === undefined) throw new Refusal("not-found", "there is no such person");
    return (await neighbours.permit(asked, times)) ?? ({ kind: "permitted", number } as const);
  }),
  handle(registryCommands.number, async ({ person }) => ({ number: neighbours.numbers.get(person)?.number ?? null })),
  handle(registryCommands.people, async ({ account, numbers, register }) => ({
    people: await Promise.all(
      (await keyring.openMany(numbers)).map(async (plain) => {
        if (!/^\+\d{8,15}$/.test(plain)) return { kind: "invalid" as const, reason: "none" };
        const person = personId.parse(hashId("person", account, plain));
        if (register && !neighbours.numbers.has(person)) {
          neighbours.numbers.set(person, { plain, number: await keyring.seal(keyIds.person(account, person), plain) });
        }
        return neighbours.numbers.has(person)
          ? { kind: "person" as const, person, facts: { ...facts, zones: [...facts.zones] }, erased: false }
          : { kind: "unknown" as const, person, facts: { ...facts, zones: [...facts.zones] } };
      }),
    ),
  })),
  handle(registryCommands.optOut, async ({ person }, { commandId }) => ({
    seq: neighbours.said.push({ what: "opt-out", person, commandId }),
  })),
  handle(registryCommands.optIn, async ({ person }, { commandId }) => {
    if (neighbours.erased.has(person)) throw new Refusal("refused", "the person has been erased", "erased");
    return { seq: neighbours.said.push({ what: "opt-in", person, commandId }) };
  }),
  handle(registryCommands.whyPerson, async ({ account, person }) => ({
    ...{ known: true, erased: false, consents: [], history: [], verdict: { kind: "allowed" } },
    attempts: [
      ...neighbours.permitsAsked
        .filter((asked) => asked.account === account && asked.person === person)
        .map((asked, index) => ({ at: new Date(index).toISOString(), contact: asked.contact as never, channel: "sms" as const })),
      ...(neighbours.called.has(person)
        ? [{ at: new Date().toISOString(), contact: contactId.parse("called"), channel: "call" as const }]
        : []),
    ],
  })),
  handle(registryCommands.account, async ({ account }) => ({
    ...{ account, name: account, timeZone: "Europe/Paris", country: "FR", policy: accountPolicy.parse({}) },
    ...{ paused: false, providers: neighbours.connected.filter((each) => each.account === account), revision: 1 },
  })),
  handle(registryCommands.connectProvider, async ({ account, ...connected }) => {
    const event: AccountEvent = { type: "ProviderConnected", data: connected };
    neighbours.connected.push({ account, ...connected });
    await append(streams.registry.name, accountCodec, subjects.account(account), event);
    return { seq: 1 };
  }),
];
