import type { World } from "./world.ts";

/** Every message of every stream, buckets too, with its subject and headers: whatever NATS keeps. */
export async function* everyMessage({ kernel: { jsm } }: World): AsyncGenerator<{ readonly name: string; readonly text: string }> {
  for await (const { config, state } of jsm.streams.list()) {
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const message = await jsm.streams.getMessage(config.name, { seq }).catch(() => null);
      if (message === null) continue;
      const headers = [...message.header].map(([key, values]) => `${key}: ${values.join(",")}`).join("\n");
      yield { name: `stream ${config.name}`, text: `${message.subject}\n${headers}\n${Buffer.from(message.data).toString("utf8")}\n` };
    }
  }
}
