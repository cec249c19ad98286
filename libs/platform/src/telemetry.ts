import type { Attributes, Span } from "@opentelemetry/api";
import type { CommonConfig } from "./config.ts";
import { scrubText } from "./scrub.ts";
import { currentTrace, formatTraceparent, parseTraceparent, passingTracer, type Tracer } from "./trace.ts";

type Identity = Pick<CommonConfig, "OTEL_EXPORTER_OTLP_ENDPOINT" | "OTEL_SERVICE_NAMESPACE" | "OTEL_TRACES_SAMPLER_ARG" | "service">;

/** OpenTelemetry costs about a third of a second at start, so it is loaded only where its spans have somewhere to go. */
export const openTracer = async (config: Identity, replica: string, version: string): Promise<Tracer> =>
  config.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
    ? passingTracer
    : exportingTracer(config, config.OTEL_EXPORTER_OTLP_ENDPOINT, replica, version);

/** As many as one decision may have causes. */
const linksAtMost = 512;

const exportingTracer = async (config: Identity, endpoint: string, replica: string, version: string): Promise<Tracer> => {
  const [api, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import("@opentelemetry/api"),
    import("@opentelemetry/sdk-trace"),
    import("@opentelemetry/exporter-trace-otlp-http"),
    import("@opentelemetry/resources"),
  ]);
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({
      "service.name": config.service,
      "service.namespace": config.OTEL_SERVICE_NAMESPACE,
      "service.instance.id": replica,
      "service.version": version,
    }),
    spanLimits: { linkCountLimit: linksAtMost },
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(config.OTEL_TRACES_SAMPLER_ARG) }),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, "")}/v1/traces` }),
        maxQueueSize: 8192,
      }),
    ],
  });
  const tracer = provider.getTracer("outrider", version);
  const kinds = {
    producer: api.SpanKind.PRODUCER,
    consumer: api.SpanKind.CONSUMER,
    client: api.SpanKind.CLIENT,
    server: api.SpanKind.SERVER,
    internal: api.SpanKind.INTERNAL,
  } as const;
  const spanContext = (traceparent: string) => {
    const parsed = parseTraceparent(traceparent);
    if (parsed === undefined) return undefined;
    const traceFlags = parsed.sampled ? api.TraceFlags.SAMPLED : api.TraceFlags.NONE;
    return { traceId: parsed.traceId, spanId: parsed.spanId, traceFlags, isRemote: true };
  };
  return {
    span: async (start, work) => {
      const parent = start.parent === undefined ? undefined : spanContext(start.parent);
      const context = parent === undefined ? api.ROOT_CONTEXT : api.trace.setSpanContext(api.ROOT_CONTEXT, parent);
      const links = (start.links ?? []).flatMap((link) => {
        const linked = spanContext(link);
        return linked === undefined ? [] : [{ context: linked }];
      });
      const attributes = scrubAttributes(start.attributes ?? {});
      const span = tracer.startSpan(start.name, { kind: kinds[start.kind], attributes, links }, context);
      const traceparent = traceparentOf(span, api.TraceFlags.SAMPLED);
      try {
        return await currentTrace.run(traceparent, work, traceparent);
      } catch (error) {
        // The error's own message may quote what somebody wrote to us, so only its kind is told.
        span.setAttribute("error.type", error instanceof Error ? error.name : typeof error);
        span.setStatus({ code: api.SpanStatusCode.ERROR });
        throw error;
      } finally {
        span.end();
      }
    },
    close: async () => {
      await Promise.race([Promise.allSettled([provider.shutdown()]), new Promise((done) => setTimeout(done, 3_000).unref())]);
    },
  };
};

const traceparentOf = (span: Span, sampledFlag: number): string => {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return formatTraceparent({ traceId, spanId, sampled: (traceFlags & sampledFlag) !== 0 });
};

const scrubAttributes = (attributes: Readonly<Record<string, string | number | boolean>>): Attributes =>
  Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, typeof value === "string" ? scrubText(value) : value]));
