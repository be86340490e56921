/** Weight calls of an engine, for a whole fleet: `trainer-update.ts` does them, this is their wire. */
import type { FastifyReply } from "fastify";
import { z } from "zod";
import { PacelineError } from "../../../contract/errors.ts";
import type { OnUpdate } from "../../../contract/policy.ts";
import type { MoverCall } from "../../../contract/worker.ts";
import { check } from "../../codec/invalid.ts";
import { toPacelineError } from "../../http/errors.ts";
import { type Handler, sendJson } from "../../http/request.ts";
import type { DialectContext, DialectRoute } from "../dialect.ts";
import type { MountState } from "../mount-state.ts";
import { sglangError } from "./errors.ts";
import type { TrainerUpdate } from "./trainer-update.ts";
import { committedText, stepOf } from "./weight-version.ts";

const version = z.union([z.string(), z.number()]).nullish();
const PAUSE = z.looseObject({ mode: z.enum(["abort", "retract", "in_place"]).nullish() });
const DISK = z.looseObject({
  model_path: z.string().min(1),
  load_format: z.string().nullish(),
  weight_version: version,
  abort_all_requests: z.boolean().nullish(),
});
const GROUP = z.looseObject({
  group_name: z.string().min(1).default("weight_update_group"),
  rank_offset: z.number().int().min(0),
  world_size: z.number().int().min(1),
  master_address: z.string().min(1),
  master_port: z.number().int().min(1).max(65_535),
});
const LEAVE = z.looseObject({ group_name: z.string().min(1).default("weight_update_group") });
const MOVED = z.looseObject({
  weight_version: version,
  abort_all_requests: z.boolean().nullish(),
});
const DISTRIBUTED = MOVED.extend({
  group_name: z.string().min(1).default("weight_update_group"),
  names: z.array(z.string()),
  dtypes: z.array(z.string()),
  shapes: z.array(z.array(z.number().int())),
});
const NAMED = z.looseObject({ new_version: z.union([z.string(), z.number()]) });

/** What running requests do, of SGLang's ways to pause. Absent, slime's way: the job's or policy's own. */
const ON_UPDATE = { retract: "reprefill", in_place: "keep", abort: null } as const satisfies Record<
  string,
  OnUpdate | null
>;

/** Of the fleet as a whole, which belongs to no job. */
const ADMIN = { scope: "admin", touches: "all" } as const;

export function weightRoutes(
  context: DialectContext,
  state: MountState,
  update: TrainerUpdate,
): DialectRoute[] {
  const call: WeightCall = { context, state, update };
  return [...pauseRoutes(call), ...fileRoutes(call), ...moverRoutes(call), ...refused()];
}

interface WeightCall {
  readonly context: DialectContext;
  readonly state: MountState;
  readonly update: TrainerUpdate;
}

const post = (path: string, handler: Handler): DialectRoute => ({
  ...ADMIN,
  method: "POST",
  path,
  handler,
});

/** Ends all requests of the job where the body asks for it. */
async function abortIf(
  all: boolean | null | undefined,
  { context: { rollouts, job }, state }: WeightCall,
): Promise<void> {
  if (all !== true) return;
  state.hold.abortAll();
  await rollouts.abortJob(job, "client");
}

const pauseRoutes = (call: WeightCall): DialectRoute[] => [
  post("/pause_generation", async (request, reply) => {
    const { mode = null } = check(PAUSE, request.body ?? {});
    const paused = call.update.pause(mode === null ? null : ON_UPDATE[mode]);
    await abortIf(mode === "abort", call);
    await paused;
    return said(reply, "Generation paused successfully.");
  }),
  post("/continue_generation", async (_request, reply) => {
    await call.update.resume();
    return said(reply, "Generation continued successfully.");
  }),
];

const fileRoutes = (call: WeightCall): DialectRoute[] => [
  post("/update_weights_from_disk", (request, reply) =>
    succeed(call.context, reply, async () => {
      const body = check(DISK, request.body ?? {});
      assertLoadFormat(body.load_format ?? null);
      const step = stepOf(body.weight_version);
      await abortIf(body.abort_all_requests, call);
      const { workers, installed } = await call.update.fromDisk(body.model_path, step);
      const left = workers.filter(({ phase }) => phase !== "installed");
      return {
        message: `Weight version updated to ${committedText(call.context)} on ${installed} workers.`,
        num_paused_requests: call.state.hold.waiting,
        paceline: {
          not_installed: left.map(({ worker, phase, reason }) => ({ worker, phase, reason })),
        },
      };
    }),
  ),
  post("/update_weight_version", (request, reply) =>
    succeed(call.context, reply, async () => {
      const { new_version: named } = check(NAMED, request.body ?? {});
      if (String(named) !== committedText(call.context)) {
        throw new PacelineError(
          "unsupported",
          "new_version: a version is named by what moves it (weight_version), not afterwards",
          { details: { path: "new_version" } },
        );
      }
      return { new_version: String(named) };
    }),
  ),
];

function moverRoutes(call: WeightCall): DialectRoute[] {
  const { context, update } = call;
  const moved = (name: MoverCall, schema: typeof MOVED | typeof DISTRIBUTED): DialectRoute =>
    post(`/${name}`, (request, reply) =>
      succeed(context, reply, async () => {
        const body = check(schema, request.body ?? {});
        await abortIf(body.abort_all_requests, call);
        const group = typeof body["group_name"] === "string" ? body["group_name"] : null;
        // A name for all of them is made by us; ending their requests is done already.
        const { weight_version, abort_all_requests: _, ...rest } = body;
        await update.move(name, rest, stepOf(weight_version), group);
        return {};
      }),
    );
  return [
    post("/init_weights_update_group", (request, reply) =>
      succeed(context, reply, async () => {
        const body = check(GROUP, request.body ?? {});
        await update.joinGroup(body.group_name, body, body.rank_offset, body.world_size);
        return { message: "Succeeded to initialize custom process group." };
      }),
    ),
    post("/destroy_weights_update_group", (request, reply) =>
      succeed(context, reply, async () => {
        const body = check(LEAVE, request.body ?? {});
        await update.leaveGroup(body.group_name, body);
        return { message: "Succeeded to destroy custom process group." };
      }),
    ),
    moved("update_weights_from_distributed", DISTRIBUTED),
    moved("update_weights_from_tensor", MOVED),
    moved("update_weights_from_ipc", MOVED),
    moved("post_process_weights", MOVED),
  ];
}

/** Calls that this fleet cannot honour are refused, never answered as if they were done (I6). */
const refused = (): DialectRoute[] =>
  (
    [
      ["/pull_weights", "update from a full checkpoint by update_weights_from_disk"],
      ["/weights_checker", "each worker's digest is at GET /v1/workers"],
      ["/start_profile", "profile an engine at its own port"],
      ["/stop_profile", "profile an engine at its own port"],
    ] as const
  ).map(([path, instead]) => ({
    ...ADMIN,
    method: "POST",
    path,
    handler() {
      throw new PacelineError("unsupported", `${path.slice(1)} is not served: ${instead}`);
    },
  }));

function assertLoadFormat(format: string | null): void {
  if (format === null || format === "auto" || format === "safetensors") return;
  throw new PacelineError("unsupported", `load_format: ${format}; files are read as safetensors`, {
    details: { path: "load_format" },
  });
}

const said = (reply: FastifyReply, message: string): FastifyReply =>
  sendJson(reply, JSON.stringify({ message, status: "ok" }));

/** `{"success", "message"}`, 400 where it is false, as all of these calls answer; bad input is an error like any other. */
async function succeed(
  { failed }: DialectContext,
  reply: FastifyReply,
  run: () => Promise<Record<string, unknown>>,
): Promise<FastifyReply> {
  try {
    return sendJson(reply, JSON.stringify({ success: true, message: "Success", ...(await run()) }));
  } catch (thrown) {
    const error = toPacelineError(thrown);
    if (error.kind.boundary === "client" && error.code !== "unsupported") throw error;
    failed(error);
    const body = JSON.parse(sglangError(error, 400).body) as Record<string, unknown>;
    return sendJson(
      reply,
      JSON.stringify({ success: false, message: error.message, ...body }),
      400,
    );
  }
}
