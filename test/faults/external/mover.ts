/**
 * A trainer in a process of its own that moves weights itself: opens a version, has the fleet gated, posts to each
 * engine's own update call behind Paceline's back, and commits. Says each step on standard output, one JSON a line;
 * stops, and lives on, before the step that its order names.
 */
import { request } from "undici";
import type { WorkerProof } from "../../../server/weights/publisher.ts";

export interface MoveOrder {
  readonly server: string;
  /** Worker → its engine's own address. */
  readonly engines: Readonly<Record<string, string>>;
  readonly path: string;
  /** What is claimed of each worker, and how; absent: the worker is left out of the commit. */
  readonly claims: Readonly<Record<string, "digest" | "receipt" | "reported">>;
  readonly digest: string;
  readonly publication?: object;
  readonly stopBefore?: "gate" | "move" | "commit";
  /** Workers that get no bytes. */
  readonly skip?: readonly string[];
}

export interface MoveStep {
  readonly step: "opened" | "gated" | "moved" | "committed" | "stopped" | "failed";
  readonly status: number;
  readonly body: MoveReply;
}

export interface MoveReply {
  readonly version: number;
  readonly state: string;
  readonly installed: number;
  readonly lapse_ms: number | null;
  readonly workers: readonly {
    readonly worker: string;
    readonly phase: string;
    readonly reason: string | null;
    readonly fence: string | null;
  }[];
  readonly error?: { readonly code: string; readonly details: Record<string, unknown> };
}

const POLICY = "default";

async function post(url: string, body?: unknown): Promise<{ status: number; body: MoveReply }> {
  const reply = await request(url, {
    method: "POST",
    headersTimeout: 0,
    ...(body === undefined
      ? {}
      : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
  return { status: reply.statusCode, body: (await reply.body.json()) as MoveReply };
}

function say(step: MoveStep["step"], status: number, body: MoveReply): void {
  process.stdout.write(`${JSON.stringify({ step, status, body })}\n`);
}

async function move(order: MoveOrder): Promise<void> {
  const versions = `${order.server}/v1/policies/${POLICY}/versions`;
  const opened = await post(versions, { source: { external: {} }, ...order.publication });
  say("opened", opened.status, opened.body);
  if (order.stopBefore === "gate") return;
  const version = `${versions}/${opened.body.version}`;
  const gated = await post(`${version}/gate`);
  say("gated", gated.status, gated.body);
  if (gated.status !== 200 || order.stopBefore === "move") return;
  for (const { worker, fence } of gated.body.workers) {
    const engine = order.engines[worker];
    if (fence === null || engine === undefined || order.skip?.includes(worker)) continue;
    const update = { policy: POLICY, version: opened.body.version, path: order.path };
    const moved = await post(`${engine}/update_weights`, update);
    say("moved", moved.status, moved.body);
  }
  if (order.stopBefore === "commit") return;
  const proofs = gated.body.workers.flatMap(({ worker, fence }): Partial<WorkerProof>[] => {
    const claim = order.claims[worker];
    if (fence === null || claim === undefined) return [];
    const value = claim === "reported" ? opened.body.version : order.digest;
    return [{ worker, fence, [claim]: value }];
  });
  const committed = await post(`${version}/commit`, { proofs });
  say("committed", committed.status, committed.body);
}

const order = JSON.parse(process.argv[2] ?? "{}") as MoveOrder;
await move(order);
// Stopped half-way it lives on, doing nothing, until it is killed: a trainer that hangs.
if (order.stopBefore !== undefined) process.stdin.on("close", () => process.exit(0)).resume();
