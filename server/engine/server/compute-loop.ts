/**
 * Owns a core on the compute thread: steps it while there is work, and handles one message at a time
 * between two steps, so that a pause, an abort or a swap takes effect there and nowhere else.
 *
 * Never runs ahead of the HTTP thread by more than `WINDOW` batches: beyond it, no step is made.
 */
import type { TelemetryBody } from "../../../adapters/embedded/wire.ts";
import type { Clock } from "../../contract/clock.ts";
import { PacelineError } from "../../contract/errors.ts";
import type { FinishReason } from "../../contract/rollout.ts";
import type { Core, CoreEvent, CoreRequest } from "../core.ts";
import type { Faults } from "./faults.ts";
import type {
  ComputeAnswer,
  ComputeCall,
  ComputeState,
  FromCompute,
  ToCompute,
} from "./messages.ts";
import { Outbox } from "./outbox.ts";
import { ReplyStream } from "./reply-stream.ts";

/** Batches on the way; one is a few microseconds of work for the HTTP thread. */
const WINDOW = 32;

/** A core that models time may catch up this many milliseconds of steps at once: a busy machine wakes this thread that late, and no GPU waits for it. */
const CATCH_UP_MS = 250;

export interface ComputePort {
  post(message: FromCompute): void;
  /** Batches that the HTTP thread has not taken yet. */
  readonly untaken: number;
  /** Calls `then` once, when `untaken` is no longer what it was seen to be. */
  afterTaken(seen: number, then: () => void): void;
  /** Runs `then` after messages that wait now have been handled. */
  soon(then: () => void): void;
}

export interface ComputeLoop {
  handle(message: ToCompute): void;
}

/** `faults` is null where the engine takes none. */
export function createComputeLoop(
  bare: Core,
  port: ComputePort,
  clock: Clock,
  faults: Faults | null,
): ComputeLoop {
  const core = faults === null ? bare : faults.around(bare);
  const outbox = new Outbox();
  const byHandle = new Map<number, ReplyStream>();
  const byRequest = new Map<string, ReplyStream>();
  let paused = false;
  let asleep = false;
  let scheduled = false;
  /** Clock time at which the next step of a core that models time ends. */
  let due = 0;

  function wake(): void {
    if (scheduled || paused || !core.busy) return;
    scheduled = true;
    const { untaken } = port;
    if (untaken >= WINDOW) {
      port.afterTaken(untaken, () => {
        scheduled = false;
        wake();
      });
      return;
    }
    const delay = core.stepDelayMs;
    if (delay === 0) {
      port.soon(step);
      return;
    }
    due = Math.max(due, clock.now() - CATCH_UP_MS) + delay;
    const wait = due - clock.now();
    if (wait < 1) port.soon(step);
    else clock.timer(wait, step);
  }

  function step(): void {
    scheduled = false;
    if (paused) return;
    for (const event of core.step()) deliver(event);
    send();
    wake();
  }

  function deliver(event: CoreEvent): void {
    const stream = byRequest.get(event.id);
    if (stream === undefined) return;
    switch (event.type) {
      case "tokens":
        stream.tokens(event);
        // Only a fault ends a reply here.
        if (stream.over) {
          core.abort(event.id);
          forget(stream);
        }
        break;
      case "started":
        stream.started(event.cachedTokens);
        break;
      case "prompt":
        stream.prompt(event.start, event.logprobs, event.version);
        break;
      case "experts":
        stream.experts(event.head, event.bytes);
        break;
      case "failed":
        stream.failed(event.error);
        byRequest.delete(event.id);
        if (stream.over) forget(stream);
        break;
      case "finished":
        end(stream, event.reason, event.cachedTokens);
        break;
    }
  }

  function send(): void {
    const batch = outbox.take();
    if (batch !== null) port.post(batch);
  }

  function end(stream: ReplyStream, reason: FinishReason, cachedTokens: number): void {
    stream.finished(reason, cachedTokens);
    byRequest.delete(stream.requestId);
    // A held or hanging reply lives on until its reader takes it or leaves.
    if (stream.over) forget(stream);
  }

  function forget(stream: ReplyStream): void {
    byHandle.delete(stream.handle);
    byRequest.delete(stream.requestId);
  }

  function add(message: Extract<ToCompute, { type: "add" }>): void {
    const { handle, policy, request, streamInterval } = message;
    try {
      if (byRequest.has(request.id)) {
        throw new PacelineError("conflict", `request ${request.id} is running`);
      }
      if (asleep) throw new PacelineError("engine_error", "the engine sleeps");
      const held = core.held;
      if (held === null || held.policy !== policy) {
        throw new PacelineError("version_unavailable", `the engine holds no version of ${policy}`, {
          details: { held: held === null ? null : held.policy },
        });
      }
      assertExperts(core, request);
      const fault = faults === null ? null : faults.forRequest();
      core.add(request);
      const stream = new ReplyStream(handle, request.id, streamInterval, outbox, fault);
      byHandle.set(handle, stream);
      byRequest.set(request.id, stream);
    } catch (error) {
      port.post({ type: "refused", handle, error: PacelineError.from(error).toBody() });
    }
  }

  function abort(stream: ReplyStream, cause: "client" | "drain"): void {
    core.abort(stream.requestId);
    end(stream, { type: "abort", cause, matched: null }, stream.cachedTokens);
  }

  function pause(mode: "keep" | "retract" | "abort"): void {
    paused = true;
    if (mode === "retract") core.retract();
    if (mode === "abort") for (const stream of [...byRequest.values()]) abort(stream, "drain");
    // What exists is told before the weights may change.
    else for (const stream of byRequest.values()) stream.cut();
  }

  /** There is no memory to give back to the machine: what an embedded engine's sleep frees is its KV. */
  function sleep(): void {
    for (const stream of [...byRequest.values()]) abort(stream, "drain");
    core.flush();
    asleep = true;
  }

  const state = (): ComputeState => ({ paused, asleep, held: core.held });

  function answer(body: ComputeCall): ComputeAnswer {
    switch (body.kind) {
      case "info":
        return state();
      case "telemetry":
        return telemetry(core);
      case "abort": {
        const stream = byRequest.get(body.requestId);
        if (stream !== undefined) abort(stream, "client");
        return { aborted: stream !== undefined };
      }
      case "pause":
        pause(body.mode);
        return state();
      case "resume":
        paused = false;
        due = clock.now();
        return state();
      case "flush":
        core.flush();
        return {};
      case "dropCache":
        core.dropCache(body.namespace);
        return {};
      case "sleep":
        sleep();
        return state();
      case "wake":
        asleep = false;
        return state();
      case "stage":
        return core.stage(body);
      case "swap": {
        const { digest, load } = core.swap(body);
        return { digest, load };
      }
      case "discard":
        core.discard(body);
        return {};
      case "load":
        return core.load(body);
      case "relabel":
        return core.relabel(body);
      case "fault":
        if (faults === null) throw new PacelineError("unsupported", "this engine takes no faults");
        faults.arm(body.fault);
        return {};
    }
  }

  function call(id: number, body: ComputeCall): void {
    let reply: FromCompute;
    try {
      reply = { type: "answer", call: id, answer: answer(body) };
    } catch (error) {
      reply = { type: "call_failed", call: id, error: PacelineError.from(error).toBody() };
    }
    // The frames that a call made (an abort's finish) go before its answer.
    send();
    port.post(reply);
  }

  return {
    handle(message) {
      // Time that passed without work is not caught up.
      if (!core.busy) due = clock.now();
      switch (message.type) {
        case "add":
          add(message);
          break;
        case "call":
          call(message.call, message.body);
          break;
        default: {
          const stream = byHandle.get(message.handle);
          if (stream === undefined) return;
          if (message.type === "hold") stream.hold();
          else if (message.type === "flow") {
            stream.flow();
            if (stream.over) forget(stream);
          } else {
            if (byRequest.get(stream.requestId) === stream) core.abort(stream.requestId);
            forget(stream);
          }
          send();
        }
      }
      wake();
    },
  };
}

/** Throws `unsupported` of a dense model. */
function assertExperts({ info }: Core, { side }: CoreRequest): void {
  if (side?.routedExperts == null || info.routedExperts === true) return;
  throw new PacelineError("unsupported", `${info.model} is a dense model: it has no experts`, {
    details: { path: "want.routed_experts" },
  });
}

function telemetry(core: Core): TelemetryBody {
  const { running, waiting, kvUsedTokens, kvTotalTokens, outputTokens, prefillTokens, steps } =
    core.stats();
  return {
    running,
    waiting,
    kv_used_tokens: kvUsedTokens,
    kv_total_tokens: kvTotalTokens,
    output_tokens: outputTokens,
    prefill_tokens: prefillTokens,
    steps,
  };
}
