import assert from "node:assert/strict";
import { suite, test } from "node:test";
import protobuf from "protobufjs";
import type { z } from "zod";
import { loadProtos } from "../../../server/api/grpc/protos.ts";
import {
  createLeaseSchema,
  createRegistrationSchema,
  pause,
  worker,
} from "../../../server/contract/schema-fleet.ts";
import {
  abortedJob,
  createJobSchema,
  createJobSettingsSchema,
  createJobsSchema,
  trainerReport,
} from "../../../server/contract/schema-job.ts";
import {
  groupSummary,
  manyNeed,
  manySummary,
  rolloutError,
  rolloutKept,
} from "../../../server/contract/schema-many.ts";
import {
  createExternalCommitSchema,
  declaration,
  policy,
  publication,
  publicationProgress,
  rollback,
  run,
  runOpening,
  version,
} from "../../../server/contract/schema-policy.ts";
import {
  createEventSchemas,
  createResultSchema,
  error,
  progress,
} from "../../../server/contract/schema-result.ts";
import { createRolloutSchema, rolloutRef } from "../../../server/contract/schema-rollout.ts";
import { LIMITS } from "../../../server/limits.ts";
import { schemaDifferences } from "../../support/schema-differences.ts";

const events = createEventSchemas("json", LIMITS);

const SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  Rollout: createRolloutSchema("json", LIMITS),
  RolloutRef: rolloutRef(),
  Result: createResultSchema("json", LIMITS),
  Progress: progress(),
  Error: error(),
  RolloutError: rolloutError(),
  RolloutKept: rolloutKept(),
  ManyNeed: manyNeed(),
  GroupSummary: groupSummary(),
  ManySummary: manySummary(),
  Accepted: events.accepted,
  Placed: events.placed,
  Tokens: events.tokens,
  Moved: events.moved,
  Held: events.held,
  Registration: createRegistrationSchema(LIMITS),
  Lease: createLeaseSchema(LIMITS),
  Pause: pause(),
  Worker: worker(),
  Declaration: declaration(),
  Publication: publication(),
  ExternalCommit: createExternalCommitSchema(LIMITS),
  Version: version(),
  PublicationProgress: publicationProgress(),
  Policy: policy(),
  RunOpening: runOpening(),
  Run: run(),
  Rollback: rollback(),
  JobSettings: createJobSettingsSchema(LIMITS),
  TrainerReport: trainerReport(),
  Job: createJobSchema(LIMITS),
  Jobs: createJobsSchema(LIMITS),
  AbortedJob: abortedJob(),
};

/** Envelopes of gRPC calls: over HTTP a path, a query or a stream's framing says the same. */
const GRPC_ONLY = [
  "CommitRequest",
  "ControlAction",
  "ControlReply",
  "ControlRequest",
  "DeclareJobRequest",
  "DeclareRequest",
  "DrainMode",
  "DrainRequest",
  "Event",
  "GroupMember",
  "GroupOrder",
  "GroupReply",
  "JobRef",
  "ListJobsRequest",
  "ListWorkersReply",
  "ListWorkersRequest",
  "ManyReply",
  "OpenRunRequest",
  "PolicyRef",
  "PublishRequest",
  "RemoveReply",
  "RemoveRequest",
  "RenewRequest",
  "ReportTrainerRequest",
  "RollbackRequest",
  "RolloutState",
  "VersionRef",
];

function differences(root: protobuf.Root, reached = new Set<string>()): string[] {
  return Object.entries(SCHEMAS).flatMap(([name, schema]) =>
    schemaDifferences(schema, root.lookupType(`paceline.v1.${name}`), reached),
  );
}

suite("schemas and proto", () => {
  test("say the same", () => {
    assert.deepEqual(differences(loadProtos()), []);
  });

  test("leave nothing of the proto uncompared", () => {
    const root = loadProtos();
    const reached = new Set<string>();
    differences(root, reached);
    const all = root.lookup("paceline.v1");
    assert.ok(all instanceof protobuf.Namespace);
    const names = all.nestedArray
      .filter((item) => item instanceof protobuf.Type || item instanceof protobuf.Enum)
      .map(({ name }) => name);
    assert.deepEqual(names.filter((name) => !reached.has(name)).sort(), GRPC_ONLY);
  });

  test("`finished` is a Result without its arrays", () => {
    const { output_token_ids: _, logprobs: __, ...head } = createResultSchema("json", LIMITS).shape;
    assert.deepEqual(Object.keys(events.finished.shape), Object.keys(head));
  });

  test("both encodings have the same fields", () => {
    const fields = (encoding: "json" | "b64"): string[] => {
      const { sampling, ...rest } = createRolloutSchema(encoding, LIMITS).shape;
      return [...Object.keys(rest), ...Object.keys(sampling.shape)];
    };
    assert.deepEqual(fields("b64"), fields("json"));
  });
});

const SEEDED: readonly [name: string, from: string, to: string, finding: string][] = [
  [
    "a lost `optional`",
    "optional double temperature",
    "double temperature",
    "Rollout.sampling.temperature: required only in the proto",
  ],
  [
    "an added `optional`",
    "uint32 size = 2",
    "optional uint32 size = 2",
    "Rollout.group.size: optional only in the proto",
  ],
  [
    "another type",
    "optional int32 top_k",
    "optional uint32 top_k",
    "Rollout.sampling.top_k: int32 in the schema, uint32 in the proto",
  ],
  ["a renamed field", "double min_p ", "double minp ", "Rollout.sampling.min_p: not in the proto"],
  [
    "a field more",
    "optional string pool = 4;",
    "optional string pool = 4; string extra = 99;",
    "Rollout.extra: not in the schema",
  ],
  [
    "a field that repeats",
    "uint32 prompt_tokens",
    "repeated uint32 prompt_tokens",
    "Result.usage.prompt_tokens: repeated only in the proto",
  ],
  ["an enum word less", "  KV_MIXED = 2;", "", "Result.spans[].kv: KV_MIXED is only in one"],
  [
    "an enum word more",
    "  KV_MIXED = 2;",
    "  KV_MIXED = 2; KV_COLD = 99;",
    "Result.spans[].kv: KV_COLD is only in one",
  ],
  [
    "another union",
    "uint32 matched_id",
    "uint64 matched_id",
    "Result.finish_reason.matched: uint32 or string in the schema, uint64 or string in the proto",
  ],
  [
    "another map",
    "map<uint32, double>",
    "map<uint32, float>",
    "Rollout.sampling.logit_bias: double in the schema, float in the proto",
  ],
];

suite("the comparison finds", () => {
  for (const [name, from, to, finding] of SEEDED) {
    test(name, () => {
      const root = loadProtos((file, text) => {
        if (file !== "rollout") return text;
        assert.ok(text.includes(from), `rollout.proto has no "${from}"`);
        return text.replace(from, to);
      });
      const found = differences(root);
      assert.ok(found.includes(finding), found.join("\n"));
    });
  }
});
