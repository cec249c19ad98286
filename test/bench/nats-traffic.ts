/** Messages that one process handed to the server and was handed by it. */
export interface Traffic {
  readonly sent: number;
  readonly received: number;
}

interface Connection {
  readonly name?: string;
  /** From the server's side: what came in was sent by the process. */
  readonly in_msgs: number;
  readonly out_msgs: number;
}

/** A connection is named by its service and replica; of several replicas the messages are added up. */
const read = async (monitor: string): Promise<ReadonlyMap<string, Traffic>> => {
  const answer = await fetch(`${monitor}/connz?limit=1024`);
  const { connections }: { readonly connections: readonly Connection[] } = JSON.parse(await answer.text());
  const all = new Map<string, Traffic>();
  for (const { name = "", in_msgs, out_msgs } of connections) {
    const process = name.split(" ")[0] ?? name;
    const { sent, received } = all.get(process) ?? { sent: 0, received: 0 };
    all.set(process, { sent: sent + in_msgs, received: received + out_msgs });
  }
  return all;
};

/** Begins to count; the answer tells what has gone to and fro since. Requests, answers, acknowledgements and heartbeats all count. */
export const countMessages = async (monitor: string | undefined): Promise<() => Promise<ReadonlyMap<string, Traffic> | undefined>> => {
  if (monitor === undefined) return async () => undefined;
  const before = await read(monitor);
  return async () => {
    const since = new Map<string, Traffic>();
    for (const [name, { sent, received }] of await read(monitor)) {
      const then = before.get(name) ?? { sent: 0, received: 0 };
      since.set(name, { sent: sent - then.sent, received: received - then.received });
    }
    return since;
  };
};
