/**
 * Weight calls. A directory is a publication: staged, proven and committed by the coordinator. Weights that the trainer
 * moves itself (start, update…, finish; or prime-rl's update without a directory) are an external version: every worker is
 * gated first, the trainer's calls go to each engine as they are, and the commit asks each what it holds. A retried call
 * joins the one that runs.
 */
import { PacelineError } from "../../../contract/errors.ts";
import type { Label } from "../../../contract/policy.ts";
import type { WorkerRecord } from "../../../fleet/fleet.ts";
import type { PublicationOptions, PublicationProgress } from "../../../weights/publisher.ts";
import { invalid } from "../../codec/invalid.ts";
import { sendJson } from "../../http/request.ts";
import type { DialectContext, DialectRoute } from "../dialect.ts";
import { gpusOfAll, workersOf } from "../job-workers.ts";
import type { MountState } from "../mount-state.ts";
import { objectBody } from "../openai/token-ask.ts";
import { callEngines, type EngineCall } from "./engine-calls.ts";
import type { Pauses } from "./pause.ts";
import { stepIn } from "./version-names.ts";

type Body = Readonly<Record<string, unknown>>;

/** What the trainer moves between its start and its finish. */
interface Move {
  readonly policy: string;
  readonly version: number;
  readonly gated: PublicationProgress;
  /** Of what the trainer sends, where it said. */
  readonly digest: string | null;
  /** The trainer's, where its start said one; else empty. */
  readonly name: string;
}

export function weightRoutes(
  context: DialectContext,
  state: MountState,
  pauses: Pauses,
): DialectRoute[] {
  const { publisher, ledger } = context;
  const running = new Map<string, Promise<object>>();
  let move: Move | null = null;

  /** Of the policy's run, whoever opened it: these wires know no runs. */
  function optionsOf(policy: string, name: string): PublicationOptions {
    const { run } = ledger.policy(policy);
    const step = stepIn(name);
    const label: Label | null = step === null ? null : { run: run?.run ?? "vllm", step };
    const { standing } = pauses;
    return {
      ...(label === null ? {} : { label }),
      ...(run === null ? {} : { runEpoch: run.epoch }),
      // What is frozen cannot be waited for: it keeps its KV, or has it computed again, as the pause said.
      ...(standing === null ? {} : { onUpdate: standing.clearCache ? "reprefill" : "keep" }),
    };
  }

  async function fromDirectory(path: string): Promise<object> {
    const policy = context.policy();
    const opened = await publisher.publish({
      policy,
      source: { path },
      ...optionsOf(policy, path),
    });
    const { version } = opened.version;
    if (opened.version.label === null) state.names.set(policy, version, baseName(path));
    await publisher.committed(policy, version);
    return { status: "ok", message: "Weights updated" };
  }

  const engines = ({ policy, gated }: Move): readonly WorkerRecord[] => {
    const members = new Set(gated.workers.flatMap(({ worker, fence }) => (fence ? [worker] : [])));
    return workersOf(context, policy).filter(({ id }) => members.has(id));
  };

  /** What a trainer left behind that went away lapses by itself, and is none. */
  function underWay(): Move | null {
    if (move !== null && ledger.version(move.policy, move.version).state !== "gated") move = null;
    return move;
  }

  async function start(digest: string | null, name: string): Promise<Move> {
    const before = underWay();
    if (before !== null) return before;
    const policy = context.policy();
    // Known now, or never: what was moved and cannot be proven is lost.
    if (digest === null && ledger.policy(policy).minProof !== "reported") {
      throw new PacelineError(
        "unsupported",
        `policy ${policy} asks for a proof and this call brings none: give \`digest\`, or declare min_proof \`reported\``,
        { details: { path: "digest" } },
      );
    }
    const { version } = await publisher.publish({
      policy,
      source: { external: {} },
      ...optionsOf(policy, name),
    });
    const gated = await publisher.gate(policy, version.version);
    move = { policy, version: version.version, gated, digest, name };
    return move;
  }

  /** Whatever the trainer called it, engines are told our name: it is what their tokens are told apart by. */
  async function finish(moved: Move, name: string): Promise<void> {
    const { policy, version, gated, digest } = moved;
    const proofs = gated.workers.flatMap(({ worker, fence }) =>
      fence === null
        ? []
        : [
            {
              worker,
              fence,
              digest: null,
              receipt: digest,
              reported: digest === null ? version : null,
            },
          ],
    );
    move = null;
    // Before anything is made under it.
    state.names.set(policy, version, name);
    await publisher.commit(policy, version, proofs);
  }

  const nameAtEngine = ({ policy, version }: Move): string => `${policy}@${version}`;

  /** A call that reached some engines and not others has left the fleet in two: nobody serves what nobody proved. */
  async function passOn(moved: Move, path: string, body: Body): Promise<void> {
    try {
      await callEngines(engines(moved), (worker) => engineCall(worker, path, body, moved));
    } catch (thrown) {
      move = null;
      await publisher.abort(moved.policy, moved.version);
      throw thrown;
    }
  }

  async function update(body: Body): Promise<object> {
    const { weight_dir: directory, update_info: info } = body;
    if (typeof directory === "string") return fromDirectory(directory);
    if (directory === null) return updateInPlace(body);
    if (typeof info !== "object" || info === null) throw invalid("update_info", "is required");
    const moved = underWay();
    if (moved === null) throw notStarted();
    await passOn(moved, "/update_weights", body);
    return { message: "Weights updated" };
  }

  /** prime-rl's broadcast: one call is the whole of it. */
  async function updateInPlace(body: Body): Promise<object> {
    const moved = await start(digestIn(body), "");
    await passOn(moved, "/update_weights", body);
    const named = { new_version: nameAtEngine(moved) };
    await passOn(moved, "/update_weight_version", named);
    await finish(moved, `update-${moved.version}`);
    return { status: "ok" };
  }

  /** Engines that load files have nothing to initialise. */
  const initialise = (path: string, bodyOf: (index: number) => Body): Promise<void> =>
    callEngines(workersOf(context), (worker, index) =>
      loadsFiles(worker) ? null : { path, body: bodyOf(index) },
    );

  const calls: Readonly<Record<string, (body: Body) => Promise<object>>> = {
    "/init_weight_transfer_engine": async (body) => {
      const info = body["init_info"];
      if (typeof info !== "object" || info === null) throw invalid("init_info", "is required");
      await initialise("/init_weight_transfer_engine", (index) => ({
        ...body,
        init_info: ranked(info as Body, index, context),
      }));
      return { message: "Weight transfer initialized" };
    },
    "/init_broadcaster": async (body) => {
      await initialise("/init_broadcaster", (index) => ranked(body, index, context));
      return { status: "ok" };
    },
    "/start_weight_update": async (body) => {
      const name = nameIn(body, "");
      const moved = await start(digestIn(body), name);
      await passOn(moved, "/start_weight_update", body);
      return { message: "Weight update started" };
    },
    "/update_weights": update,
    "/finish_weight_update": async (body) => {
      const moved = underWay();
      if (moved === null) throw notStarted();
      const name = nameIn(body, moved.name === "" ? `update-${moved.version}` : moved.name);
      const finished = { ...body, weight_version: nameAtEngine(moved) };
      await passOn(moved, "/finish_weight_update", finished);
      await finish(moved, name);
      return { message: "Weight update finished" };
    },
    "/update_weight_version": async (body) => {
      const name = body["new_version"];
      if (typeof name !== "string" || name === "") throw invalid("new_version", "must be text");
      const policy = context.policy();
      state.names.set(policy, committedOf(context, policy), name);
      return { success: true, new_version: name };
    },
  };

  /** The same call with the same body, while it runs, is the same call. */
  function joined(path: string, body: Body): Promise<object> {
    const key = `${path} ${JSON.stringify(body)}`;
    const before = running.get(key);
    if (before !== undefined) return before;
    const call = calls[path];
    if (call === undefined) throw new PacelineError("internal", `${path} has no call`);
    const run = call(body).finally(() => running.delete(key));
    running.set(key, run);
    return run;
  }

  return [
    ...Object.keys(calls).map(
      (path): DialectRoute => ({
        method: "POST",
        path,
        scope: "admin",
        touches: "all",
        handler: async (request, reply) =>
          sendJson(reply, JSON.stringify(await joined(path, objectBody(request.body ?? {})))),
      }),
    ),
    {
      method: "GET",
      path: "/weight_info",
      scope: "read",
      touches: "fleet",
      handler(_request, reply) {
        const policy = context.policy();
        const version = ledger.version(policy, committedOf(context, policy));
        return sendJson(reply, JSON.stringify({ weight_version: state.names.of(policy, version) }));
      },
    },
  ];
}

const loadsFiles = ({ engine }: WorkerRecord): boolean =>
  engine === "embedded" || engine === "simulated";

/** The trainer's call as it is; an embedded engine has one of its own, which reads a file. */
function engineCall(
  worker: WorkerRecord,
  path: string,
  body: Body,
  { policy, version }: Move,
): EngineCall | null {
  if (!loadsFiles(worker)) return { path, body };
  if (path !== "/update_weights") return null;
  const { path: file } = (body["update_info"] ?? {}) as Body;
  return { path, body: { policy, version, path: file ?? null } };
}

/** Ranks of one engine after those before it, since the trainer counts all of them as one server's. */
function ranked(info: Body, index: number, context: DialectContext): Body {
  const offset = info["rank_offset"];
  if (typeof offset !== "number") return info;
  return { ...info, rank_offset: offset + gpusOfAll(workersOf(context).slice(0, index)) };
}

function nameIn(body: Body, otherwise: string): string {
  const name = body["weight_version"] ?? otherwise;
  if (typeof name !== "string") throw invalid("weight_version", "must be text");
  return name;
}

/** Of what was sent, where the trainer knows it: then each engine's proof is a receipt. */
function digestIn(body: Body): string | null {
  const digest = body["digest"] ?? null;
  if (digest === null) return null;
  if (typeof digest === "string" && /^[0-9a-f]{64}$/.test(digest)) return digest;
  throw invalid("digest", "must be a SHA-256 content digest in hex");
}

function committedOf({ ledger }: DialectContext, policy: string): number {
  const { committedVersion } = ledger.policy(policy);
  if (committedVersion !== null) return committedVersion;
  throw new PacelineError("version_unavailable", `no version of ${policy} is committed`);
}

const notStarted = (): PacelineError =>
  new PacelineError("version_conflict", "no weight update was started: call /start_weight_update");

const baseName = (path: string): string => path.split("/").filter(Boolean).at(-1) ?? path;
