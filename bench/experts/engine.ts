/**
 * A vLLM whose routed experts cost it nothing: rollouts are the fake's, streamed, and where they end its few experts are
 * replaced by a body written beforehand. `node engine.ts MEBIBYTES` of base64.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Pool } from "undici";
import { expertRows, npyFile } from "../../test/fakes/core/experts.ts";
import { startFakeVllm } from "../../test/fakes/vllm/fake-vllm.ts";
import { listenAsEngine } from "../gateway/engine-server.ts";
import { ROLLOUT } from "./rollout.ts";

const FEW = { layers: 1, perToken: 1, dtype: "uint8" } as const;
const bytes = (Number(process.argv[2]) * 1024 * 1024 * 3) / 4;
const ids = Array.from({ length: ROLLOUT.prompt + ROLLOUT.tokens - 1 }, (_, at) => at);
const perToken = 8;
const many = {
  layers: Math.floor(bytes / ids.length / perToken),
  perToken,
  dtype: "uint8",
} as const;
const prepared = Buffer.from(npyFile(expertRows(ids, many), many).toString("base64"), "latin1");

const fake = await startFakeVllm({ experts: FEW });
const behind = new Pool(fake.url);

async function serve(
  request: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
): Promise<void> {
  const {
    statusCode,
    headers,
    body: answer,
  } = await behind.request({
    method: request.method === "POST" ? "POST" : "GET",
    path: request.url ?? "/",
    headers: { "content-type": "application/json" },
    ...(body.length > 0 ? { body } : {}),
  });
  response.writeHead(statusCode, { "content-type": String(headers["content-type"]) });
  const text = await answer.text();
  const place = /"routed_experts":"([^"]+)"/.exec(text);
  // Of probes and canaries it stays as it is: they have other rows.
  const rows = Buffer.from(place?.[1] ?? "", "base64").length - 128;
  if (place === null || rows !== ids.length) {
    response.end(text);
    return;
  }
  const at = place.index + '"routed_experts":"'.length;
  response.write(text.slice(0, at));
  response.write(prepared);
  response.end(text.slice(at + (place[1] as string).length));
}

listenAsEngine(serve);
