/** Every front that takes a rollout, one entry each: how a caller sends one and knows that it got it all. */
import { type ClientDuplexStream, credentials, Client as GrpcClient } from "@grpc/grpc-js";
import { Pool } from "undici";
import { paceline } from "../../proto/gen/paceline.js";
import type { EngineUnderTest, Fleet } from "./fleet.ts";
import { freshId, idsOf } from "./load.ts";
import { sampleRequest } from "./sample-request.ts";

export interface Order {
  /** Base64 of u32[]. */
  readonly prompt: string;
  readonly tokens: number;
  readonly seed: number;
}

export interface Caller {
  /** Prepared before the clock runs. */
  encode(order: Order): string | Buffer;
  /** Rejects unless all tokens came. */
  send(body: string | Buffer, tokens: number): Promise<void>;
  close(): void;
}

export interface Front {
  readonly name: string;
  open(fleet: Fleet, engine: EngineUnderTest, connections: number): Caller;
}

const SERVICE = "/paceline.v1.RolloutService";

export const FRONTS: readonly Front[] = [
  { name: "HTTP json", open: (fleet, { pool }, lanes) => http(fleet.http, pool, lanes, "json") },
  { name: "HTTP b64", open: (fleet, { pool }, lanes) => http(fleet.http, pool, lanes, "b64") },
  {
    name: "HTTP Arrow",
    open: (fleet, { pool }, lanes) =>
      http(fleet.http, pool, lanes, "b64", "application/vnd.apache.arrow.stream"),
  },
  {
    name: "SSE b64",
    open: (fleet, { pool }, lanes) => http(fleet.http, pool, lanes, "b64", "text/event-stream"),
  },
  { name: "gRPC unary", open: (fleet, { pool }) => grpcUnary(fleet.grpc, pool) },
  { name: "gRPC GenerateMany", open: (fleet, { pool }) => grpcMany(fleet.grpc, pool) },
];

function rolloutBody({ prompt, tokens, seed }: Order, pool: string, encoding: "json" | "b64") {
  return {
    id: freshId(),
    pool,
    prompt_token_ids: encoding === "b64" ? prompt : idsOf(prompt),
    sampling: { max_new_tokens: tokens, ignore_eos: true, seed },
    encoding,
  };
}

function http(
  url: string,
  workers: string,
  connections: number,
  encoding: "json" | "b64",
  accept = "application/json",
): Caller {
  const pool = new Pool(url, { connections, headersTimeout: 0, bodyTimeout: 0 });
  return {
    encode: (order) => JSON.stringify(rolloutBody(order, workers, encoding)),
    async send(body, tokens) {
      const reply = await pool.request({
        method: "POST",
        path: "/v1/rollouts",
        headers: { "content-type": "application/json", accept },
        body,
      });
      const bytes = Buffer.from(await reply.body.arrayBuffer());
      // Whatever the encoding: both arrays, and the word that a complete rollout ends with.
      if (reply.statusCode !== 200 || bytes.length < 8 * tokens || !bytes.includes("max_new"))
        throw new Error(bytes.subarray(-300).toString());
    },
    close: () => void pool.close(),
  };
}

/** The engine's own request and frames through somebody else's proxy. */
export function throughProxy(name: string, url: string): Front {
  return {
    name,
    open: (_fleet, _engine, connections) => {
      const pool = new Pool(url, { connections, headersTimeout: 0, bodyTimeout: 0 });
      return {
        encode: ({ prompt, tokens, seed }) =>
          JSON.stringify(sampleRequest(freshId(), prompt, tokens, seed)),
        async send(body, tokens) {
          const reply = await pool.request({
            method: "POST",
            path: "/generate",
            headers: { "content-type": "application/json" },
            body,
          });
          const bytes = Buffer.from(await reply.body.arrayBuffer());
          if (reply.statusCode !== 200 || bytes.length < 8 * tokens || !bytes.includes("max_new"))
            throw new Error(bytes.subarray(-300).toString());
        },
        close: () => void pool.close(),
      };
    },
  };
}

const pass = (bytes: Buffer): Buffer => bytes;
const WIDE = {
  "grpc.max_receive_message_length": -1,
  "grpc-node.flow_control_window": 4 * 1024 * 1024,
};

function encodeMessage(order: Order, pool: string): Buffer {
  const { id, prompt_token_ids, sampling } = rolloutBody(order, pool, "json");
  return Buffer.from(
    paceline.v1.Rollout.encode({
      id,
      pool,
      prompt_token_ids: prompt_token_ids as number[],
      sampling,
    }).finish(),
  );
}

function assertWhole(bytes: Buffer, tokens: number): void {
  // A packed float is 4 bytes, an id at least 1.
  if (bytes.length < 5 * tokens) throw new Error(`${bytes.length} bytes for ${tokens} tokens`);
}

function grpcUnary(address: string, pool: string): Caller {
  const client = new GrpcClient(address, credentials.createInsecure(), WIDE);
  return {
    encode: (order) => encodeMessage(order, pool),
    send: (body, tokens) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          `${SERVICE}/Generate`,
          pass,
          pass,
          body as Buffer,
          (error, reply) => {
            if (error !== null || reply === undefined)
              return reject(error ?? new Error("no reply"));
            assertWhole(reply, tokens);
            resolve();
          },
        );
      }),
    close: () => client.close(),
  };
}

/** All callers on one stream; replies come in order of ending and are told apart by their id. */
function grpcMany(address: string, pool: string): Caller {
  const client = new GrpcClient(address, credentials.createInsecure(), WIDE);
  const waiting = new Map<
    string,
    { readonly tokens: number; resolve(): void; reject(error: Error): void }
  >();
  const stream: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(
    `${SERVICE}/GenerateMany`,
    pass,
    pass,
  );
  const ids = new Map<Buffer, string>();
  stream.on("data", (bytes: Buffer) => {
    const { result, error } = paceline.v1.ManyReply.decode(bytes);
    const id = result?.id ?? error?.id ?? "";
    const caller = waiting.get(id);
    waiting.delete(id);
    if (result?.output_token_ids?.length === caller?.tokens) caller?.resolve();
    else caller?.reject(new Error(`${id}: ${error?.error?.message}`));
  });
  stream.on("error", (error) => {
    for (const caller of waiting.values()) caller.reject(error);
  });
  return {
    encode(order) {
      const body = encodeMessage(order, pool);
      ids.set(body, paceline.v1.Rollout.decode(body).id ?? "");
      return body;
    },
    send: (body, tokens) =>
      new Promise((resolve, reject) => {
        const bytes = body as Buffer;
        const id = ids.get(bytes) ?? "";
        ids.delete(bytes);
        waiting.set(id, { tokens, resolve, reject });
        stream.write(bytes);
      }),
    close: () => {
      stream.cancel();
      client.close();
    },
  };
}
