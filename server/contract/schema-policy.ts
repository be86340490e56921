/** The wire's policies, versions and publications. */
import { z } from "zod";
import { double, exactlyOne, id, uint32, uint53 } from "./schema.ts";
import { label, onUpdate } from "./schema-rollout.ts";

const kind = () => z.enum(["full", "lora"]);
const proof = () => z.enum(["digest", "receipt", "reported"]);
const sha256 = () => z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in hex");
const commitMode = () => z.enum(["all", "quorum", "rolling", "latest_wins"]);

/** Body of `PUT /v1/policies/{policy}`. */
export const declaration = () =>
  z.strictObject({
    kind: kind().nullish(),
    base: id().nullish(),
    commit: commitMode().nullish(),
    on_update: onUpdate().nullish(),
    update_grace_ms: uint32().nullish(),
    max_lag: uint53().nullish(),
    /** The weakest proof with which a worker may serve it. */
    min_proof: proof().nullish(),
  });

const source = () =>
  z
    .strictObject({
      path: z.string().min(1).max(4096).nullish(),
      arena: z.string().min(1).max(4096).nullish(),
      external: z.strictObject({}).nullish(),
    })
    .refine(exactlyOne, "must hold exactly one of path, arena, external");

const options = () => ({
  commit: z
    .strictObject({
      /** Absent: the policy's. */
      mode: commitMode().nullish(),
      /** Mode `quorum`: workers that must have staged. */
      quorum: uint32(1).nullish(),
      /** Until all have staged. */
      timeout_ms: uint32(1).nullish(),
      /** Mode `rolling`: workers out of service at once; absent: as many as can be spared, between an eighth and half, at least one. */
      wave: uint32(1).nullish(),
    })
    .nullish(),
  on_update: onUpdate().nullish(),
  update_grace_ms: uint32().nullish(),
  /** Of the run that publishes, as its opening answered. */
  run_epoch: uint53().nullish(),
});

/** Body of `POST /v1/policies/{policy}/versions`. */
export const publication = () =>
  z.strictObject({
    label: label().nullish(),
    source: source(),
    format: z.enum(["full", "delta"]).nullish(),
    base_version: uint53().nullish(),
    ...options(),
  });

/** Body of `POST …/versions/{version}/rollback`. */
export const rollback = () => z.strictObject({ label: label().nullish(), ...options() });

/** Body of `POST /v1/policies/{policy}/runs`. */
export const runOpening = () => z.strictObject({ run: id(), opener: id().nullish() });

export const run = () =>
  z.strictObject({
    policy: id(),
    run: id(),
    /** Strictly increasing per policy: what is of an older one is fenced. */
    epoch: uint53(),
    opener: id().nullish(),
    /** A publication may say this run by the name in its label; else it must give `run_epoch`. */
    by_name: z.boolean(),
    opened_at_ms: double(),
  });

export const version = () =>
  z.strictObject({
    policy: id(),
    version: uint53(),
    state: z.enum([
      "open",
      "gated",
      "transferring",
      "staged",
      "committed",
      "installed",
      "superseded",
      "aborted",
    ]),
    label: label().nullish(),
    /** SHA-256 content digest, hex; of an external version once it is committed, and then where somebody told it. */
    digest: z.string().nullish(),
    source: source(),
    content_of: uint53().nullish(),
    on_update: onUpdate(),
    update_grace_ms: uint32(),
    /** Milliseconds since the Unix epoch. */
    created_at_ms: double(),
    /** Of the run that it was published in. */
    run_epoch: uint53().nullish(),
  });

const publicationWorker = () =>
  z.strictObject({
    worker: id(),
    phase: z.enum([
      "announced",
      "received",
      "staged",
      "gated",
      "swapping",
      "installed",
      "failed",
      "poisoned",
      "gone",
    ]),
    reason: z.string().nullish(),
    /** Milliseconds that generation stood still. */
    pause_ms: double().nullish(),
    /** Of an external version: what a proof for this worker must name, while it is gated. */
    fence: id().nullish(),
  });

/** A version on its way into the fleet: the version's own fields, and each worker's phase. */
export const publicationProgress = () =>
  version().extend({
    installed: uint32(),
    workers: z.array(publicationWorker()),
    /** In the answer of a gate: until it lapses. */
    lapse_ms: double().nullish(),
  });

const workerProof = () =>
  z
    .strictObject({
      worker: id(),
      fence: id(),
      /** Content digest of what the worker holds; its engine must show the same. */
      digest: sha256().nullish(),
      /** Content digest of what the worker was sent. */
      receipt: sha256().nullish(),
      /** The version that the engine was told to call it, and nothing more. */
      reported: uint53().nullish(),
    })
    .refine(
      ({ digest, receipt, reported }) => exactlyOne({ digest, receipt, reported }),
      "must hold exactly one of digest, receipt, reported",
    );

/** Body of `POST …/versions/{version}/commit`. */
export const createExternalCommitSchema = (limits: { readonly workers: number }) =>
  z.strictObject({ proofs: z.array(workerProof()).min(1).max(limits.workers) });

export const policy = () =>
  z.strictObject({
    policy: id(),
    kind: kind(),
    base: id().nullish(),
    commit: commitMode(),
    on_update: onUpdate(),
    update_grace_ms: uint32(),
    min_proof: proof(),
    committed_version: uint53().nullish(),
    last_version: uint53(),
    label: label().nullish(),
    run: z.string().nullish(),
    run_epoch: uint53().nullish(),
    versions: z.array(version()),
    workers: z.array(
      z.strictObject({
        worker: id(),
        version: uint53(),
        proof: proof(),
        /** Committed version − held version; null before the first commit, below 0 while one is being committed. */
        lag: z.number().int().meta({ format: "int64" }).nullish(),
      }),
    ),
  });

export type WirePolicy = z.infer<ReturnType<typeof policy>>;
export type WireRun = z.infer<ReturnType<typeof run>>;
export type WirePublicationProgress = z.infer<ReturnType<typeof publicationProgress>>;
