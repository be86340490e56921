/** Groups over real HTTP: siblings, need, partial members, refusals, callers that leave. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { decodeError } from "../../../../server/api/codec/error.ts";
import { decodeResult } from "../../../../server/api/codec/result.ts";
import { PacelineError } from "../../../../server/contract/errors.ts";
import type { Result } from "../../../../server/contract/result.ts";
import { groupSummary, type WireGroupSummary } from "../../../../server/contract/schema-many.ts";
import { connectRaw, rawPost } from "../../../support/raw-http.ts";
import {
  createScriptedRollouts,
  playToEnd,
  type Script,
  scriptedId,
} from "../../../support/scripted-rollouts.ts";
import { type Serving, serveHttp } from "../../../support/serve-http.ts";

const GROUPS = "/v1/groups";
const GROUP = { id: "g", size: 4, prompt_token_ids: [72], sampling: { max_new_tokens: 4 } };
const forever = new Promise<never>(() => {});

async function using<T>(made: Promise<Serving>, run: (serving: Serving) => Promise<T>): Promise<T> {
  const serving = await made;
  try {
    return await run(serving);
  } finally {
    await serving.close();
  }
}

interface GroupReply {
  readonly group: WireGroupSummary;
  readonly rollouts: readonly Record<string, unknown>[];
}

async function submit({ client }: Serving, body: object): Promise<GroupReply> {
  const reply = await client.call("POST", GROUPS, { body });
  assert.equal(reply.status, 200, reply.text);
  return reply.json() as GroupReply;
}

const countsOf = ({ id, size, need, finished }: WireGroupSummary) => ({ id, size, need, finished });

const causes = (results: readonly Result[]): string[] =>
  results.map(({ finishReason }) => finishReason.cause);

test("siblings share prompt and seed, and come back in order of their index", () =>
  using(serveHttp({ mint: { id: () => "minted", seed: () => 77 } }), async (serving) => {
    const { id: _, ...unnamed } = GROUP;
    const { group, rollouts } = await submit(serving, unnamed);
    assert.deepEqual(countsOf(group), { id: "minted", size: 4, need: 4, finished: 4 });
    const results = rollouts.map(decodeResult);
    for (const [index, result] of results.entries()) {
      assert.equal(result.id, `minted.${index}`);
      assert.deepEqual(result.group, { id: "minted", size: 4, index });
    }
    const { submitted } = serving.rollouts;
    assert.deepEqual(
      submitted.map(({ seed }) => seed),
      [77, 77, 77, 77],
    );
    assert.equal(new Set(submitted.map(({ bodyHash }) => bodyHash)).size, 4);
  }));

test("once enough have finished the rest end with cause `need` and keep their tokens", () => {
  // Siblings 1 and 3 finish; 0 and 2 never would, and 2 has made something by then.
  const { promise: made, resolve: go } = Promise.withResolvers<void>();
  const script: Script = (rollout) => {
    const index = rollout.group?.index;
    if (index === 0) return [{ do: "wait", until: forever }];
    if (index === 2) {
      setImmediate(() => setImmediate(() => setImmediate(go)));
      return [
        { do: "tokens", count: 3, version: 7 },
        { do: "wait", until: forever },
      ];
    }
    return [{ do: "wait", until: made }, ...playToEnd(rollout)];
  };
  return using(serveHttp({ rollouts: createScriptedRollouts(script) }), async (serving) => {
    const { group, rollouts } = await submit(serving, { ...GROUP, need: 2 });
    assert.deepEqual(countsOf(group), { id: "g", size: 4, need: 2, finished: 2 });
    const results = rollouts.map(decodeResult);
    assert.deepEqual(causes(results), ["need", "max_new", "need", "max_new"]);
    assert.deepEqual(
      results.map(({ outputTokenIds }) => outputTokenIds.length),
      [0, 4, 3, 4],
    );
  });
});

test("a sibling's error takes its place, and does not count as finished", () => {
  const error = new PacelineError("misaligned", "odd");
  const script: Script = (rollout) =>
    rollout.group?.index === 1 ? [{ do: "fail", error }] : playToEnd(rollout);
  return using(serveHttp({ rollouts: createScriptedRollouts(script) }), async (serving) => {
    const { group, rollouts } = await submit(serving, { ...GROUP, need: 4 });
    assert.deepEqual(countsOf(group), { id: "g", size: 4, need: 4, finished: 3 });
    assert.equal(rollouts[1]?.["id"], "g.1");
    assert.equal(decodeError(rollouts[1]).code, "misaligned");
    assert.deepEqual(
      serving.failed.map(({ code }) => code),
      ["misaligned"],
    );
  });
});

test("a group of which nothing came is that error", () => {
  const error = new PacelineError("no_eligible_worker", "none");
  const script: Script = () => [{ do: "fail", error }];
  return using(serveHttp({ rollouts: createScriptedRollouts(script) }), async ({ client }) => {
    const reply = await client.call("POST", GROUPS, { body: GROUP });
    assert.equal(reply.status, 503);
    assert.equal(decodeError(reply.json()).code, "no_eligible_worker");
  });
});

test("a repeated call joins its siblings; another body under the id is a conflict", () =>
  using(serveHttp(), async (serving) => {
    const first = await submit(serving, GROUP);
    assert.deepEqual(await submit(serving, GROUP), first);
    assert.equal(serving.rollouts.submitted.length, 4);
    const body = { ...GROUP, prompt_token_ids: [73] };
    assert.equal((await serving.client.call("POST", GROUPS, { body })).status, 409);
  }));

test("a sibling that cannot be submitted ends those before it", () => {
  const script: Script = () => [{ do: "wait", until: forever }];
  return using(serveHttp({ rollouts: createScriptedRollouts(script) }), async (serving) => {
    const { client, rollouts } = serving;
    const taken = client.call("POST", "/v1/rollouts", {
      body: { ...GROUP, id: "g.2", size: undefined },
    });
    const other = await rollouts.arrival("default", "g.2");
    assert.equal((await client.call("POST", GROUPS, { body: GROUP })).status, 409);
    for (const id of ["g.0", "g.1"]) {
      assert.equal((await rollouts.life("default", id).result()).finishReason.cause, "client");
    }
    assert.equal(other.ended, false);
    await rollouts.abort("default", "g.2", "client");
    assert.equal((await taken).status, 200);
  });
});

test("a caller that leaves ends the group", () => {
  const script: Script = () => [{ do: "wait", until: forever }];
  return using(serveHttp({ rollouts: createScriptedRollouts(script) }), async (serving) => {
    const raw = await connectRaw(serving.port);
    raw.socket.write(rawPost(GROUPS, JSON.stringify(GROUP)));
    const last = await serving.rollouts.arrival("default", "g.3");
    await last.until(() => last.readers === 1);
    raw.socket.resetAndDestroy();
    for (let i = 0; i < 4; i++) {
      const { finishReason } = await serving.rollouts.life("default", `g.${i}`).result();
      assert.equal(finishReason.cause, "client");
    }
  });
});

suite("refused before anything begins", () => {
  for (const [name, over, code, path] of [
    ["no size", { size: null }, "invalid_argument", "size"],
    ["nobody", { size: 0 }, "invalid_argument", "size"],
    ["more needed than made", { need: 5 }, "invalid_argument", "need"],
    ["none needed", { need: 0 }, "invalid_argument", "need"],
    ["a group of a group", { group: { id: "h", size: 4, index: 0 } }, "invalid_argument", "group"],
    ["one session for all", { session: { id: "s" } }, "invalid_argument", "session"],
    ["an id without room", { id: "g".repeat(127) }, "invalid_argument", "id"],
    [
      "a bad parameter",
      { sampling: { max_new_tokens: 1, top_p: 7 } },
      "invalid_argument",
      "sampling.top_p",
    ],
    [
      "a token out of vocabulary",
      { prompt_token_ids: [260] },
      "invalid_argument",
      "prompt_token_ids[0]",
    ],
  ] as const) {
    test(name, () =>
      using(serveHttp(), async ({ client, rollouts }) => {
        const reply = await client.call("POST", GROUPS, { body: { ...GROUP, ...over } });
        const error = decodeError(reply.json());
        assert.deepEqual([error.code, error.details["path"]], [code, path]);
        assert.equal(rollouts.submitted.length, 0);
      }),
    );
  }

  test("lines", () =>
    using(serveHttp(), async ({ client }) => {
      const headers = { accept: "application/x-ndjson" };
      assert.equal((await client.call("POST", GROUPS, { body: GROUP, headers })).status, 501);
    }));
});

/** All events of a group's stream, as [name, data]. */
async function streamed({ client }: Serving, body: object) {
  const events: [string, Record<string, unknown>][] = [];
  for await (const { event, data } of client.sse("POST", GROUPS, { body })) {
    if (event !== ":") events.push([event, data as Record<string, unknown>]);
  }
  return events;
}

suite("as a stream", () => {
  test("each sibling's events come whole and in order; the group's end comes last, once", () => {
    const error = new PacelineError("misaligned", "odd");
    const script: Script = (rollout) =>
      rollout.group?.index === 1 ? [{ do: "fail", error }] : playToEnd(rollout);
    return using(serveHttp({ rollouts: createScriptedRollouts(script) }), async (serving) => {
      const events = await streamed(serving, { ...GROUP, size: 3 });
      const [last, told] = events.pop() ?? [];
      assert.equal(last, "finished");
      const group = told?.["group"] as WireGroupSummary;
      assert.deepEqual(countsOf(group), { id: "g", size: 3, need: 3, finished: 2 });
      for (const index of [0, 1, 2]) {
        const own = events.filter(([, data]) => data["index"] === index);
        assert.ok(own.every(([, data]) => data["rollout"] === `g.${index}`));
        const seqs = own.map(([, data]) => Number(data["seq"]));
        assert.deepEqual(
          seqs,
          seqs.toSorted((x, y) => x - y),
        );
        const ids = own
          .filter(([name]) => name === "tokens")
          .flatMap(([, data]) => data["output_token_ids"] as number[]);
        const [name, end] = own.at(-1) ?? [];
        assert.equal(name, "member");
        if (index === 1) assert.equal(decodeError(end).code, "misaligned");
        else {
          assert.deepEqual(ids, [0, 1, 2, 3].map(scriptedId));
          assert.equal(Reflect.get(Object(end?.["usage"]), "output_tokens"), 4);
          assert.equal(end?.["output_token_ids"], undefined);
        }
      }
      assert.equal(events.filter(([name]) => name === "member").length, 3);
    });
  });

  test("a group of which nothing came ends in that error", () => {
    const error = new PacelineError("no_eligible_worker", "none");
    const script: Script = () => [{ do: "fail", error }];
    return using(serveHttp({ rollouts: createScriptedRollouts(script) }), async (serving) => {
      const [name, data] = (await streamed(serving, GROUP)).at(-1) ?? [];
      assert.deepEqual([name, decodeError(data).code], ["error", "no_eligible_worker"]);
    });
  });

  test("what is refused is refused before the first byte", () =>
    using(serveHttp(), async (serving) => {
      await assert.rejects(streamed(serving, { ...GROUP, need: 5 }), { code: "invalid_argument" });
    }));

  test("a reader that leaves does not end it at once, and comes back to each sibling", () => {
    const { promise: later, resolve: go } = Promise.withResolvers<void>();
    const script: Script = () => [
      { do: "tokens", count: 2, version: 7 },
      { do: "wait", until: later },
      { do: "tokens", count: 2, version: 7 },
    ];
    return using(serveHttp({ rollouts: createScriptedRollouts(script) }), async (serving) => {
      const { client, rollouts, port } = serving;
      const raw = await connectRaw(port);
      raw.socket.write(rawPost(GROUPS, JSON.stringify(GROUP), "accept: text/event-stream\r\n"));
      const last = await rollouts.arrival("default", "g.3");
      await raw.until('"rollout":"g.3","index":3,"seq":2');
      raw.socket.resetAndDestroy();
      await last.until(() => last.readers === 0);
      assert.equal(last.ended, false);
      go();
      const headers = { "last-event-id": "2" };
      const names: string[] = [];
      for await (const { event } of client.sse("GET", "/v1/rollouts/g.3", { headers })) {
        names.push(event);
      }
      assert.deepEqual(names, ["tokens", "finished"]);
    });
  });
});

suite("issued beyond what is needed, and replaced", () => {
  const stale: Script = (rollout) => [
    { do: "fail", error: new PacelineError("misaligned", rollout.id) },
  ];

  test("over-issue: size is needed, more are made, and what was cut is accounted for", () => {
    const { promise: made, resolve: go } = Promise.withResolvers<void>();
    const script: Script = (rollout) => {
      if (rollout.group?.index !== 0) return [{ do: "wait", until: made }, ...playToEnd(rollout)];
      setImmediate(() => setImmediate(() => setImmediate(go)));
      return [
        { do: "tokens", count: 6, version: 7 },
        { do: "wait", until: forever },
      ];
    };
    return using(serveHttp({ rollouts: createScriptedRollouts(script) }), async (serving) => {
      const { group, rollouts } = await submit(serving, { ...GROUP, over_issue: 0.25 });
      assert.equal(rollouts.length, 5);
      assert.deepEqual(groupSummary().parse(group), {
        ...{ id: "g", size: 4, need: 4, finished: 4, members: 5, ended: "need", replaced: [] },
        cut: { members: 1, tokens: 6 },
        lengths: {
          kept: { mean: 4, p50: 4, p90: 4 },
          all: { mean: 4.4, p50: 4, p90: null },
          bias: 4 / 4.4 - 1,
        },
        off_policy_share: 0,
      });
      assert.deepEqual(rollouts.map(decodeResult)[4]?.group, { id: "g", size: 5, index: 4 });
    });
  });

  test("one that an engine failed is replaced by a new sibling, and told of, to the bound", () => {
    const script: Script = (rollout) =>
      [1, 4].includes(rollout.group?.index ?? 0) ? stale(rollout) : playToEnd(rollout);
    return using(serveHttp({ rollouts: createScriptedRollouts(script) }), async (serving) => {
      const enough = await submit(serving, { ...GROUP, backfill: 2 });
      assert.deepEqual(enough.group.replaced, [
        { index: 1, by: 4 },
        { index: 4, by: 5 },
      ]);
      assert.deepEqual([enough.group.ended, enough.group.members], ["need", 6]);
      assert.equal(decodeResult(enough.rollouts[5]).id, "g.5");
      const short = await submit(serving, { ...GROUP, id: "h", backfill: 1 });
      assert.deepEqual([short.group.ended, short.group.finished], ["failed", 3]);
      assert.deepEqual(short.group.replaced, [{ index: 1, by: 4 }]);
    });
  });

  test("what is the rollout's own fault, or still can be met, is not replaced", () => {
    const error = new PacelineError("prompt_too_long", "no");
    const script: Script = (rollout) =>
      rollout.group?.index === 1 ? [{ do: "fail", error }] : playToEnd(rollout);
    return using(serveHttp({ rollouts: createScriptedRollouts(script) }), async (serving) => {
      const { group } = await submit(serving, { ...GROUP, backfill: 4 });
      assert.deepEqual([group.members, group.ended, group.replaced], [4, "failed", []]);
    });
  });

  test("a stream tells of replacements as of all others", () => {
    const script: Script = (rollout) =>
      rollout.group?.index === 1 ? stale(rollout) : playToEnd(rollout);
    return using(serveHttp({ rollouts: createScriptedRollouts(script) }), async (serving) => {
      const events = await streamed(serving, { ...GROUP, backfill: 1 });
      const members = events.filter(([name]) => name === "member");
      assert.deepEqual(members.map(([, data]) => data["index"]).sort(), [0, 1, 2, 3, 4]);
      assert.equal(events.at(-1)?.[0], "finished");
    });
  });

  test("members go on from partial ones, each with the versions of its own", () =>
    using(serveHttp(), async (serving) => {
      const span = { version: 5, start: 0, end: 2, kv: "pure", attested: "engine" };
      const given = { output_token_ids: [1, 2], logprobs: [-1, -1], spans: [span] };
      await submit(serving, { ...GROUP, continue: [given] });
      const [first, second] = serving.rollouts.submitted;
      assert.deepEqual([...(first?.continueFrom?.outputTokenIds ?? [])], [1, 2]);
      assert.equal(second?.continueFrom, null);
      assert.deepEqual(
        [first?.seed, first?.promptTokenIds],
        [second?.seed, second?.promptTokenIds],
      );
      const bad = { ...GROUP, id: "h", continue: [given, { ...given, logprobs: [-1] }] };
      const reply = await serving.client.call("POST", GROUPS, { body: bad });
      assert.equal(decodeError(reply.json()).details["path"], "continue[1].logprobs");
    }));
});
