import { connect as connectTcp, createServer, type Socket } from "node:net";

/** A message on its way from the server to a client: what stands in its first line. */
interface OnTheWay {
  readonly subscription: string;
  /** Where it says which message of which consumer it is; undefined: it is no delivery. */
  readonly delivery: string | undefined;
}

/** Between a client and its server: loses single messages of those that the server sends, and nothing else. */
export const leaky = async (url: string) => {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  const reading = new Set<string>();
  const silent = new Set<string>();
  const lost: string[] = [];
  let loses: (delivery: string) => boolean = () => false;
  const passes = ({ subscription, delivery }: OnTheWay): boolean => {
    if (delivery !== undefined) reading.add(subscription);
    if (!silent.has(subscription) && (delivery === undefined || !loses(delivery))) return true;
    if (delivery !== undefined) lost.push(delivery);
    return false;
  };
  const proxy = createServer((client) => {
    const server = connectTcp(Number(target.port), target.hostname);
    const end = (): void => void [client, server].map((socket) => socket.destroy());
    client.on("data", (chunk) => server.write(chunk));
    server.on(
      "data",
      framesOf((frame, message) => (message === undefined || passes(message)) && client.write(frame)),
    );
    for (const socket of [client, server]) sockets.add(socket.on("error", end).on("close", end));
  });
  await new Promise<void>((listening) => proxy.listen(0, "127.0.0.1", listening));
  const address = proxy.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `nats://127.0.0.1:${address.port}`,
    /** Of the deliveries from now on those that fit are lost. */
    lose: (fits: (delivery: string) => boolean): void => {
      loses = fits;
    },
    /** Whoever reads now hears nothing of the server any more, neither messages nor signs of life. Who begins to read later does. */
    silence: (): void => {
      for (const subscription of reading) silent.add(subscription);
    },
    lost: (): readonly string[] => lost,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => proxy.close(closed));
    },
  };
};

/** Cuts what a server sends into its messages (`MSG subject subscription [reply] size`, `HMSG …`) and its other lines. */
const framesOf = (take: (frame: Buffer, message: OnTheWay | undefined) => void) => {
  let rest = Buffer.alloc(0);
  return (chunk: Buffer): void => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const lineEnd = rest.indexOf("\r\n");
      if (lineEnd < 0) return;
      const [verb, , subscription = "", ...more] = rest.toString("latin1", 0, lineEnd).split(" ");
      const isMessage = verb === "MSG" || verb === "HMSG";
      const end = lineEnd + 2 + (isMessage ? Number(more.at(-1)) + 2 : 0);
      if (rest.length < end) return;
      const delivery = more.find((word) => word.startsWith("$JS.ACK."));
      take(rest.subarray(0, end), isMessage ? { subscription, delivery } : undefined);
      rest = rest.subarray(end);
    }
  };
};
