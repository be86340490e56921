// Made by tools/generate-proto.ts from proto/; not edited.
import * as $protobuf from "protobufjs";
import Long = require("long");

export namespace trtllm {

    interface IGenerateRequest extends trtllm.GenerateRequest.$Properties {
    }

    class GenerateRequest {
        constructor(properties?: trtllm.GenerateRequest.$Properties);
        $unknowns?: Uint8Array[];
        request_id: string;
        tokenized?: (trtllm.TokenizedInput.$Properties|null);
        sampling_config?: (trtllm.SamplingConfig.$Properties|null);
        output_config?: (trtllm.OutputConfig.$Properties|null);
        max_tokens: number;
        streaming: boolean;
        cache_salt_id?: (number|Long|null);
        stop_token_ids: number[];
        ignore_eos: boolean;
        bad_token_ids: number[];
        include_stop_token_in_output: boolean;
        static create(properties: trtllm.GenerateRequest.$Shape): trtllm.GenerateRequest & trtllm.GenerateRequest.$Shape;
        static create(properties?: trtllm.GenerateRequest.$Properties): trtllm.GenerateRequest;
        static encode(message: trtllm.GenerateRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): trtllm.GenerateRequest & trtllm.GenerateRequest.$Shape;
    }

    namespace GenerateRequest {
        interface $Properties {
            request_id?: (string|null);
            tokenized?: (trtllm.TokenizedInput.$Properties|null);
            sampling_config?: (trtllm.SamplingConfig.$Properties|null);
            output_config?: (trtllm.OutputConfig.$Properties|null);
            max_tokens?: (number|null);
            streaming?: (boolean|null);
            cache_salt_id?: (number|Long|null);
            stop_token_ids?: (number[]|null);
            ignore_eos?: (boolean|null);
            bad_token_ids?: (number[]|null);
            include_stop_token_in_output?: (boolean|null);
            $unknowns?: Uint8Array[];
        }
        type $Shape = trtllm.GenerateRequest.$Properties;
    }

    interface ITokenizedInput extends trtllm.TokenizedInput.$Properties {
    }

    class TokenizedInput {
        constructor(properties?: trtllm.TokenizedInput.$Properties);
        $unknowns?: Uint8Array[];
        input_token_ids: number[];
        static create(properties: trtllm.TokenizedInput.$Shape): trtllm.TokenizedInput & trtllm.TokenizedInput.$Shape;
        static create(properties?: trtllm.TokenizedInput.$Properties): trtllm.TokenizedInput;
        static encode(message: trtllm.TokenizedInput.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): trtllm.TokenizedInput & trtllm.TokenizedInput.$Shape;
    }

    namespace TokenizedInput {
        interface $Properties {
            input_token_ids?: (number[]|null);
            $unknowns?: Uint8Array[];
        }
        type $Shape = trtllm.TokenizedInput.$Properties;
    }

    interface ISamplingConfig extends trtllm.SamplingConfig.$Properties {
    }

    class SamplingConfig {
        constructor(properties?: trtllm.SamplingConfig.$Properties);
        $unknowns?: Uint8Array[];
        beam_width: number;
        num_return_sequences: number;
        top_k?: (number|null);
        top_p?: (number|null);
        seed?: (number|Long|null);
        temperature?: (number|null);
        min_tokens?: (number|null);
        repetition_penalty?: (number|null);
        presence_penalty?: (number|null);
        frequency_penalty?: (number|null);
        min_p?: (number|null);
        static create(properties: trtllm.SamplingConfig.$Shape): trtllm.SamplingConfig & trtllm.SamplingConfig.$Shape;
        static create(properties?: trtllm.SamplingConfig.$Properties): trtllm.SamplingConfig;
        static encode(message: trtllm.SamplingConfig.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): trtllm.SamplingConfig & trtllm.SamplingConfig.$Shape;
    }

    namespace SamplingConfig {
        interface $Properties {
            beam_width?: (number|null);
            num_return_sequences?: (number|null);
            top_k?: (number|null);
            top_p?: (number|null);
            seed?: (number|Long|null);
            temperature?: (number|null);
            min_tokens?: (number|null);
            repetition_penalty?: (number|null);
            presence_penalty?: (number|null);
            frequency_penalty?: (number|null);
            min_p?: (number|null);
            $unknowns?: Uint8Array[];
        }
        type $Shape = trtllm.SamplingConfig.$Properties;
    }

    interface IOutputConfig extends trtllm.OutputConfig.$Properties {
    }

    class OutputConfig {
        constructor(properties?: trtllm.OutputConfig.$Properties);
        $unknowns?: Uint8Array[];
        logprobs?: (number|null);
        exclude_input_from_output: boolean;
        static create(properties: trtllm.OutputConfig.$Shape): trtllm.OutputConfig & trtllm.OutputConfig.$Shape;
        static create(properties?: trtllm.OutputConfig.$Properties): trtllm.OutputConfig;
        static encode(message: trtllm.OutputConfig.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): trtllm.OutputConfig & trtllm.OutputConfig.$Shape;
    }

    namespace OutputConfig {
        interface $Properties {
            logprobs?: (number|null);
            exclude_input_from_output?: (boolean|null);
            $unknowns?: Uint8Array[];
        }
        type $Shape = trtllm.OutputConfig.$Properties;
    }

    interface IGenerateResponse extends trtllm.GenerateResponse.$Properties {
    }

    class GenerateResponse {
        constructor(properties?: trtllm.GenerateResponse.$Properties);
        $unknowns?: Uint8Array[];
        request_id: string;
        chunk?: (trtllm.GenerateStreamChunk.$Properties|null);
        complete?: (trtllm.GenerateComplete.$Properties|null);
        response?: ("chunk"|"complete");
        static create(properties: trtllm.GenerateResponse.$Shape): trtllm.GenerateResponse & trtllm.GenerateResponse.$Shape;
        static create(properties?: trtllm.GenerateResponse.$Properties): trtllm.GenerateResponse;
        static encode(message: trtllm.GenerateResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): trtllm.GenerateResponse & trtllm.GenerateResponse.$Shape;
    }

    namespace GenerateResponse {
        interface $Properties {
            request_id?: (string|null);
            chunk?: (trtllm.GenerateStreamChunk.$Properties|null);
            complete?: (trtllm.GenerateComplete.$Properties|null);
            response?: ("chunk"|"complete");
            $unknowns?: Uint8Array[];
        }
        type $Shape = {
          request_id?: string|null;
          chunk?: trtllm.GenerateStreamChunk.$Shape|null;
          complete?: trtllm.GenerateComplete.$Shape|null;
          $unknowns?: Uint8Array[];
        } & (
          ({ response?: undefined; chunk?: null; complete?: null }|{ response?: "chunk"; chunk: trtllm.GenerateStreamChunk.$Shape; complete?: null }|{ response?: "complete"; chunk?: null; complete: trtllm.GenerateComplete.$Shape })
        );
    }

    interface IGenerateStreamChunk extends trtllm.GenerateStreamChunk.$Properties {
    }

    class GenerateStreamChunk {
        constructor(properties?: trtllm.GenerateStreamChunk.$Properties);
        $unknowns?: Uint8Array[];
        token_ids: number[];
        sequence_index: number;
        prompt_tokens: number;
        completion_tokens: number;
        cached_tokens: number;
        logprobs: trtllm.TokenLogprob.$Properties[];
        static create(properties: trtllm.GenerateStreamChunk.$Shape): trtllm.GenerateStreamChunk & trtllm.GenerateStreamChunk.$Shape;
        static create(properties?: trtllm.GenerateStreamChunk.$Properties): trtllm.GenerateStreamChunk;
        static encode(message: trtllm.GenerateStreamChunk.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): trtllm.GenerateStreamChunk & trtllm.GenerateStreamChunk.$Shape;
    }

    namespace GenerateStreamChunk {
        interface $Properties {
            token_ids?: (number[]|null);
            sequence_index?: (number|null);
            prompt_tokens?: (number|null);
            completion_tokens?: (number|null);
            cached_tokens?: (number|null);
            logprobs?: (trtllm.TokenLogprob.$Properties[]|null);
            $unknowns?: Uint8Array[];
        }
        type $Shape = trtllm.GenerateStreamChunk.$Properties;
    }

    interface IGenerateComplete extends trtllm.GenerateComplete.$Properties {
    }

    class GenerateComplete {
        constructor(properties?: trtllm.GenerateComplete.$Properties);
        $unknowns?: Uint8Array[];
        output_token_ids: number[];
        sequence_index: number;
        finish_reason: string;
        matched_stop_str?: (string|null);
        matched_token_id?: (number|null);
        prompt_tokens: number;
        completion_tokens: number;
        cached_tokens: number;
        logprobs: trtllm.TokenLogprob.$Properties[];
        matched_stop?: ("matched_stop_str"|"matched_token_id");
        static create(properties: trtllm.GenerateComplete.$Shape): trtllm.GenerateComplete & trtllm.GenerateComplete.$Shape;
        static create(properties?: trtllm.GenerateComplete.$Properties): trtllm.GenerateComplete;
        static encode(message: trtllm.GenerateComplete.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): trtllm.GenerateComplete & trtllm.GenerateComplete.$Shape;
    }

    namespace GenerateComplete {
        interface $Properties {
            output_token_ids?: (number[]|null);
            sequence_index?: (number|null);
            finish_reason?: (string|null);
            matched_stop_str?: (string|null);
            matched_token_id?: (number|null);
            prompt_tokens?: (number|null);
            completion_tokens?: (number|null);
            cached_tokens?: (number|null);
            logprobs?: (trtllm.TokenLogprob.$Properties[]|null);
            matched_stop?: ("matched_stop_str"|"matched_token_id");
            $unknowns?: Uint8Array[];
        }
        type $Shape = {
          output_token_ids?: number[]|null;
          sequence_index?: number|null;
          finish_reason?: string|null;
          matched_stop_str?: string|null;
          matched_token_id?: number|null;
          prompt_tokens?: number|null;
          completion_tokens?: number|null;
          cached_tokens?: number|null;
          logprobs?: trtllm.TokenLogprob.$Shape[]|null;
          $unknowns?: Uint8Array[];
        } & (
          ({ matched_stop?: undefined; matched_stop_str?: null; matched_token_id?: null }|{ matched_stop?: "matched_stop_str"; matched_stop_str: string; matched_token_id?: null }|{ matched_stop?: "matched_token_id"; matched_stop_str?: null; matched_token_id: number })
        );
    }

    interface ITokenLogprob extends trtllm.TokenLogprob.$Properties {
    }

    class TokenLogprob {
        constructor(properties?: trtllm.TokenLogprob.$Properties);
        $unknowns?: Uint8Array[];
        token_id: number;
        logprob: number;
        static create(properties: trtllm.TokenLogprob.$Shape): trtllm.TokenLogprob & trtllm.TokenLogprob.$Shape;
        static create(properties?: trtllm.TokenLogprob.$Properties): trtllm.TokenLogprob;
        static encode(message: trtllm.TokenLogprob.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): trtllm.TokenLogprob & trtllm.TokenLogprob.$Shape;
    }

    namespace TokenLogprob {
        interface $Properties {
            token_id?: (number|null);
            logprob?: (number|null);
            $unknowns?: Uint8Array[];
        }
        type $Shape = trtllm.TokenLogprob.$Properties;
    }

    interface IHealthCheckRequest extends trtllm.HealthCheckRequest.$Properties {
    }

    class HealthCheckRequest {
        constructor(properties?: trtllm.HealthCheckRequest.$Properties);
        $unknowns?: Uint8Array[];
        static create(properties: trtllm.HealthCheckRequest.$Shape): trtllm.HealthCheckRequest & trtllm.HealthCheckRequest.$Shape;
        static create(properties?: trtllm.HealthCheckRequest.$Properties): trtllm.HealthCheckRequest;
        static encode(message: trtllm.HealthCheckRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): trtllm.HealthCheckRequest & trtllm.HealthCheckRequest.$Shape;
    }

    namespace HealthCheckRequest {
        interface $Properties {
            $unknowns?: Uint8Array[];
        }
        type $Shape = trtllm.HealthCheckRequest.$Properties;
    }

    interface IHealthCheckResponse extends trtllm.HealthCheckResponse.$Properties {
    }

    class HealthCheckResponse {
        constructor(properties?: trtllm.HealthCheckResponse.$Properties);
        $unknowns?: Uint8Array[];
        status: string;
        static create(properties: trtllm.HealthCheckResponse.$Shape): trtllm.HealthCheckResponse & trtllm.HealthCheckResponse.$Shape;
        static create(properties?: trtllm.HealthCheckResponse.$Properties): trtllm.HealthCheckResponse;
        static encode(message: trtllm.HealthCheckResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): trtllm.HealthCheckResponse & trtllm.HealthCheckResponse.$Shape;
    }

    namespace HealthCheckResponse {
        interface $Properties {
            status?: (string|null);
            $unknowns?: Uint8Array[];
        }
        type $Shape = trtllm.HealthCheckResponse.$Properties;
    }

    interface IAbortRequest extends trtllm.AbortRequest.$Properties {
    }

    class AbortRequest {
        constructor(properties?: trtllm.AbortRequest.$Properties);
        $unknowns?: Uint8Array[];
        request_id: string;
        static create(properties: trtllm.AbortRequest.$Shape): trtllm.AbortRequest & trtllm.AbortRequest.$Shape;
        static create(properties?: trtllm.AbortRequest.$Properties): trtllm.AbortRequest;
        static encode(message: trtllm.AbortRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): trtllm.AbortRequest & trtllm.AbortRequest.$Shape;
    }

    namespace AbortRequest {
        interface $Properties {
            request_id?: (string|null);
            $unknowns?: Uint8Array[];
        }
        type $Shape = trtllm.AbortRequest.$Properties;
    }

    interface IAbortResponse extends trtllm.AbortResponse.$Properties {
    }

    class AbortResponse {
        constructor(properties?: trtllm.AbortResponse.$Properties);
        $unknowns?: Uint8Array[];
        success: boolean;
        message: string;
        static create(properties: trtllm.AbortResponse.$Shape): trtllm.AbortResponse & trtllm.AbortResponse.$Shape;
        static create(properties?: trtllm.AbortResponse.$Properties): trtllm.AbortResponse;
        static encode(message: trtllm.AbortResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): trtllm.AbortResponse & trtllm.AbortResponse.$Shape;
    }

    namespace AbortResponse {
        interface $Properties {
            success?: (boolean|null);
            message?: (string|null);
            $unknowns?: Uint8Array[];
        }
        type $Shape = trtllm.AbortResponse.$Properties;
    }

    interface IGetModelInfoRequest extends trtllm.GetModelInfoRequest.$Properties {
    }

    class GetModelInfoRequest {
        constructor(properties?: trtllm.GetModelInfoRequest.$Properties);
        $unknowns?: Uint8Array[];
        static create(properties: trtllm.GetModelInfoRequest.$Shape): trtllm.GetModelInfoRequest & trtllm.GetModelInfoRequest.$Shape;
        static create(properties?: trtllm.GetModelInfoRequest.$Properties): trtllm.GetModelInfoRequest;
        static encode(message: trtllm.GetModelInfoRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): trtllm.GetModelInfoRequest & trtllm.GetModelInfoRequest.$Shape;
    }

    namespace GetModelInfoRequest {
        interface $Properties {
            $unknowns?: Uint8Array[];
        }
        type $Shape = trtllm.GetModelInfoRequest.$Properties;
    }

    interface IGetModelInfoResponse extends trtllm.GetModelInfoResponse.$Properties {
    }

    class GetModelInfoResponse {
        constructor(properties?: trtllm.GetModelInfoResponse.$Properties);
        $unknowns?: Uint8Array[];
        model_id: string;
        max_input_len: number;
        max_seq_len: number;
        max_batch_size: number;
        vocab_size: number;
        static create(properties: trtllm.GetModelInfoResponse.$Shape): trtllm.GetModelInfoResponse & trtllm.GetModelInfoResponse.$Shape;
        static create(properties?: trtllm.GetModelInfoResponse.$Properties): trtllm.GetModelInfoResponse;
        static encode(message: trtllm.GetModelInfoResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): trtllm.GetModelInfoResponse & trtllm.GetModelInfoResponse.$Shape;
    }

    namespace GetModelInfoResponse {
        interface $Properties {
            model_id?: (string|null);
            max_input_len?: (number|null);
            max_seq_len?: (number|null);
            max_batch_size?: (number|null);
            vocab_size?: (number|null);
            $unknowns?: Uint8Array[];
        }
        type $Shape = trtllm.GetModelInfoResponse.$Properties;
    }

    interface IGetServerInfoRequest extends trtllm.GetServerInfoRequest.$Properties {
    }

    class GetServerInfoRequest {
        constructor(properties?: trtllm.GetServerInfoRequest.$Properties);
        $unknowns?: Uint8Array[];
        static create(properties: trtllm.GetServerInfoRequest.$Shape): trtllm.GetServerInfoRequest & trtllm.GetServerInfoRequest.$Shape;
        static create(properties?: trtllm.GetServerInfoRequest.$Properties): trtllm.GetServerInfoRequest;
        static encode(message: trtllm.GetServerInfoRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): trtllm.GetServerInfoRequest & trtllm.GetServerInfoRequest.$Shape;
    }

    namespace GetServerInfoRequest {
        interface $Properties {
            $unknowns?: Uint8Array[];
        }
        type $Shape = trtllm.GetServerInfoRequest.$Properties;
    }

    interface IGetServerInfoResponse extends trtllm.GetServerInfoResponse.$Properties {
    }

    class GetServerInfoResponse {
        constructor(properties?: trtllm.GetServerInfoResponse.$Properties);
        $unknowns?: Uint8Array[];
        version: string;
        backend: string;
        static create(properties: trtllm.GetServerInfoResponse.$Shape): trtllm.GetServerInfoResponse & trtllm.GetServerInfoResponse.$Shape;
        static create(properties?: trtllm.GetServerInfoResponse.$Properties): trtllm.GetServerInfoResponse;
        static encode(message: trtllm.GetServerInfoResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): trtllm.GetServerInfoResponse & trtllm.GetServerInfoResponse.$Shape;
    }

    namespace GetServerInfoResponse {
        interface $Properties {
            version?: (string|null);
            backend?: (string|null);
            $unknowns?: Uint8Array[];
        }
        type $Shape = trtllm.GetServerInfoResponse.$Properties;
    }
}
