/** Asks a process started with `--inspect=127.0.0.1:0` for its memory, over the inspector's web socket. */
import { z } from "zod";

/** Of `process.memoryUsage()`, in MB. */
export interface Memory {
  readonly rss: number;
  readonly heapTotal: number;
  readonly heapUsed: number;
  /** Outside the heap and owned by objects in it, array buffers included. */
  readonly external: number;
  readonly arrayBuffers: number;
}

const megabytes = z.number().transform((bytes) => bytes / 1024 / 1024);
const memorySchema = z.object({
  rss: megabytes,
  heapTotal: megabytes,
  heapUsed: megabytes,
  external: megabytes,
  arrayBuffers: megabytes,
});
const replySchema = z.object({
  id: z.number().optional(),
  result: z.object({ result: z.object({ value: z.string() }).optional() }).optional(),
});

export class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (value: string) => void>();
  #asked = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const { id, result } = replySchema.parse(JSON.parse(String(data)));
      if (id === undefined) return;
      this.#waiting.get(id)?.(result?.result?.value ?? "");
      this.#waiting.delete(id);
    });
  }

  static async open(url: string): Promise<Inspector> {
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", () => reject(new Error(`no inspector at ${url}`)));
    });
    return new Inspector(socket);
  }

  async memory(): Promise<Memory> {
    const expression = "JSON.stringify(process.memoryUsage())";
    return memorySchema.parse(JSON.parse(await this.#ask("Runtime.evaluate", { expression })));
  }

  async collectGarbage(): Promise<void> {
    await this.#ask("HeapProfiler.collectGarbage", {});
  }

  close(): void {
    this.#socket.close();
  }

  #ask(method: string, params: object): Promise<string> {
    const id = ++this.#asked;
    const answer = new Promise<string>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.send(JSON.stringify({ id, method, params }));
    return answer;
  }
}
