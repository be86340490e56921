/** From `GenerateResponse`s to engine events: deltas as they come, then all of it once more, held against what was told. */
import type { trtllm } from "../../../proto/gen/trtllm.js";
import { PacelineError } from "../../../server/contract/errors.ts";
import type { BodyFacts } from "../../completions/body.ts";
import { brokenBy, type Chunk, chunkTaker } from "../../completions/response.ts";
import type { EngineEvent, EngineRequest } from "../../engine.ts";
import { shown } from "../../http/shown.ts";

const ENGINE = "TensorRT-LLM";
const WIRE = { engine: ENGINE, aborted: ["cancelled"] };

type Logprobs = readonly trtllm.TokenLogprob.$Properties[];

export class ReplyReader {
  readonly #request: EngineRequest;
  readonly #taker: ReturnType<typeof chunkTaker>;
  readonly #vocabSize: number;
  readonly #told: number[] = [];

  constructor(
    request: EngineRequest,
    { vocabSize }: Pick<BodyFacts, "vocabSize">,
    emit: (event: EngineEvent) => void,
  ) {
    this.#request = request;
    this.#vocabSize = vocabSize;
    this.#taker = chunkTaker(request, WIRE, emit);
  }

  push({ request_id: id, chunk, complete }: trtllm.GenerateResponse): void {
    if (id !== this.#request.requestId) throw brokenBy(ENGINE, `an answer to ${shown(id)}`);
    if (chunk) this.#chunk(chunk);
    else if (complete) this.#complete(complete);
    else throw brokenBy(ENGINE, "neither a chunk nor the end");
  }

  end(): void {
    this.#taker.done();
  }

  #chunk({
    token_ids,
    logprobs,
    sequence_index,
    cached_tokens,
  }: trtllm.GenerateStreamChunk.$Properties): void {
    const ids = token_ids ?? [];
    assertOne(sequence_index);
    this.#told.push(...ids);
    this.#take(ids, logprobs ?? [], cached_tokens ?? 0, null, null, null);
  }

  #complete(complete: trtllm.GenerateComplete.$Properties): void {
    const all = complete.output_token_ids ?? [];
    const scores = complete.logprobs ?? [];
    const told = this.#told.length;
    assertOne(complete.sequence_index);
    // Deltas carry no position: this is what tells of one that was lost, came twice or out of turn.
    if (told > all.length || this.#told.some((id, at) => all[at] !== id)) {
      throw new PacelineError("misaligned", `${ENGINE} told other tokens than it ends with`, {
        details: { doubtful: true, told, made: all.length },
      });
    }
    const rest = all.slice(told);
    // Scores come with their deltas, or here for all.
    const restScores =
      scores.length === all.length ? scores.slice(told) : rest.length === 0 ? [] : scores;
    const stop = complete.matched_token_id ?? complete.matched_stop_str ?? null;
    this.#take(
      rest,
      restScores,
      complete.cached_tokens ?? 0,
      complete.finish_reason ?? "",
      stop,
      complete.completion_tokens ?? 0,
    );
  }

  #take(
    ids: readonly number[],
    scores: Logprobs,
    cachedTokens: number,
    finish: string | null,
    stopReason: Chunk["stopReason"],
    made: number | null,
  ): void {
    const strange = ids.find((id) => id >= this.#vocabSize);
    if (strange !== undefined) throw brokenBy(ENGINE, `token ${strange}`);
    // One that is absent is 0 on this wire, and cannot be told from certainty.
    if (scores.some(({ logprob }) => Number.isNaN(logprob))) {
      throw new PacelineError("misaligned", `${ENGINE}: NaN for a logprob`);
    }
    const pairs = scores.every(({ token_id }, at) => token_id === ids[at]);
    if (!pairs) throw new PacelineError("misaligned", `${ENGINE}: logprobs of other tokens`);
    this.#taker.take({
      ids,
      logprobs: scores.map(({ logprob }) => logprob ?? 0),
      finishReason: finish === "stop_word" ? "stop" : finish,
      stopReason,
      cachedTokens,
      made,
    });
  }
}

function assertOne(sequence: number | null | undefined): void {
  if (sequence) throw brokenBy(ENGINE, `sequence ${sequence} of the one that was asked for`);
}
