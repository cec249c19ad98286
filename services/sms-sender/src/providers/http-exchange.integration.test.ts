import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import { type AddressInfo, createServer as createSocketServer } from "node:net";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { vendorLimits } from "../config.ts";
import { type HttpExchanges, httpExchanges } from "./http-exchange.ts";

/** For `localhost` and this test alone: nobody trusts it elsewhere. */
const certificate = readFileSync(join(import.meta.dirname, "testing-localhost.pem"), "utf8");
const trusted = getCACertificates("default");

let server: Server;
let connections = 0;
let asked: string[] = [];
let exchanges: HttpExchanges;

beforeAll(async () => {
  server = createServer({ key: certificate, cert: certificate }, (request, response) => {
    const body: Buffer[] = [];
    request.on("data", (chunk: Buffer) => body.push(chunk));
    request.on("end", () => {
      asked.push(`${request.method} ${request.url} ${Buffer.concat(body).toString("utf8")}`);
      const [, size] = /^\/bytes\/(\d+)$/.exec(request.url ?? "") ?? [];
      if (request.url === "/cut") response.socket?.destroy();
      else if (size !== undefined) response.end(Buffer.alloc(Number(size), "x"));
      else response.setHeader("x-told", "yes").end("fine");
    });
  });
  server.on("secureConnection", () => {
    connections += 1;
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
});

beforeEach(() => {
  setDefaultCACertificates([...trusted, certificate]);
  connections = 0;
  asked = [];
  exchanges = httpExchanges(`https://localhost:${(server.address() as AddressInfo).port}`, 2);
});

afterEach(async () => {
  setDefaultCACertificates(trusted);
  await exchanges.close();
});

const until = () => AbortSignal.timeout(10_000);
const send = (path: string, beforeWriting = () => true) =>
  exchanges.exchange({ method: "POST", path, form: new URLSearchParams({ text: "é" }), until: until(), beforeWriting });

test("asks over TLS, one connection for one request after another", async () => {
  for (let round = 0; round < 3; round++) {
    expect(await send("/send")).toMatchObject({ kind: "answer", status: 200, headers: { "x-told": "yes" }, body: "fine" });
  }
  expect(asked).toEqual(Array.from({ length: 3 }, () => "POST /send text=%C3%A9"));
  expect(connections).toBe(1);
});

test.each(["/gateway/v2", "/gateway/v2/"])("asks below the path %s of an address", async (path) => {
  await using stack = new AsyncDisposableStack();
  const below = httpExchanges(`https://localhost:${(server.address() as AddressInfo).port}${path}`, 1);
  stack.defer(below.close);
  expect(await below.exchange({ method: "GET", path: "/log/?a=b", until: until() })).toMatchObject({ kind: "answer", status: 200 });
  expect(asked).toEqual(["GET /gateway/v2/log/?a=b "]);
});

test("a certificate that nobody trusts ends the exchange before anything has left", async () => {
  setDefaultCACertificates(trusted);
  expect(await send("/send")).toEqual({ kind: "none", left: false, cause: "DEPTH_ZERO_SELF_SIGNED_CERT" });
  expect(asked).toEqual([]);
});

test("a connection that is cut after the request has left it, and it is not sent again", async () => {
  expect(await send("/send")).toMatchObject({ kind: "answer" }); // so that the next one goes over a connection that was used before
  expect(await send("/cut")).toEqual({ kind: "none", left: true, cause: "ECONNRESET" });
  expect(asked).toEqual(["POST /send text=%C3%A9", "POST /cut text=%C3%A9"]);
});

test("an answer that is larger than any honest one is read no further, and the request has left", async () => {
  const { answerBytes } = vendorLimits;
  expect(await send(`/bytes/${answerBytes}`)).toMatchObject({ kind: "answer", status: 200, body: "x".repeat(answerBytes) });
  expect(await send(`/bytes/${answerBytes + 1}`)).toEqual({ kind: "none", left: true, cause: "the answer is too large" });
});

test("what is told not to be written any more never leaves", async () => {
  expect(await send("/send", () => false)).toMatchObject({ kind: "none", left: false });
  expect(asked).toEqual([]);
});

test("a request that waits for a connection ends when its time is over, and has not left", async () => {
  const silent = createSocketServer((socket) => socket.resume()); // takes connections, and never speaks TLS
  await new Promise<void>((listening) => silent.listen(0, "127.0.0.1", listening));
  const slow = httpExchanges(`https://localhost:${(silent.address() as AddressInfo).port}`, 1);
  const over = AbortSignal.timeout(300);
  const both = [1, 2].map(() => slow.exchange({ method: "GET", path: "/", until: over }));
  expect(await Promise.all(both)).toEqual(Array.from({ length: 2 }, () => ({ kind: "none", left: false, cause: "the attempt was over" })));
  await slow.close();
  await new Promise((closed) => silent.close(closed));
});
