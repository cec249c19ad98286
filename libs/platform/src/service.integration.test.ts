import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket } from "node:net";
import { defineCommand } from "@outrider/contracts/commands";
import { type ThrowAwayNats, throwAwayNats } from "@outrider/stack/testing";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { handle } from "./commands/handler.ts";
import { serveCommands } from "./commands/serve.ts";
import { defineConfig } from "./config.ts";
import { createHealth } from "./health.ts";
import { CannotStart, connectNats } from "./nats.ts";
import { openTestService } from "./testing.ts";

let server: ThrowAwayNats;
beforeAll(async () => {
  server = await throwAwayNats();
});
afterAll(async () => {
  await server?.stop();
});

const log = { info: () => undefined, warn: () => undefined };

const ready = async (url: string): Promise<unknown> => (await fetch(`${url}/health/ready`)).json();

test("is not ready while NATS is away, and ready again by itself", async () => {
  await using service = await openTestService(defineConfig("projector", {}), { NATS_URL: server.url });
  expect(await ready(service.healthUrl)).toEqual({ ready: true });
  server.kill("SIGKILL");
  await expect.poll(() => ready(service.healthUrl), { timeout: 10_000 }).toMatchObject({ ready: false });
  expect(JSON.stringify(await ready(service.healthUrl))).toContain("is disconnected");
  await expect(service.keyring.seal("person.a.b", "x")).rejects.toMatchObject({ name: "Unavailable" });
  await server.restart();
  await expect.poll(() => ready(service.healthUrl), { timeout: 15_000 }).toEqual({ ready: true });
  expect(service.natsIsUp()).toBe(true);
});

/** As much of a NATS server as greets a client. */
const greeter = async (version: string): Promise<string> => {
  const sockets = new Set<Socket>();
  const tcp = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.write(`INFO {"server_id":"x","version":"${version}","proto":1,"max_payload":1048576,"headers":true,"jetstream":true}\r\n`);
    socket.on("data", (data) => {
      if (String(data).includes("PING")) socket.write("PONG\r\n");
    });
  });
  await new Promise<void>((done) => tcp.listen(0, "127.0.0.1", done));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    tcp.close();
  });
  return `nats://127.0.0.1:${portOf(tcp.address())}`;
};

const portOf = (address: string | AddressInfo | null): number => (typeof address === "object" && address !== null ? address.port : 0);

test("a NATS server that is too old is refused in one sentence", async () => {
  const url = await greeter("2.14.3");
  const connecting = connectNats({ url, name: "x", health: createHealth(), log, stopping: new AbortController().signal });
  await expect(connecting).rejects.toThrow(CannotStart);
  await expect(connecting).rejects.toThrow(/is version 2\.14\.3; Outrider needs 2\.14\.4 or later\.$/);
});

test("the master key of the sandbox is refused in live mode", async () => {
  expect(() => openTestService(defineConfig("gateway", {}), { NATS_URL: server.url, OUTRIDER_PROVIDERS: "live" })).toThrow(
    "OUTRIDER_MASTER_KEY is missing",
  );
});

const collector = async (): Promise<{ readonly url: string; readonly spans: Span[] }> => {
  const spans: Span[] = [];
  const http: Server = createServer((request, response) => {
    let body = "";
    request.on("data", (data: Buffer) => {
      body += data;
    });
    request.on("end", () => {
      spans.push(...traces.parse(JSON.parse(body)).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((done) => http.listen(0, "127.0.0.1", done));
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  return { url: `http://127.0.0.1:${portOf(http.address())}`, spans };
};

const span = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  kind: z.int(),
  attributes: z.array(z.object({ key: z.string(), value: z.unknown() })),
  links: z.array(z.unknown()).optional(),
  status: z.unknown(),
});
type Span = z.output<typeof span>;
const traces = z.object({ resourceSpans: z.array(z.object({ scopeSpans: z.array(z.object({ spans: z.array(span) })) })) });

const greet = defineCommand("credit-ledger", "greet", z.object({ text: z.string() }), z.object({}));

test("a trace goes from the asker through the handler to what it does, and holds nothing personal", async () => {
  const { url, spans } = await collector();
  const environment = { NATS_URL: server.url, OTEL_EXPORTER_OTLP_ENDPOINT: url };
  const root = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  {
    await using ledger = await openTestService(defineConfig("credit-ledger", {}), environment);
    await using asker = await openTestService(defineConfig("gateway", {}), environment);
    await using _served = await serveCommands(ledger, [
      handle(greet, async (_request, { traceparent }) => {
        const attributes = { note: "for +33639980001" };
        const inner = ledger.instruments.span(
          { name: "inner", kind: "internal", parent: traceparent, links: [root], attributes },
          async () => {
            throw new Error("+33639980001");
          },
        );
        await inner.catch(() => undefined);
        return {};
      }),
    ]);
    await asker.ask(greet, { text: "Bonjour Marie +33639980001" }, { traceparent: root });
    await asker.ask(greet, { text: "unsampled" }, { traceparent: root.replace(/01$/, "00") });
  }
  expect(spans.map(({ name }) => name).sort()).toEqual(["inner", "process cmd.credit-ledger.greet", "send cmd.credit-ledger.greet"]);
  const [inner, process, send] = [...spans].sort((one, other) => one.name.localeCompare(other.name));
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set(["0af7651916cd43dd8448eb211c80319c"]));
  expect(send?.parentSpanId).toBe("b7ad6b7169203331");
  expect(process?.parentSpanId).toBe(send?.spanId);
  expect(inner?.parentSpanId).toBe(process?.spanId);
  expect(inner?.links).toHaveLength(1);
  expect(send?.attributes).toContainEqual({ key: "messaging.system", value: { stringValue: "nats" } });
  expect(JSON.stringify(spans)).not.toMatch(/639980001|Marie/);
});
