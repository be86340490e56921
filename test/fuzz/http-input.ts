/** HTTP requests that are almost right: route, parameters, query, headers and body, each right or wrong. */
import fc from "fast-check";
import { ROUTES, type Route } from "../../server/api/http/route-table.ts";
import { type Mutation, mutatedJson, mutations } from "./json-mutation.ts";
import { ROUTE_SAMPLES, type RouteSample } from "./route-samples.ts";

/** Numbers and words only, so that it shrinks; `rendered` says what they stand for. */
interface HttpDraft {
  readonly route: number;
  readonly sample: number;
  readonly changes: readonly Mutation[];
  readonly bytes: ByteChange | null;
  readonly param: number;
  readonly query: number;
  readonly headers: readonly number[];
  readonly method: number;
}

interface ByteChange {
  readonly kind: (typeof BYTE_CHANGES)[number];
  readonly at: number;
}

export interface HttpInput {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Null: none. */
  readonly body: Buffer | null;
  readonly route: Route;
}

const BYTE_CHANGES = [
  "cut",
  "invalid-utf8",
  "nul",
  "flip",
  "double",
  "bom",
  "empty",
  "noise",
] as const;

/** In place of a path's parameter; sent as they are. */
const PARAMS: readonly string[] = [
  "x",
  "none",
  "0",
  "7",
  "9007199254740993",
  "-1",
  "%00",
  "%zz",
  "%ff",
  "%2e%2e%2f",
  "..",
  "a%20b",
  "__proto__",
  "constructor",
  "%F0%9F%9A%B4",
  "x".repeat(128),
  "x".repeat(129),
  "x".repeat(3_000),
  "1e3",
];

const QUERIES: readonly string[] = [
  "?",
  "?&&=",
  "?job",
  "?job=%ff",
  "?__proto__=1",
  "?job[]=a",
  `?job=${"y".repeat(4_000)}`,
  "?timeout_ms=1e9",
  "?encoding=b64&encoding=b64",
];

const HEADERS: readonly Readonly<Record<string, string>>[] = [
  { accept: "text/event-stream" },
  { accept: "application/x-ndjson" },
  { accept: "application/vnd.apache.arrow.stream" },
  { accept: "text/html;q=0.1, */*" },
  { accept: "a".repeat(2_000) },
  { "content-type": "text/plain" },
  { "content-type": "application/json; charset=utf-16" },
  { "content-type": "application/x-www-form-urlencoded" },
  { "content-type": "nonsense" },
  { "content-type": "" },
  { "last-event-id": "-1" },
  { "last-event-id": "99999999999999999999" },
  { "last-event-id": "1" },
  { "last-event-id": "\u00ff" },
  { origin: "http://evil.invalid" },
  { origin: "null" },
  { authorization: "Bearer \u00e4" },
  { authorization: "Basic x" },
  { traceparent: "00-zz" },
  { "content-encoding": "gzip" },
  { "transfer-encoding": "chunked" },
  { expect: "100-continue" },
  { connection: "close" },
  { "x-long": "z".repeat(20_000) },
  { host: "" },
  { host: "a b" },
];

const METHODS = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "PROPFIND",
] as const;

const byteChange = fc.record({ kind: fc.constantFrom(...BYTE_CHANGES), at: fc.nat(2_000) });
/** 0: as it should be. */
const seldom = (options: number): fc.Arbitrary<number> =>
  fc.oneof({ weight: 7, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(options) });

const draft: fc.Arbitrary<HttpDraft> = fc.record({
  // Calls with a body have the most to get wrong.
  route: fc.oneof(
    fc.nat(ROUTES.length - 1),
    fc.constantFrom(...rowsOf("rollouts", "groups", "many")),
  ),
  sample: fc.nat(7),
  changes: mutations,
  bytes: fc.option(byteChange, { freq: 6 }),
  param: seldom(PARAMS.length),
  query: seldom(QUERIES.length),
  headers: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(fc.nat(HEADERS.length - 1), { maxLength: 2 }) },
  ),
  method: seldom(METHODS.length),
});

function rowsOf(...ends: readonly string[]): number[] {
  return ROUTES.flatMap(({ method, path }, row) =>
    method === "POST" && ends.some((end) => path.endsWith(end)) ? [row] : [],
  );
}

export const httpInputs: fc.Arbitrary<HttpInput> = draft.map(rendered);

const UNSERVED: RouteSample = { bodies: [{}] };

function rendered(chosen: HttpDraft): HttpInput {
  const route = ROUTES[chosen.route] as Route;
  const sample = route.served ? ROUTE_SAMPLES[route.call as keyof typeof ROUTE_SAMPLES] : UNSERVED;
  const method = METHODS[chosen.method - 1] ?? route.method;
  const valid = sample.bodies[chosen.sample % sample.bodies.length];
  const text =
    valid === undefined && chosen.changes.length === 0
      ? null
      : mutatedJson(valid ?? {}, chosen.changes);
  const bare = method === "GET" || method === "HEAD" || method === "TRACE";
  const body = bare || text === null ? null : changed(Buffer.from(text), chosen.bytes);
  const headers: Record<string, string> =
    body === null ? {} : { "content-type": "application/json" };
  for (const row of chosen.headers) Object.assign(headers, HEADERS[row]);
  return { method, path: pathOf(route, sample, chosen), headers, body, route };
}

function pathOf(
  route: Route,
  sample: RouteSample,
  { param, query, sample: nth }: HttpDraft,
): string {
  const path = route.path.replace(
    /\{(\w+)\}/g,
    (_, name: string) => PARAMS[param - 1] ?? sample.params?.[name] ?? "x",
  );
  const queries = sample.queries ?? [""];
  return path + (QUERIES[query - 1] ?? queries[nth % queries.length] ?? "");
}

function changed(body: Buffer, change: ByteChange | null): Buffer {
  if (change === null) return body;
  const at = body.length === 0 ? 0 : change.at % body.length;
  const insert = (...bytes: number[]): Buffer =>
    Buffer.concat([body.subarray(0, at), Buffer.from(bytes), body.subarray(at)]);
  switch (change.kind) {
    case "cut":
      return body.subarray(0, at);
    case "invalid-utf8":
      return insert(0xff, 0xc0, 0x80);
    case "nul":
      return insert(0);
    case "flip": {
      const copy = Buffer.from(body);
      if (copy.length > 0) copy[at] = (copy[at] as number) ^ 0x15;
      return copy;
    }
    case "double":
      return Buffer.concat([body, body]);
    case "bom":
      return Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), body]);
    case "empty":
      return Buffer.alloc(0);
    case "noise":
      return Buffer.from(Array.from({ length: 64 }, (_, i) => (change.at * 31 + i * i * 7) & 0xff));
  }
}

/** For a report: what was sent, long things cut. */
export function shownInput({ method, path, headers, body }: HttpInput): string {
  const short = (text: string): string =>
    text.length > 600 ? `${text.slice(0, 600)}… (${text.length})` : text;
  const heads = Object.entries(headers).map(([name, value]) => `${name}: ${short(value)}`);
  return [
    `${method} ${short(path)}`,
    ...heads,
    "",
    body === null ? "" : short(body.toString("latin1")),
  ].join("\n");
}
