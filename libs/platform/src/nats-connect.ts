import { type ConnectionOptions, type NatsConnection, NatsConnectionImpl, setTransportFactory } from "@nats-io/transport-node";
import { NodeTransport, nodeResolveHost } from "@nats-io/transport-node/lib/node_transport.js";

/**
 * The client flushes after every microtask that published, so a service with many things in hand makes a system call for each of its
 * messages, and the server one for each again. Held until the end of the event loop's turn, they leave together: a quarter of the calls in
 * a busy sender, in the same order, later by less than a turn. A drain still waits for what was held.
 */
class HeldTransport extends NodeTransport {
  #held = false;

  override send(frame: Uint8Array): void {
    const { socket } = this;
    if (!this.#held && socket !== undefined) {
      this.#held = true;
      socket.cork();
      setImmediate(() => {
        this.#held = false;
        socket.uncork();
      });
    }
    super.send(frame);
  }
}

/** As `connect` of the client's library, over a transport that sends what belongs together in one write. */
export const connect = (options: ConnectionOptions): Promise<NatsConnection> => {
  setTransportFactory({ factory: () => new HeldTransport(), dnsResolveFn: nodeResolveHost });
  return NatsConnectionImpl.connect(options);
};
