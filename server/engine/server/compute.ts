/** Entry of the compute thread: makes the core, then runs its loop. A throw in here ends the process. */
import { parentPort, workerData } from "node:worker_threads";
import { PacelineError } from "../../contract/errors.ts";
import { liveClock } from "../../live-clock.ts";
import type { Core } from "../core.ts";
import { type ComputePort, createComputeLoop } from "./compute-loop.ts";
import { createFaults } from "./faults.ts";
import type { ComputeData, FromCompute, ToCompute } from "./messages.ts";
import type { CoreOptions } from "./options.ts";

async function createCore(options: CoreOptions): Promise<Core> {
  if (options.kind === "simulated") {
    const { createSimulatedCore } = await import("../simulated-core.ts");
    const { kvTokens, maxRunning, simulated } = options;
    return createSimulatedCore({ kvTokens, maxRunning, model: simulated ?? {} });
  }
  const { directory, kvTokens, maxRunning } = options;
  if (directory === undefined) {
    throw new PacelineError("invalid_argument", "an embedded engine needs a model directory", {
      details: { path: "directory" },
    });
  }
  const { createModelCore } = await import("../model-core.ts");
  return createModelCore({ directory, kvTokens, maxRunning });
}

function exit(): never {
  // Ends this thread only; the HTTP thread ends the process when it sees that.
  process.exit(1);
}

function freeze(): never {
  const never = new Int32Array(new SharedArrayBuffer(4));
  for (;;) Atomics.wait(never, 0, 0);
}

async function main(data: ComputeData): Promise<void> {
  const port = parentPort;
  if (port === null) throw new PacelineError("internal", "compute.ts runs as a worker thread only");
  const post = (message: FromCompute): void =>
    port.postMessage(message, message.type === "batch" ? [message.bytes] : []);
  let core: Core;
  try {
    core = await createCore(data.options);
  } catch (error) {
    post({ type: "failed", error: PacelineError.from(error).toBody() });
    return;
  }
  let posted = 0;
  const compute: ComputePort = {
    post(message) {
      if (message.type === "batch") posted += 1;
      post(message);
    },
    get untaken() {
      return (posted - Atomics.load(data.taken, 0)) | 0;
    },
    afterTaken(seen, then) {
      // Against what was seen, not what is there by now: all of it may have been taken in between.
      const wait = Atomics.waitAsync(data.taken, 0, (posted - seen) | 0);
      if (wait.async) void wait.value.then(then);
      else setImmediate(then);
    },
    soon: (then) => void setImmediate(then),
  };
  const faulty = data.options.faults ?? data.options.kind === "simulated";
  const faults = faulty ? createFaults(exit, freeze) : null;
  const loop = createComputeLoop(core, compute, liveClock, faults);
  port.on("message", (message: ToCompute) => loop.handle(message));
  post({ type: "ready", info: core.info });
}

await main(workerData as ComputeData);
