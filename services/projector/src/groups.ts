import { adsCodec } from "@outrider/contracts/ads";
import { huntsCodec } from "@outrider/contracts/hunts";
import { ledgerCodec } from "@outrider/contracts/ledger";
import { registryCodec } from "@outrider/contracts/registry";
import { smsCodec } from "@outrider/contracts/sms";
import { streams } from "@outrider/contracts/streams";
import type { Codec } from "@outrider/eventing";
import type { ProjectedView } from "./view.ts";
import { accounts } from "./views/accounts.ts";
import { ads } from "./views/ads.ts";
import { balances } from "./views/balances.ts";
import { contacts } from "./views/contacts.ts";
import { hunts } from "./views/hunts.ts";
import { imports } from "./views/imports.ts";
import { lines } from "./views/lines.ts";
import { people } from "./views/people.ts";
import { replies } from "./views/replies.ts";
import { runs } from "./views/runs.ts";
import { statement } from "./views/statement.ts";
import { unmatched } from "./views/unmatched.ts";

/** The views of one stream: one ordered read feeds them all. */
export interface Group<Event> {
  readonly stream: string;
  readonly codec: Codec<Event>;
  readonly views: readonly ProjectedView<Event>[];
}

/** A group whose event type nobody needs to know any more. */
export type AnyGroup = Group<unknown>;

const group = <Event>(stream: { readonly name: string }, codec: Codec<Event>, ...views: readonly ProjectedView<Event>[]): AnyGroup =>
  // The codec and the views belong together; whoever runs a group only hands the one's events to the others.
  ({ stream: stream.name, codec, views }) as Group<Event> as unknown as AnyGroup;

export const groups: readonly AnyGroup[] = [
  group(streams.registry, registryCodec, people, accounts),
  group(streams.ads, adsCodec, ads, imports),
  group(streams.hunts, huntsCodec, hunts, runs),
  group(streams.sms, smsCodec, contacts, replies, lines, unmatched),
  group(streams.ledger, ledgerCodec, statement, balances),
];
