/** Exchanges with a real engine, written down so that fakes are held against them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

export type Body = Readonly<Record<string, unknown>>;
export type Call = readonly [name: string, method: "GET" | "POST", path: string, body?: Body];

export interface Exchange {
  readonly name: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body: Body | null;
  /** 0: the connection ended without an answer. */
  readonly status: number;
  readonly contentType: string;
  /** Events of a stream, else JSON, else text. */
  readonly reply: unknown;
}

export interface RecordingOf {
  readonly engine: string;
  readonly version: string;
  readonly flags: readonly string[];
  /** Where its models lie, which is nobody's business. */
  readonly folder: string;
  readonly exchanges: readonly Exchange[];
}

/** One call and its answer. `shape`: leaves out of a JSON answer what is of this machine. */
export async function exchange(
  url: string,
  [name, method, path, body]: Call,
  shape: (name: string, json: unknown) => unknown,
): Promise<Exchange> {
  const asked = { name, method, path, body: shortened(body ?? null) };
  let reply: Response;
  try {
    reply = await fetch(`${url}${path}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      signal: AbortSignal.timeout(120_000),
    });
  } catch {
    return { ...asked, status: 0, contentType: "", reply: null };
  }
  const contentType = reply.headers.get("content-type") ?? "";
  const text = await reply.text();
  return {
    ...asked,
    status: reply.status,
    contentType,
    reply: shape(name, readAs(contentType, text)),
  };
}

/** Into `test/recordings/`. */
export function writeRecording({ engine, version, flags, folder, exchanges }: RecordingOf): string {
  const name = `../recordings/${engine}-${version}.json`;
  const at = fileURLToPath(new URL(name, import.meta.url));
  mkdirSync(dirname(at), { recursive: true });
  const recording = {
    engine,
    version,
    recorded: new Date().toISOString().slice(0, 10),
    platform: "CPU build, bfloat16, two tiny random Qwen2",
    flags,
    exchanges,
  };
  const text = JSON.stringify(recording, null, 1).replaceAll(folder, "MODELS");
  writeFileSync(at, `${text}\n`);
  return at;
}

/** A long prompt says nothing by its length. */
function shortened(body: Body | null): Body | null {
  const ids = body?.["input_ids"];
  if (body === null || !Array.isArray(ids) || ids.length < 100) return body;
  return { ...body, input_ids: `${ids.length} × ${ids[0]}` };
}

function readAs(contentType: string, text: string): unknown {
  if (contentType.startsWith("application/json")) return JSON.parse(text);
  if (!contentType.startsWith("text/event-stream")) return text;
  return text
    .split("\n\n")
    .filter((event) => event.startsWith("data: "))
    .map((event) => event.slice("data: ".length))
    .map((data) => (data === "[DONE]" ? data : JSON.parse(data)));
}
