/**
 * OpenTelemetry traces by its own SDK: a span for each rollout under its caller's `traceparent`, a child for
 * each attempt, whose context goes to the engine. Sent in batches as OTLP over HTTP; what cannot be sent is
 * dropped and told, never waited for.
 */
import {
  type Attributes,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import type { SpanExporter } from "@opentelemetry/sdk-trace-base";
import type { Clock } from "../contract/clock.ts";
import { LIMITS } from "../limits.ts";

export interface RolloutTrace {
  /** An attempt has begun; answers the `traceparent` for its engine. */
  attempt(attributes: Attributes): string;
  /** The attempt under way is over. */
  attemptEnded(outcome: string): void;
  event(name: string, attributes: Attributes): void;
  /** `error`: the code that it ended in; null where it has a Result. */
  end(attributes: Attributes, error: string | null): void;
}

export interface Traces {
  rollout(traceparent: string | null, attributes: Attributes): RolloutTrace;
  /** Sends what is left, for as long as the exporter's own deadline allows. */
  close(): Promise<void>;
}

export interface TracesOptions {
  /** Of the collector's traces, for instance `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string;
  readonly version: string;
  readonly clock: Pick<Clock, "now" | "wall">;
  /** Told of each batch that could not be sent. */
  readonly dropped: (error: Error, spans: number) => void;
}

/** Loads the SDK, a quarter of a second: only where traces are on. */
export async function createTraces({
  url,
  version,
  clock,
  dropped,
}: TracesOptions): Promise<Traces> {
  const [sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import("@opentelemetry/sdk-trace-base"),
    import("@opentelemetry/exporter-trace-otlp-proto"),
    import("@opentelemetry/resources"),
  ]);
  const exporter = telling(new OTLPTraceExporter({ url }), dropped);
  const provider = new sdk.BasicTracerProvider({
    resource: resourceFromAttributes({ "service.name": "paceline", "service.version": version }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.AlwaysOnSampler() }),
    spanProcessors: [new sdk.BatchSpanProcessor(exporter, { maxQueueSize: LIMITS.tracedSpans })],
  });
  const tracer = provider.getTracer("paceline", version);

  return {
    rollout(traceparent, attributes) {
      const parent = parentOf(traceparent);
      const time = timeOf(clock);
      const root = tracer.startSpan(
        "rollout",
        { kind: SpanKind.SERVER, startTime: time(), attributes },
        parent,
      );
      const inside = trace.setSpan(parent, root);
      let attempt: Span | null = null;
      const endAttempt = (outcome: string): void => {
        attempt?.setAttribute("paceline.outcome", outcome).end(time());
        attempt = null;
      };
      return {
        attempt(given) {
          endAttempt("lost");
          attempt = tracer.startSpan(
            "attempt",
            { kind: SpanKind.CLIENT, startTime: time(), attributes: given },
            inside,
          );
          return headerOf(attempt);
        },
        attemptEnded: endAttempt,
        event: (name, given) => void root.addEvent(name, given, time()),
        end(given, error) {
          endAttempt(error === null ? "finished" : "failed");
          root.setAttributes(given);
          if (error !== null) root.setStatus({ code: SpanStatusCode.ERROR, message: error });
          root.end(time());
        },
      };
    },
    async close() {
      try {
        await provider.shutdown();
      } catch {
        // A last batch that could not be sent: `dropped` was told.
      }
    },
  };
}

/** Wall time in one trace, ms: read once and moved on by `now`, so that a jump of the wall stretches no span. */
function timeOf(clock: Pick<Clock, "now" | "wall">): () => number {
  const wall = clock.wall() - clock.now();
  return () => wall + clock.now();
}

function telling(inner: SpanExporter, dropped: TracesOptions["dropped"]): SpanExporter {
  return {
    export(spans, done) {
      inner.export(spans, (result) => {
        if (result.error) dropped(result.error, spans.length);
        done(result);
      });
    },
    shutdown: () => inner.shutdown(),
  };
}

function parentOf(traceparent: string | null) {
  if (traceparent === null) return ROOT_CONTEXT;
  const [, traceId = "", spanId = "", flags = "00"] = traceparent.split("-");
  const parent = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return trace.setSpanContext(ROOT_CONTEXT, parent);
}

function headerOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}
