/**
 * Calls of `paceline.v1` that this release does not serve, of whatever service and method, are answered
 * UNIMPLEMENTED with the typed error. grpc-js (1.14.7) answers unknown methods by itself, untyped, and
 * has no hook for it: so its lookup of handlers is wrapped.
 */
import type { Server, ServerDuplexStream } from "@grpc/grpc-js";
import { PacelineError } from "../../contract/errors.ts";
import { statusOf } from "./error-status.ts";

const PACKAGE = "/paceline.v1.";
const LOOKUP = "_retrieveHandler";

/** `failed` is told of each such call. Other packages' calls stay with grpc-js. */
export function answerUnserved(server: Server, failed: (error: PacelineError) => void): void {
  const lookup: unknown = Reflect.get(server, LOOKUP);
  if (typeof lookup !== "function") {
    throw new PacelineError("internal", `this grpc-js has no ${LOOKUP}: see unserved.ts`);
  }
  const value = (path: string): unknown =>
    lookup.call(server, path) ?? (path.startsWith(PACKAGE) ? unserved(path, failed) : null);
  Object.defineProperty(server, LOOKUP, { value });
}

/** As grpc-js keeps handlers; ends the call before it reads a message, however many either side would send. */
function unserved(path: string, failed: (error: PacelineError) => void) {
  return {
    type: "bidi",
    path,
    deserialize: (bytes: Buffer): Buffer => bytes,
    serialize: (bytes: Buffer): Buffer => bytes,
    func(call: ServerDuplexStream<Buffer, Buffer>): void {
      const name = path.slice(PACKAGE.length).replace("/", ".");
      const error = new PacelineError(
        "unimplemented",
        `${name} is not served over gRPC in this release; HTTP may have it`,
      );
      call.emit("error", statusOf(error));
      failed(error);
    },
  };
}
