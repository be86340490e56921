/** A fleet of two workers whose engines take what a trainer moves, and note it. */
import type { Engine } from "../../../../../adapters/engine.ts";
import { PacelineError } from "../../../../../server/contract/errors.ts";
import type { MoverCall } from "../../../../../server/contract/worker.ts";
import type { PublicationProgress, Publisher } from "../../../../../server/weights/publisher.ts";
import {
  createFakeFleet,
  createFakeLedger,
  createFakePublisher,
  type FakeFleet,
  versionRecord,
  workerRecord,
} from "../../../../support/front-fakes.ts";

export interface Moved {
  readonly worker: string;
  readonly call: MoverCall;
  readonly body: Readonly<Record<string, unknown>>;
  readonly target: { readonly policy: string; readonly version: number } | null;
}

export interface MovableFleet {
  readonly fleet: FakeFleet;
  readonly ledger: ReturnType<typeof createFakeLedger>;
  readonly publisher: Publisher;
  readonly moved: Moved[];
  /** What was asked of the publisher, in order. */
  readonly published: string[];
  /** Engines that say no to the next calls. */
  readonly broken: Set<string>;
}

const WORKERS = [
  { id: "w-1", url: "http://127.0.0.1:9001", gpus: 2 },
  { id: "w-2", url: "http://127.0.0.1:9002", gpus: 4 },
] as const;

/** `takes: false`: engines without such calls. The policy takes an engine's word. */
export async function createMovableFleet(takes = true): Promise<MovableFleet> {
  const moved: Moved[] = [];
  const published: string[] = [];
  const broken = new Set<string>();
  const fleet = createFakeFleet(
    ...WORKERS.map(({ id, url, gpus }) =>
      workerRecord({ id, url, engine: "sglang", parallel: { tp: gpus } }),
    ),
  );
  const engine = (worker: string): Engine => {
    const move: NonNullable<NonNullable<Engine["weights"]>["move"]> = async (
      call,
      body,
      target,
    ) => {
      if (broken.has(worker)) throw new PacelineError("weights_rejected", "it says no");
      moved.push({ worker, call, body, target });
    };
    return { weights: takes ? { move } : {} } as unknown as Engine;
  };
  const ledger = createFakeLedger();
  await ledger.declare({ policy: "default", minProof: "reported" });
  return {
    fleet: { ...fleet, engine },
    ledger,
    publisher: createNotingPublisher(published),
    moved,
    published,
    broken,
  };
}

/** Gates both workers; says what it was asked for. */
function createNotingPublisher(published: string[]): Publisher {
  const progress = (state: "open" | "gated" | "installed"): PublicationProgress => ({
    version: versionRecord({ version: 8, state }),
    workers: WORKERS.map(({ id }) => ({
      worker: id,
      phase: state === "installed" ? "installed" : "gated",
      reason: null,
      pauseMs: null,
      fence: state === "gated" ? `f-${id}` : null,
    })),
    lapseMs: null,
    installed: state === "installed" ? 2 : 0,
  });
  const note = (text: string, state: Parameters<typeof progress>[0]): PublicationProgress => {
    published.push(text);
    return progress(state);
  };
  return {
    ...createFakePublisher(),
    async publish({ source, label, onUpdate }) {
      const from = "path" in source ? source.path : "external";
      if (from.includes("bad")) {
        throw new PacelineError("weights_rejected", `${from} holds no tensors`);
      }
      return note(`publish ${from} step ${label?.step} ${onUpdate ?? ""}`.trim(), "open");
    },
    gate: async () => note("gate", "gated"),
    commit: async (_policy, _version, proofs) =>
      note(
        `commit ${proofs.map(({ worker, fence, reported }) => `${worker} ${fence} ${reported}`).join(", ")}`,
        "installed",
      ),
    abort: async () => note("abort", "open"),
    committed: async () => note("committed", "installed"),
    async *watch() {
      yield progress("installed");
    },
  };
}
