import { header } from "@outrider/contracts/commands";
import { parseSubject } from "@outrider/contracts/streams";
import type { Codec } from "@outrider/eventing";
import type { World } from "../../world.ts";

/** One message of an aggregate. */
export interface Decision<Event> {
  readonly subject: string;
  readonly account: string;
  readonly id: string;
  /** By the sandbox's clock. */
  readonly at: string;
  readonly command: string;
  readonly events: readonly Event[];
}

/** All decisions of one kind of aggregate, such as `registry.person`, as its stream has them. */
export async function* decisions<Event>(
  { kernel: { jsm } }: World,
  { name }: { readonly name: string },
  kind: string,
  codec: Codec<Event>,
): AsyncGenerator<Decision<Event>> {
  const { state } = await jsm.streams.info(name);
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await jsm.streams.getMessage(name, { seq });
    const about = parseSubject(message?.subject ?? "");
    if (message === null || about?.kind !== kind) continue;
    const decoded = codec.decode(message.data);
    if (decoded.kind !== "events") continue;
    const { account, id } = about;
    yield { subject: message.subject, account, id, at: decoded.at, command: message.header.get(header.command), events: decoded.events };
  }
}
