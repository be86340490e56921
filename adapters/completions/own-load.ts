/** Counts of what we ourselves have asked of an engine, for those that do not tell them. */
import type { EngineEvent, EngineRequest } from "../engine.ts";

export class OwnLoad {
  running = 0;
  outputTokens = 0;
  prefillTokens = 0;
  /** Of contexts that run. */
  kvTokens = 0;

  /** The same events, counted. */
  async *counted(
    request: EngineRequest,
    events: AsyncIterable<EngineEvent>,
  ): AsyncGenerator<EngineEvent, void> {
    this.running += 1;
    let held = 0;
    const hold = (tokens: number): void => {
      held += tokens;
      this.kvTokens += tokens;
    };
    try {
      for await (const event of events) {
        if (event.type === "tokens") {
          this.outputTokens += event.chunk.ids.length;
          hold(event.chunk.ids.length);
        }
        if (event.type === "started") {
          const prompt = request.promptTokenIds.length + request.outputTokenIds.length;
          this.prefillTokens += Math.max(0, prompt - event.cachedTokens);
          hold(prompt);
        }
        yield event;
      }
    } finally {
      this.running -= 1;
      this.kvTokens -= held;
    }
  }
}
