/** The fake against what `test/interop/record-vllm.ts` recorded of the real one: the same statuses and shapes. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { request } from "undici";
import { checkpoint } from "../core/fake-model.ts";
import { assertShape } from "../core/shape.ts";
import { type FakeVllm, startFakeVllm } from "./fake-vllm.ts";

interface Exchange {
  readonly name: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body: Record<string, unknown> | null;
  readonly status: number;
  readonly reply: unknown;
}

const recording = JSON.parse(
  readFileSync(new URL("../../recordings/vllm-0.32.0.json", import.meta.url), "utf8"),
) as { version: string; recorded: string; exchanges: readonly Exchange[] };

/** Of these the fake has a part: what probes look for. */
const PARTS: ReadonlySet<string> = new Set(["server info", "routes", "metrics", "world size"]);

/** Its ids are below 260, its model has another length; checkpoints are its own. */
function asked({ name, body }: Exchange): unknown {
  if (body === null) return undefined;
  if (name === "too long") return { ...body, token_ids: new Array(2_050).fill(1) };
  if (name === "clipped") return { ...body, token_ids: new Array(2_040).fill(1) };
  return JSON.parse(
    JSON.stringify(body)
      .replace("802", "80")
      .replaceAll("MODELS/tiny-1", checkpoint("step-1"))
      .replaceAll("MODELS/tiny-2", checkpoint("step-2")),
  );
}

const eventsOf = (text: string): unknown[] =>
  text
    .split("\n\n")
    .filter((event) => event.startsWith("data: "))
    .map((event) => (event === "data: [DONE]" ? "[DONE]" : JSON.parse(event.slice(6))));

describe(`fake vLLM, beside ${recording.version} as recorded ${recording.recorded}`, () => {
  let fake: FakeVllm;
  before(async () => {
    fake = await startFakeVllm();
  });
  after(() => fake.close());

  for (const exchange of recording.exchanges) {
    if (PARTS.has(exchange.name)) continue;
    const { name, method, path, status, reply } = exchange;
    test(`${name}: ${method} ${path} → ${status}`, async () => {
      const body = asked(exchange);
      const answer = await request(`${fake.url}${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.body.text();
      assert.equal(answer.statusCode, status, text);
      if (Array.isArray(reply)) {
        const events = eventsOf(text);
        assert.equal(events.at(-1), "[DONE]");
        assertShape(events[0], reply[0]);
        assertShape(events.at(-2), reply.at(-2));
      } else if (typeof reply === "string") assert.equal(text, reply);
      else assertShape(JSON.parse(text), reply);
    });
  }
});
