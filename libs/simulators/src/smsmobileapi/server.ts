import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type Answer, badRequest, unavailable } from "./answers.ts";
import type { Reaction } from "./calls.ts";
import { controlRoute } from "./control-routes.ts";
import { type Form, parseForm } from "./form.ts";
import type { Platform } from "./platform.ts";

const bodyLimit = 64 * 1024;

/** The vendor's HTTP and, under /_sim/, our own. Plain node:http: a framework would cost more than all the rest of a send. */
export function serve(platform: Platform): Server {
  const server = createServer((request, response) => {
    const url = request.url ?? "/";
    const mark = url.indexOf("?");
    const path = mark === -1 ? url : url.slice(0, mark);
    const query = mark === -1 ? "" : url.slice(mark + 1);
    if (path.startsWith("/_sim/")) {
      withBody(request, response, (body) => void controlRoute(platform, request.method ?? "GET", path.slice(6), query, body, response));
      return;
    }
    if (request.method !== "POST") route(platform, path, parseForm(query), response);
    else withBody(request, response, (body) => route(platform, path, parseForm(query === "" ? body : `${query}&${body}`), response));
  });
  // A connection that idles out just as the caller writes would look to the caller like a lost answer, which we only give on demand.
  server.keepAliveTimeout = 600_000;
  return server;
}

function route(platform: Platform, path: string, form: Form | undefined, response: ServerResponse): void {
  if (platform.journal.full) {
    write(response, unavailable("the simulator's log is full"));
    return;
  }
  switch (path.endsWith("/") ? path.slice(0, -1) : path) {
    case "/sendsms":
      react(platform.sendsms(form), response);
      return;
    case "/log/sent/sms":
      void platform.sentLog(form).then((reaction) => react(reaction, response));
      return;
    case "/getsms":
      void platform.inbox(form).then((reaction) => react(reaction, response));
      return;
    case "/gateway/mobile/list":
      void platform.phones(form).then((reaction) => react(reaction, response));
      return;
    default:
      write(response, platform.unknown());
  }
}

/** Does what was drawn. The call ends when its response closes: after the last byte, or because the caller went away. */
function react(reaction: Reaction, response: ServerResponse): void {
  const { call } = reaction;
  if (response.closed) {
    call.ended();
    return;
  }
  response.on("close", () => call.ended());
  if (reaction.afterMs <= 0 && reaction.after === undefined) {
    say(reaction, response);
    return;
  }
  const waited = new Promise<void>((resolve) => setTimeout(resolve, reaction.afterMs));
  void Promise.all([waited, reaction.after]).then(() => say(reaction, response));
}

function say({ how, answer, call }: Reaction, response: ServerResponse): void {
  if (response.closed || how === "hang") return;
  if (how === "cut") response.socket?.resetAndDestroy();
  else write(response, answer, () => call.wrote(answer.status));
}

/** Writes an answer whole; `written` is called when the system has taken it. */
export function write(response: ServerResponse, answer: Answer, written?: () => void): void {
  response.writeHead(answer.status, {
    "Content-Type": answer.type ?? "application/json",
    "Content-Length": Buffer.byteLength(answer.body),
    ...answer.headers,
  });
  response.end(answer.body, written);
}

function withBody(request: IncomingMessage, response: ServerResponse, then: (body: string) => void): void {
  const chunks: Buffer[] = [];
  let size = 0;
  request.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= bodyLimit) chunks.push(chunk);
  });
  request.on("end", () => {
    if (size > bodyLimit) write(response, badRequest("the body is too large"));
    else then((chunks.length === 1 ? chunks[0] : Buffer.concat(chunks))?.toString() ?? "");
  });
}
