/** Who reads the replies of a call, or takes nothing and is cut. */
import { constants, type ServerHttp2Stream } from "node:http2";
import { Duplex } from "node:stream";
import type { ServerInterceptor } from "@grpc/grpc-js";
import type { Reader } from "../slow-readers.ts";

export class CallReader implements Reader {
  /** Messages sent: grpc-js sends one only when the one before has been taken. */
  taken = 0;
  readonly #stream: ServerHttp2Stream;

  constructor(call: Parameters<ServerInterceptor>[1], closed: (reader: CallReader) => void) {
    // grpc-js can only end a call behind all that waits; what resets its stream it keeps to itself.
    const stream: unknown = Reflect.get(call, "stream");
    if (!isStream(stream)) throw new Error("this grpc-js keeps a call's stream elsewhere");
    this.#stream = stream;
    stream.once("close", () => closed(this));
  }

  get waiting(): number {
    return this.#stream.writableLength;
  }

  /** The client sees RESOURCE_EXHAUSTED, which is what gRPC makes of this reset. */
  cut(): void {
    this.#stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
}

const isStream = (value: unknown): value is ServerHttp2Stream =>
  value instanceof Duplex && "pushStream" in value;
