/**
 * One attempt: the engine's stream, checked token by token and appended to the rollout's output. Ends
 * by the engine's finish, by `signal`, or by throwing what went wrong.
 */
import type { Engine, EngineFinish, EngineRequest } from "../../adapters/engine.ts";
import type { Clock, Timer } from "../contract/clock.ts";
import { PacelineError } from "../contract/errors.ts";
import { type HeldVersion, replaceable } from "../contract/policy.ts";
import type { FinishReason, Span } from "../contract/rollout.ts";
import type { ExpertsHead } from "../contract/routed-experts.ts";
import type { PromptLogprobs, SideChunk } from "../contract/side-data.ts";
import { assertAligned, type TokenChunk } from "../contract/tokens.ts";

/** How one attempt touches the rollout that it belongs to. */
export interface AttemptSink {
  started(cachedTokens: number): void;
  /** The version is proven; throws if it is not of this prompt. */
  prompt(prompt: PromptLogprobs): void;
  /**
   * The version is proven, or (`none`) nobody can tell yet whether it or a later one made this. Throws if the chunk does
   * not fit. A reason ends the attempt as the engine's own does.
   */
  tokens(
    chunk: TokenChunk,
    held: HeldVersion,
    attested: Span["attested"],
    side?: SideChunk,
  ): FinishReason | null;
  expertsHead(head: ExpertsHead): void;
  /** Null: go on; else when there is room for more. */
  experts(bytes: Uint8Array<ArrayBuffer>): Promise<void> | null;
  /** What the engine tells at the end of all that this attempt made, each proven. Throws `engine_error` where it does not cover it. */
  versions(runs: readonly VersionRun[]): void;
}

/** Output positions of one version. */
export interface VersionRun {
  readonly held: HeldVersion;
  readonly start: number;
  readonly end: number;
  /** It attends to nothing older, whatever came before it. Null: nobody can tell. Default false. */
  readonly rebuilt?: boolean | null;
}

export interface AttemptContext {
  readonly clock: Clock;
  /** A version that this incarnation proved, or null (I3). */
  proved(policy: string, version: number): HeldVersion | null;
  /** What the grant promised: versions that the engine does not tell are this one, while `unchanged`. */
  readonly granted: HeldVersion;
  /** Whether that is still what the worker has; since it stands still from the swap to the proof, no token escapes this. */
  unchanged(): boolean;
  /**
   * Called each time the stream stood still for `stuckMs`, with how often that was in a row and nothing explained it; the
   * attempt itself goes on. False where something does, such as a pause: those windows do not count.
   */
  readonly stuckMs: number;
  silent(windows: number): boolean;
}

export async function runAttempt(
  engine: Engine,
  request: EngineRequest,
  sink: AttemptSink,
  context: AttemptContext,
  signal: AbortSignal,
): Promise<EngineFinish> {
  const watchdog = createWatchdog(context);
  try {
    for await (const event of engine.generate(request, signal)) {
      if (signal.aborted) break;
      watchdog.seen();
      if (event.type === "tokens") {
        const { chunk } = event;
        assertAligned(chunk.ids, chunk.logprobs);
        const reason = sink.tokens(
          chunk,
          heldFor(chunk, context),
          chunk.version !== null ? "engine" : context.unchanged() ? "coordinator" : "none",
          event.side,
        );
        // Leaving the loop ends the request inside the engine.
        if (reason !== null) return { type: "finished", reason, cachedTokens: 0, versions: null };
      } else if (event.type === "started") {
        sink.started(event.cachedTokens);
      } else if (event.type === "prompt") {
        const { version } = heldFor(event.prompt, context);
        sink.prompt({ ...event.prompt, version });
      } else if (event.type === "experts") {
        const room = sink.experts(event.bytes);
        if (room !== null) await room;
      } else if (event.type === "experts_head") {
        sink.expertsHead(event.head);
      } else {
        const { versions } = event;
        if (versions !== null) {
          sink.versions(versions.map((run) => ({ ...run, held: heldFor(run, context) })));
        }
        return event;
      }
    }
  } finally {
    watchdog.stop();
  }
  signal.throwIfAborted();
  throw new PacelineError("engine_error", "the engine's stream ended without a finish");
}

/** Engines tell the version of what may be replaced beneath a request: of an adapter's, its base's. */
function heldFor(chunk: Pick<TokenChunk, "version">, context: AttemptContext): HeldVersion {
  const { granted } = context;
  const below = replaceable(granted);
  if (chunk.version === null || chunk.version === below.version) return granted;
  const held = context.proved(below.policy, chunk.version);
  if (held) return granted.base === undefined ? held : { ...granted, base: held };
  throw new PacelineError(
    "engine_error",
    `tokens claim version ${chunk.version}, which was never proven here`,
    {
      details: { misversioned: true, version: chunk.version },
    },
  );
}

/** A stream is silent after `stuckMs` without an event. One timer a window, no work per event. */
function createWatchdog(context: AttemptContext): { seen(): void; stop(): void } {
  const { clock, stuckMs } = context;
  let seenInWindow = false;
  let windows = 0;
  let timer: Timer;
  const arm = (): void => {
    timer = clock.timer(stuckMs, () => {
      windows = !seenInWindow && context.silent(windows + 1) ? windows + 1 : 0;
      seenInWindow = false;
      arm();
    });
  };
  arm();
  return {
    seen: () => {
      seenInWindow = true;
    },
    stop: () => timer.cancel(),
  };
}
