import { connect, createServer } from "node:net";
import { StackError } from "./stack-error.ts";

/** Below what the kernel hands to outgoing connections, so that no client's own end can sit on a port while its server restarts. */
const FIRST_PORT = 15_000;
const PORTS = 17_000;

const given = new Set<number>();

/** Whether nothing listens on this loopback port. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/** A free loopback port that this process has not handed out before. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 1_000; tries += 1) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
  throw new StackError(
    "port-in-use",
    "No free port was found between 15000 and 32000: end some of the programs that listen on this machine.",
  );
}

/** The port that was told, if it is free; else one of ours. */
export async function choosePort(told: number | undefined, what: string): Promise<number> {
  if (told === undefined) return freePort();
  if (await isFree(told)) return told;
  throw new StackError("port-in-use", `Port ${told} for ${what} is in use: end the program that listens there or choose another port.`);
}

/** Whether a TCP connection to host and port can be made within `timeoutMs`. */
export function accepts(port: number, timeoutMs: number, host = "127.0.0.1"): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host });
    const answer = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.setTimeout(timeoutMs, () => answer(false));
    socket.once("connect", () => answer(true));
    socket.once("error", () => answer(false));
  });
}
