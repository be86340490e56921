/** Bytes of this process's heap that something refers to. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

export function collectedHeap(): number {
  collect();
  return process.memoryUsage().heapUsed;
}
