import type { JetStreamManager } from "@nats-io/jetstream";
import { storeMark } from "@outrider/contracts/streams";
import type { CommonConfig } from "./config.ts";
import type { MasterKey } from "./keyring/cipher.ts";
import { CannotStart } from "./nats.ts";

type Providers = CommonConfig["OUTRIDER_PROVIDERS"];
/** Metadata of a stream. */
export type Mark = Readonly<Record<string, string>>;

/** What the bucket of keys says of all the data beside it, from its creation on: whose providers are told, and which master key wraps. */
export const markOf = (providers: Providers, master: MasterKey): Mark => ({
  [storeMark.providers]: providers,
  [storeMark.masterKey]: master.fingerprint.toString("hex"),
});

/**
 * Refuses data of the other mode, where a simulator's word would count for real people, and data of another master key, of which nothing
 * personal could be opened. A bucket that an older release has made gets the mark now.
 */
export const requireOwnStore = async (jsm: JetStreamManager, stream: string, mark: Mark): Promise<void> => {
  const { config } = await jsm.streams.info(stream);
  const { [storeMark.providers]: providers, [storeMark.masterKey]: masterKey } = config.metadata ?? {};
  if (providers === undefined) {
    await jsm.streams.update(stream, { metadata: { ...config.metadata, ...mark } });
    return;
  }
  const wanted = mark[storeMark.providers];
  if (providers !== wanted && providers === "live") {
    throw new CannotStart(
      `NATS holds data of real contacts, but OUTRIDER_PROVIDERS is ${wanted}; set it to live, or give the sandbox a NATS server and a data folder of its own.`,
    );
  }
  if (providers !== wanted) {
    throw new CannotStart(
      `NATS holds the data of a sandbox, but OUTRIDER_PROVIDERS is ${wanted}; begin with an empty NATS server, or an empty data folder (.outrider/data).`,
    );
  }
  if (masterKey !== mark[storeMark.masterKey]) {
    throw new CannotStart(
      "What NATS holds was sealed with another master key; give OUTRIDER_MASTER_KEY the value that it was begun with, or begin with an empty NATS server or data folder.",
    );
  }
};
