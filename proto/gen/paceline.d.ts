// Made by tools/generate-proto.ts from proto/; not edited.
import * as $protobuf from "protobufjs";
import Long = require("long");

export namespace paceline {

    namespace v1 {

        interface IRolloutRef extends paceline.v1.RolloutRef.$Properties {
        }

        class RolloutRef {
            constructor(properties?: paceline.v1.RolloutRef.$Properties);
            $unknowns?: Uint8Array[];
            id: string;
            job?: (string|null);
            timeline?: (boolean|null);
            static create(properties: paceline.v1.RolloutRef.$Shape): paceline.v1.RolloutRef & paceline.v1.RolloutRef.$Shape;
            static create(properties?: paceline.v1.RolloutRef.$Properties): paceline.v1.RolloutRef;
            static encode(message: paceline.v1.RolloutRef.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.RolloutRef & paceline.v1.RolloutRef.$Shape;
        }

        namespace RolloutRef {
            interface $Properties {
                id?: (string|null);
                job?: (string|null);
                timeline?: (boolean|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.RolloutRef.$Properties;
        }

        interface IRollout extends paceline.v1.Rollout.$Properties {
        }

        class Rollout {
            constructor(properties?: paceline.v1.Rollout.$Properties);
            $unknowns?: Uint8Array[];
            id?: (string|null);
            job?: (string|null);
            policy?: (string|null);
            pool?: (string|null);
            prompt_token_ids: number[];
            media: paceline.v1.Media.$Properties[];
            sampling?: (paceline.v1.Sampling.$Properties|null);
            continue?: (paceline.v1.Continuation.$Properties|null);
            group?: (paceline.v1.GroupRef.$Properties|null);
            session?: (paceline.v1.SessionRef.$Properties|null);
            version?: (paceline.v1.VersionConstraint.$Properties|null);
            on_update?: (paceline.v1.OnUpdate|null);
            cache?: (paceline.v1.Cache.$Properties|null);
            resume?: (paceline.v1.Resume|null);
            priority?: (number|null);
            hints?: (paceline.v1.Hints.$Properties|null);
            want?: (paceline.v1.Want.$Properties|null);
            timeout_ms?: (number|null);
            deliver?: (paceline.v1.Deliver|null);
            required_features: string[];
            static create(properties: paceline.v1.Rollout.$Shape): paceline.v1.Rollout & paceline.v1.Rollout.$Shape;
            static create(properties?: paceline.v1.Rollout.$Properties): paceline.v1.Rollout;
            static encode(message: paceline.v1.Rollout.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Rollout & paceline.v1.Rollout.$Shape;
        }

        namespace Rollout {
            interface $Properties {
                id?: (string|null);
                job?: (string|null);
                policy?: (string|null);
                pool?: (string|null);
                prompt_token_ids?: (number[]|null);
                media?: (paceline.v1.Media.$Properties[]|null);
                sampling?: (paceline.v1.Sampling.$Properties|null);
                "continue"?: (paceline.v1.Continuation.$Properties|null);
                group?: (paceline.v1.GroupRef.$Properties|null);
                session?: (paceline.v1.SessionRef.$Properties|null);
                version?: (paceline.v1.VersionConstraint.$Properties|null);
                on_update?: (paceline.v1.OnUpdate|null);
                cache?: (paceline.v1.Cache.$Properties|null);
                resume?: (paceline.v1.Resume|null);
                priority?: (number|null);
                hints?: (paceline.v1.Hints.$Properties|null);
                want?: (paceline.v1.Want.$Properties|null);
                timeout_ms?: (number|null);
                deliver?: (paceline.v1.Deliver|null);
                required_features?: (string[]|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              id?: string|null;
              job?: string|null;
              policy?: string|null;
              pool?: string|null;
              prompt_token_ids?: number[]|null;
              media?: paceline.v1.Media.$Shape[]|null;
              sampling?: paceline.v1.Sampling.$Shape|null;
              "continue"?: paceline.v1.Continuation.$Shape|null;
              group?: paceline.v1.GroupRef.$Shape|null;
              session?: paceline.v1.SessionRef.$Shape|null;
              version?: paceline.v1.VersionConstraint.$Shape|null;
              on_update?: paceline.v1.OnUpdate|null;
              cache?: paceline.v1.Cache.$Shape|null;
              resume?: paceline.v1.Resume|null;
              priority?: number|null;
              hints?: paceline.v1.Hints.$Shape|null;
              want?: paceline.v1.Want.$Shape|null;
              timeout_ms?: number|null;
              deliver?: paceline.v1.Deliver|null;
              required_features?: string[]|null;
              $unknowns?: Uint8Array[];
            };
        }

        interface IMedia extends paceline.v1.Media.$Properties {
        }

        class Media {
            constructor(properties?: paceline.v1.Media.$Properties);
            $unknowns?: Uint8Array[];
            kind: string;
            sha256?: (string|null);
            uri?: (string|null);
            placeholder?: (paceline.v1.Placeholder.$Properties|null);
            static create(properties: paceline.v1.Media.$Shape): paceline.v1.Media & paceline.v1.Media.$Shape;
            static create(properties?: paceline.v1.Media.$Properties): paceline.v1.Media;
            static encode(message: paceline.v1.Media.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Media & paceline.v1.Media.$Shape;
        }

        namespace Media {
            interface $Properties {
                kind?: (string|null);
                sha256?: (string|null);
                uri?: (string|null);
                placeholder?: (paceline.v1.Placeholder.$Properties|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Media.$Properties;
        }

        interface IPlaceholder extends paceline.v1.Placeholder.$Properties {
        }

        class Placeholder {
            constructor(properties?: paceline.v1.Placeholder.$Properties);
            $unknowns?: Uint8Array[];
            offset: number;
            length: number;
            static create(properties: paceline.v1.Placeholder.$Shape): paceline.v1.Placeholder & paceline.v1.Placeholder.$Shape;
            static create(properties?: paceline.v1.Placeholder.$Properties): paceline.v1.Placeholder;
            static encode(message: paceline.v1.Placeholder.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Placeholder & paceline.v1.Placeholder.$Shape;
        }

        namespace Placeholder {
            interface $Properties {
                offset?: (number|null);
                length?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Placeholder.$Properties;
        }

        interface ISampling extends paceline.v1.Sampling.$Properties {
        }

        class Sampling {
            constructor(properties?: paceline.v1.Sampling.$Properties);
            $unknowns?: Uint8Array[];
            max_new_tokens?: (number|null);
            max_total_tokens?: (number|null);
            min_new_tokens?: (number|null);
            temperature?: (number|null);
            top_p?: (number|null);
            top_k?: (number|null);
            min_p?: (number|null);
            presence_penalty?: (number|null);
            frequency_penalty?: (number|null);
            repetition_penalty?: (number|null);
            stop_token_ids: number[];
            stop: string[];
            ignore_eos?: (boolean|null);
            seed?: (number|Long|null);
            logit_bias: { [k: string]: number };
            allowed_token_ids: number[];
            bad_words: string[];
            structured?: (google.protobuf.Value.$Properties|null);
            engine?: (google.protobuf.Struct.$Properties|null);
            static create(properties: paceline.v1.Sampling.$Shape): paceline.v1.Sampling & paceline.v1.Sampling.$Shape;
            static create(properties?: paceline.v1.Sampling.$Properties): paceline.v1.Sampling;
            static encode(message: paceline.v1.Sampling.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Sampling & paceline.v1.Sampling.$Shape;
        }

        namespace Sampling {
            interface $Properties {
                max_new_tokens?: (number|null);
                max_total_tokens?: (number|null);
                min_new_tokens?: (number|null);
                temperature?: (number|null);
                top_p?: (number|null);
                top_k?: (number|null);
                min_p?: (number|null);
                presence_penalty?: (number|null);
                frequency_penalty?: (number|null);
                repetition_penalty?: (number|null);
                stop_token_ids?: (number[]|null);
                stop?: (string[]|null);
                ignore_eos?: (boolean|null);
                seed?: (number|Long|null);
                logit_bias?: ({ [k: string]: number }|null);
                allowed_token_ids?: (number[]|null);
                bad_words?: (string[]|null);
                structured?: (google.protobuf.Value.$Properties|null);
                engine?: (google.protobuf.Struct.$Properties|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              max_new_tokens?: number|null;
              max_total_tokens?: number|null;
              min_new_tokens?: number|null;
              temperature?: number|null;
              top_p?: number|null;
              top_k?: number|null;
              min_p?: number|null;
              presence_penalty?: number|null;
              frequency_penalty?: number|null;
              repetition_penalty?: number|null;
              stop_token_ids?: number[]|null;
              stop?: string[]|null;
              ignore_eos?: boolean|null;
              seed?: number|Long|null;
              logit_bias?: { [k: string]: number }|null;
              allowed_token_ids?: number[]|null;
              bad_words?: string[]|null;
              structured?: google.protobuf.Value.$Shape|null;
              engine?: google.protobuf.Struct.$Shape|null;
              $unknowns?: Uint8Array[];
            };
        }

        interface IContinuation extends paceline.v1.Continuation.$Properties {
        }

        class Continuation {
            constructor(properties?: paceline.v1.Continuation.$Properties);
            $unknowns?: Uint8Array[];
            output_token_ids: number[];
            logprobs: number[];
            spans: paceline.v1.Span.$Properties[];
            static create(properties: paceline.v1.Continuation.$Shape): paceline.v1.Continuation & paceline.v1.Continuation.$Shape;
            static create(properties?: paceline.v1.Continuation.$Properties): paceline.v1.Continuation;
            static encode(message: paceline.v1.Continuation.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Continuation & paceline.v1.Continuation.$Shape;
        }

        namespace Continuation {
            interface $Properties {
                output_token_ids?: (number[]|null);
                logprobs?: (number[]|null);
                spans?: (paceline.v1.Span.$Properties[]|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Continuation.$Properties;
        }

        interface IGroupRef extends paceline.v1.GroupRef.$Properties {
        }

        class GroupRef {
            constructor(properties?: paceline.v1.GroupRef.$Properties);
            $unknowns?: Uint8Array[];
            id: string;
            size: number;
            index: number;
            static create(properties: paceline.v1.GroupRef.$Shape): paceline.v1.GroupRef & paceline.v1.GroupRef.$Shape;
            static create(properties?: paceline.v1.GroupRef.$Properties): paceline.v1.GroupRef;
            static encode(message: paceline.v1.GroupRef.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.GroupRef & paceline.v1.GroupRef.$Shape;
        }

        namespace GroupRef {
            interface $Properties {
                id?: (string|null);
                size?: (number|null);
                index?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.GroupRef.$Properties;
        }

        interface ISessionRef extends paceline.v1.SessionRef.$Properties {
        }

        class SessionRef {
            constructor(properties?: paceline.v1.SessionRef.$Properties);
            $unknowns?: Uint8Array[];
            id: string;
            turn?: (number|null);
            branch?: (number|null);
            final?: (boolean|null);
            static create(properties: paceline.v1.SessionRef.$Shape): paceline.v1.SessionRef & paceline.v1.SessionRef.$Shape;
            static create(properties?: paceline.v1.SessionRef.$Properties): paceline.v1.SessionRef;
            static encode(message: paceline.v1.SessionRef.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.SessionRef & paceline.v1.SessionRef.$Shape;
        }

        namespace SessionRef {
            interface $Properties {
                id?: (string|null);
                turn?: (number|null);
                branch?: (number|null);
                final?: (boolean|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.SessionRef.$Properties;
        }

        interface IVersionConstraint extends paceline.v1.VersionConstraint.$Properties {
        }

        class VersionConstraint {
            constructor(properties?: paceline.v1.VersionConstraint.$Properties);
            $unknowns?: Uint8Array[];
            exact?: (number|Long|null);
            min?: (number|Long|null);
            max_lag?: (number|Long|null);
            min_step?: (number|Long|null);
            constraint?: ("exact"|"min"|"max_lag"|"min_step");
            static create(properties: paceline.v1.VersionConstraint.$Shape): paceline.v1.VersionConstraint & paceline.v1.VersionConstraint.$Shape;
            static create(properties?: paceline.v1.VersionConstraint.$Properties): paceline.v1.VersionConstraint;
            static encode(message: paceline.v1.VersionConstraint.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.VersionConstraint & paceline.v1.VersionConstraint.$Shape;
        }

        namespace VersionConstraint {
            interface $Properties {
                exact?: (number|Long|null);
                min?: (number|Long|null);
                max_lag?: (number|Long|null);
                min_step?: (number|Long|null);
                constraint?: ("exact"|"min"|"max_lag"|"min_step");
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              exact?: number|Long|null;
              min?: number|Long|null;
              max_lag?: number|Long|null;
              min_step?: number|Long|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ constraint?: undefined; exact?: null; min?: null; max_lag?: null; min_step?: null }|{ constraint?: "exact"; exact: number|Long; min?: null; max_lag?: null; min_step?: null }|{ constraint?: "min"; exact?: null; min: number|Long; max_lag?: null; min_step?: null }|{ constraint?: "max_lag"; exact?: null; min?: null; max_lag: number|Long; min_step?: null }|{ constraint?: "min_step"; exact?: null; min?: null; max_lag?: null; min_step: number|Long })
            );
        }

        interface ICache extends paceline.v1.Cache.$Properties {
        }

        class Cache {
            constructor(properties?: paceline.v1.Cache.$Properties);
            $unknowns?: Uint8Array[];
            reuse?: (paceline.v1.CacheReuse|null);
            static create(properties: paceline.v1.Cache.$Shape): paceline.v1.Cache & paceline.v1.Cache.$Shape;
            static create(properties?: paceline.v1.Cache.$Properties): paceline.v1.Cache;
            static encode(message: paceline.v1.Cache.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Cache & paceline.v1.Cache.$Shape;
        }

        namespace Cache {
            interface $Properties {
                reuse?: (paceline.v1.CacheReuse|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Cache.$Properties;
        }

        interface IHints extends paceline.v1.Hints.$Properties {
        }

        class Hints {
            constructor(properties?: paceline.v1.Hints.$Properties);
            $unknowns?: Uint8Array[];
            expected_new_tokens?: (number|null);
            next_turn?: (boolean|null);
            latency?: (paceline.v1.Latency|null);
            static create(properties: paceline.v1.Hints.$Shape): paceline.v1.Hints & paceline.v1.Hints.$Shape;
            static create(properties?: paceline.v1.Hints.$Properties): paceline.v1.Hints;
            static encode(message: paceline.v1.Hints.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Hints & paceline.v1.Hints.$Shape;
        }

        namespace Hints {
            interface $Properties {
                expected_new_tokens?: (number|null);
                next_turn?: (boolean|null);
                latency?: (paceline.v1.Latency|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Hints.$Properties;
        }

        interface IWant extends paceline.v1.Want.$Properties {
        }

        class Want {
            constructor(properties?: paceline.v1.Want.$Properties);
            $unknowns?: Uint8Array[];
            logprob_modes: paceline.v1.LogprobMode[];
            prompt_logprobs?: (paceline.v1.PromptLogprobs.$Properties|null);
            top_logprobs?: (number|null);
            routed_experts?: (boolean|null);
            sampling_mask?: (boolean|null);
            routed_experts_start?: (number|null);
            side_by_ref?: (boolean|null);
            static create(properties: paceline.v1.Want.$Shape): paceline.v1.Want & paceline.v1.Want.$Shape;
            static create(properties?: paceline.v1.Want.$Properties): paceline.v1.Want;
            static encode(message: paceline.v1.Want.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Want & paceline.v1.Want.$Shape;
        }

        namespace Want {
            interface $Properties {
                logprob_modes?: (paceline.v1.LogprobMode[]|null);
                prompt_logprobs?: (paceline.v1.PromptLogprobs.$Properties|null);
                top_logprobs?: (number|null);
                routed_experts?: (boolean|null);
                sampling_mask?: (boolean|null);
                routed_experts_start?: (number|null);
                side_by_ref?: (boolean|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Want.$Properties;
        }

        interface IPromptLogprobs extends paceline.v1.PromptLogprobs.$Properties {
        }

        class PromptLogprobs {
            constructor(properties?: paceline.v1.PromptLogprobs.$Properties);
            $unknowns?: Uint8Array[];
            start: number;
            static create(properties: paceline.v1.PromptLogprobs.$Shape): paceline.v1.PromptLogprobs & paceline.v1.PromptLogprobs.$Shape;
            static create(properties?: paceline.v1.PromptLogprobs.$Properties): paceline.v1.PromptLogprobs;
            static encode(message: paceline.v1.PromptLogprobs.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.PromptLogprobs & paceline.v1.PromptLogprobs.$Shape;
        }

        namespace PromptLogprobs {
            interface $Properties {
                start?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.PromptLogprobs.$Properties;
        }

        enum OnUpdate {
            ON_UPDATE_UNSPECIFIED = 0,
            ON_UPDATE_KEEP = 1,
            ON_UPDATE_REPREFILL = 2,
            ON_UPDATE_FINISH = 3
        }

        enum CacheReuse {
            CACHE_REUSE_UNSPECIFIED = 0,
            CACHE_REUSE_VERSION = 1,
            CACHE_REUSE_SESSION = 2
        }

        enum Resume {
            RESUME_UNSPECIFIED = 0,
            RESUME_REQUIRED = 1,
            RESUME_BEST = 2,
            RESUME_NEVER = 3
        }

        enum Latency {
            LATENCY_UNSPECIFIED = 0,
            LATENCY_THROUGHPUT = 1,
            LATENCY_INTERACTIVE = 2
        }

        enum LogprobMode {
            LOGPROB_MODE_UNSPECIFIED = 0,
            LOGPROB_MODE_PROCESSED = 1,
            LOGPROB_MODE_TEMPERED = 2,
            LOGPROB_MODE_PENALISED = 3,
            LOGPROB_MODE_RAW = 4
        }

        enum Deliver {
            DELIVER_UNSPECIFIED = 0,
            DELIVER_REPLY = 1,
            DELIVER_FEED = 2
        }

        interface ILabel extends paceline.v1.Label.$Properties {
        }

        class Label {
            constructor(properties?: paceline.v1.Label.$Properties);
            $unknowns?: Uint8Array[];
            run: string;
            step: (number|Long);
            static create(properties: paceline.v1.Label.$Shape): paceline.v1.Label & paceline.v1.Label.$Shape;
            static create(properties?: paceline.v1.Label.$Properties): paceline.v1.Label;
            static encode(message: paceline.v1.Label.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Label & paceline.v1.Label.$Shape;
        }

        namespace Label {
            interface $Properties {
                run?: (string|null);
                step?: (number|Long|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Label.$Properties;
        }

        interface ISpan extends paceline.v1.Span.$Properties {
        }

        class Span {
            constructor(properties?: paceline.v1.Span.$Properties);
            $unknowns?: Uint8Array[];
            version: (number|Long);
            label?: (paceline.v1.Label.$Properties|null);
            base_version?: (number|Long|null);
            start: number;
            end: number;
            kv: paceline.v1.Kv;
            attested: paceline.v1.Attested;
            static create(properties: paceline.v1.Span.$Shape): paceline.v1.Span & paceline.v1.Span.$Shape;
            static create(properties?: paceline.v1.Span.$Properties): paceline.v1.Span;
            static encode(message: paceline.v1.Span.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Span & paceline.v1.Span.$Shape;
        }

        namespace Span {
            interface $Properties {
                version?: (number|Long|null);
                label?: (paceline.v1.Label.$Properties|null);
                base_version?: (number|Long|null);
                start?: (number|null);
                end?: (number|null);
                kv?: (paceline.v1.Kv|null);
                attested?: (paceline.v1.Attested|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Span.$Properties;
        }

        enum Kv {
            KV_UNSPECIFIED = 0,
            KV_PURE = 1,
            KV_MIXED = 2,
            KV_UNKNOWN = 3
        }

        enum Attested {
            ATTESTED_UNSPECIFIED = 0,
            ATTESTED_ENGINE = 1,
            ATTESTED_COORDINATOR = 2,
            ATTESTED_NONE = 3
        }

        interface IResult extends paceline.v1.Result.$Properties {
        }

        class Result {
            constructor(properties?: paceline.v1.Result.$Properties);
            $unknowns?: Uint8Array[];
            id: string;
            job: string;
            policy: string;
            group?: (paceline.v1.GroupRef.$Properties|null);
            session?: (paceline.v1.SessionRef.$Properties|null);
            output_token_ids: number[];
            logprobs: number[];
            logprob_mode: paceline.v1.LogprobMode;
            finish_reason?: (paceline.v1.FinishReason.$Properties|null);
            spans: paceline.v1.Span.$Properties[];
            segments: paceline.v1.Segment.$Properties[];
            routing?: (paceline.v1.Routing.$Properties|null);
            usage?: (paceline.v1.Usage.$Properties|null);
            prompt_logprobs: number[];
            prompt_version?: (number|Long|null);
            top_logprobs?: (paceline.v1.TopLogprobs.$Properties|null);
            side?: (paceline.v1.Side.$Properties|null);
            stale?: (paceline.v1.Stale.$Properties|null);
            static create(properties: paceline.v1.Result.$Shape): paceline.v1.Result & paceline.v1.Result.$Shape;
            static create(properties?: paceline.v1.Result.$Properties): paceline.v1.Result;
            static encode(message: paceline.v1.Result.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Result & paceline.v1.Result.$Shape;
        }

        namespace Result {
            interface $Properties {
                id?: (string|null);
                job?: (string|null);
                policy?: (string|null);
                group?: (paceline.v1.GroupRef.$Properties|null);
                session?: (paceline.v1.SessionRef.$Properties|null);
                output_token_ids?: (number[]|null);
                logprobs?: (number[]|null);
                logprob_mode?: (paceline.v1.LogprobMode|null);
                finish_reason?: (paceline.v1.FinishReason.$Properties|null);
                spans?: (paceline.v1.Span.$Properties[]|null);
                segments?: (paceline.v1.Segment.$Properties[]|null);
                routing?: (paceline.v1.Routing.$Properties|null);
                usage?: (paceline.v1.Usage.$Properties|null);
                prompt_logprobs?: (number[]|null);
                prompt_version?: (number|Long|null);
                top_logprobs?: (paceline.v1.TopLogprobs.$Properties|null);
                side?: (paceline.v1.Side.$Properties|null);
                stale?: (paceline.v1.Stale.$Properties|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              id?: string|null;
              job?: string|null;
              policy?: string|null;
              group?: paceline.v1.GroupRef.$Shape|null;
              session?: paceline.v1.SessionRef.$Shape|null;
              output_token_ids?: number[]|null;
              logprobs?: number[]|null;
              logprob_mode?: paceline.v1.LogprobMode|null;
              finish_reason?: paceline.v1.FinishReason.$Shape|null;
              spans?: paceline.v1.Span.$Shape[]|null;
              segments?: paceline.v1.Segment.$Shape[]|null;
              routing?: paceline.v1.Routing.$Shape|null;
              usage?: paceline.v1.Usage.$Shape|null;
              prompt_logprobs?: number[]|null;
              prompt_version?: number|Long|null;
              top_logprobs?: paceline.v1.TopLogprobs.$Shape|null;
              side?: paceline.v1.Side.$Shape|null;
              stale?: paceline.v1.Stale.$Shape|null;
              $unknowns?: Uint8Array[];
            };
        }

        interface IStale extends paceline.v1.Stale.$Properties {
        }

        class Stale {
            constructor(properties?: paceline.v1.Stale.$Properties);
            $unknowns?: Uint8Array[];
            lag: (number|Long);
            max_lag: (number|Long);
            static create(properties: paceline.v1.Stale.$Shape): paceline.v1.Stale & paceline.v1.Stale.$Shape;
            static create(properties?: paceline.v1.Stale.$Properties): paceline.v1.Stale;
            static encode(message: paceline.v1.Stale.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Stale & paceline.v1.Stale.$Shape;
        }

        namespace Stale {
            interface $Properties {
                lag?: (number|Long|null);
                max_lag?: (number|Long|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Stale.$Properties;
        }

        interface ITopLogprobs extends paceline.v1.TopLogprobs.$Properties {
        }

        class TopLogprobs {
            constructor(properties?: paceline.v1.TopLogprobs.$Properties);
            $unknowns?: Uint8Array[];
            ids: paceline.v1.TokenIds.$Properties[];
            logprobs: paceline.v1.Logprobs.$Properties[];
            static create(properties: paceline.v1.TopLogprobs.$Shape): paceline.v1.TopLogprobs & paceline.v1.TopLogprobs.$Shape;
            static create(properties?: paceline.v1.TopLogprobs.$Properties): paceline.v1.TopLogprobs;
            static encode(message: paceline.v1.TopLogprobs.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.TopLogprobs & paceline.v1.TopLogprobs.$Shape;
        }

        namespace TopLogprobs {
            interface $Properties {
                ids?: (paceline.v1.TokenIds.$Properties[]|null);
                logprobs?: (paceline.v1.Logprobs.$Properties[]|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.TopLogprobs.$Properties;
        }

        interface ITokenIds extends paceline.v1.TokenIds.$Properties {
        }

        class TokenIds {
            constructor(properties?: paceline.v1.TokenIds.$Properties);
            $unknowns?: Uint8Array[];
            values: number[];
            static create(properties: paceline.v1.TokenIds.$Shape): paceline.v1.TokenIds & paceline.v1.TokenIds.$Shape;
            static create(properties?: paceline.v1.TokenIds.$Properties): paceline.v1.TokenIds;
            static encode(message: paceline.v1.TokenIds.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.TokenIds & paceline.v1.TokenIds.$Shape;
        }

        namespace TokenIds {
            interface $Properties {
                values?: (number[]|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.TokenIds.$Properties;
        }

        interface ILogprobs extends paceline.v1.Logprobs.$Properties {
        }

        class Logprobs {
            constructor(properties?: paceline.v1.Logprobs.$Properties);
            $unknowns?: Uint8Array[];
            values: number[];
            static create(properties: paceline.v1.Logprobs.$Shape): paceline.v1.Logprobs & paceline.v1.Logprobs.$Shape;
            static create(properties?: paceline.v1.Logprobs.$Properties): paceline.v1.Logprobs;
            static encode(message: paceline.v1.Logprobs.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Logprobs & paceline.v1.Logprobs.$Shape;
        }

        namespace Logprobs {
            interface $Properties {
                values?: (number[]|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Logprobs.$Properties;
        }

        interface ISide extends paceline.v1.Side.$Properties {
        }

        class Side {
            constructor(properties?: paceline.v1.Side.$Properties);
            $unknowns?: Uint8Array[];
            sampling_mask?: (paceline.v1.SamplingMask.$Properties|null);
            routed_experts?: (paceline.v1.RoutedExperts.$Properties|null);
            stored?: (paceline.v1.StoredSide.$Properties|null);
            static create(properties: paceline.v1.Side.$Shape): paceline.v1.Side & paceline.v1.Side.$Shape;
            static create(properties?: paceline.v1.Side.$Properties): paceline.v1.Side;
            static encode(message: paceline.v1.Side.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Side & paceline.v1.Side.$Shape;
        }

        namespace Side {
            interface $Properties {
                sampling_mask?: (paceline.v1.SamplingMask.$Properties|null);
                routed_experts?: (paceline.v1.RoutedExperts.$Properties|null);
                stored?: (paceline.v1.StoredSide.$Properties|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Side.$Properties;
        }

        interface IStoredSide extends paceline.v1.StoredSide.$Properties {
        }

        class StoredSide {
            constructor(properties?: paceline.v1.StoredSide.$Properties);
            $unknowns?: Uint8Array[];
            prompt_logprobs?: (paceline.v1.StoredPart.$Properties|null);
            top_logprobs?: (paceline.v1.StoredPart.$Properties|null);
            sampling_mask?: (paceline.v1.StoredPart.$Properties|null);
            static create(properties: paceline.v1.StoredSide.$Shape): paceline.v1.StoredSide & paceline.v1.StoredSide.$Shape;
            static create(properties?: paceline.v1.StoredSide.$Properties): paceline.v1.StoredSide;
            static encode(message: paceline.v1.StoredSide.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.StoredSide & paceline.v1.StoredSide.$Shape;
        }

        namespace StoredSide {
            interface $Properties {
                prompt_logprobs?: (paceline.v1.StoredPart.$Properties|null);
                top_logprobs?: (paceline.v1.StoredPart.$Properties|null);
                sampling_mask?: (paceline.v1.StoredPart.$Properties|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.StoredSide.$Properties;
        }

        interface IStoredPart extends paceline.v1.StoredPart.$Properties {
        }

        class StoredPart {
            constructor(properties?: paceline.v1.StoredPart.$Properties);
            $unknowns?: Uint8Array[];
            ref: string;
            bytes: (number|Long);
            rows: number;
            entries: number;
            static create(properties: paceline.v1.StoredPart.$Shape): paceline.v1.StoredPart & paceline.v1.StoredPart.$Shape;
            static create(properties?: paceline.v1.StoredPart.$Properties): paceline.v1.StoredPart;
            static encode(message: paceline.v1.StoredPart.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.StoredPart & paceline.v1.StoredPart.$Shape;
        }

        namespace StoredPart {
            interface $Properties {
                ref?: (string|null);
                bytes?: (number|Long|null);
                rows?: (number|null);
                entries?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.StoredPart.$Properties;
        }

        interface IRoutedExperts extends paceline.v1.RoutedExperts.$Properties {
        }

        class RoutedExperts {
            constructor(properties?: paceline.v1.RoutedExperts.$Properties);
            $unknowns?: Uint8Array[];
            dtype: paceline.v1.ExpertsDtype;
            first_position: number;
            shape: number[];
            source: paceline.v1.ExpertsSource;
            bytes: (number|Long);
            crc32: number;
            data?: (Uint8Array|null);
            ref?: (string|null);
            static create(properties: paceline.v1.RoutedExperts.$Shape): paceline.v1.RoutedExperts & paceline.v1.RoutedExperts.$Shape;
            static create(properties?: paceline.v1.RoutedExperts.$Properties): paceline.v1.RoutedExperts;
            static encode(message: paceline.v1.RoutedExperts.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.RoutedExperts & paceline.v1.RoutedExperts.$Shape;
        }

        namespace RoutedExperts {
            interface $Properties {
                dtype?: (paceline.v1.ExpertsDtype|null);
                first_position?: (number|null);
                shape?: (number[]|null);
                source?: (paceline.v1.ExpertsSource|null);
                bytes?: (number|Long|null);
                crc32?: (number|null);
                data?: (Uint8Array|null);
                ref?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.RoutedExperts.$Properties;
        }

        enum ExpertsDtype {
            EXPERTS_DTYPE_UNSPECIFIED = 0,
            EXPERTS_DTYPE_UINT8 = 1,
            EXPERTS_DTYPE_UINT16 = 2,
            EXPERTS_DTYPE_INT32 = 3
        }

        enum ExpertsSource {
            EXPERTS_SOURCE_UNSPECIFIED = 0,
            EXPERTS_SOURCE_SAMPLED = 1,
            EXPERTS_SOURCE_RECOMPUTED = 2
        }

        interface ISamplingMask extends paceline.v1.SamplingMask.$Properties {
        }

        class SamplingMask {
            constructor(properties?: paceline.v1.SamplingMask.$Properties);
            $unknowns?: Uint8Array[];
            ids: number[];
            offsets: number[];
            static create(properties: paceline.v1.SamplingMask.$Shape): paceline.v1.SamplingMask & paceline.v1.SamplingMask.$Shape;
            static create(properties?: paceline.v1.SamplingMask.$Properties): paceline.v1.SamplingMask;
            static encode(message: paceline.v1.SamplingMask.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.SamplingMask & paceline.v1.SamplingMask.$Shape;
        }

        namespace SamplingMask {
            interface $Properties {
                ids?: (number[]|null);
                offsets?: (number[]|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.SamplingMask.$Properties;
        }

        interface IFinishReason extends paceline.v1.FinishReason.$Properties {
        }

        class FinishReason {
            constructor(properties?: paceline.v1.FinishReason.$Properties);
            $unknowns?: Uint8Array[];
            type: paceline.v1.FinishType;
            cause: paceline.v1.FinishCause;
            matched_id?: (number|null);
            matched_string?: (string|null);
            matched?: ("matched_id"|"matched_string");
            static create(properties: paceline.v1.FinishReason.$Shape): paceline.v1.FinishReason & paceline.v1.FinishReason.$Shape;
            static create(properties?: paceline.v1.FinishReason.$Properties): paceline.v1.FinishReason;
            static encode(message: paceline.v1.FinishReason.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.FinishReason & paceline.v1.FinishReason.$Shape;
        }

        namespace FinishReason {
            interface $Properties {
                type?: (paceline.v1.FinishType|null);
                cause?: (paceline.v1.FinishCause|null);
                matched_id?: (number|null);
                matched_string?: (string|null);
                matched?: ("matched_id"|"matched_string");
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              type?: paceline.v1.FinishType|null;
              cause?: paceline.v1.FinishCause|null;
              matched_id?: number|null;
              matched_string?: string|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ matched?: undefined; matched_id?: null; matched_string?: null }|{ matched?: "matched_id"; matched_id: number; matched_string?: null }|{ matched?: "matched_string"; matched_id?: null; matched_string: string })
            );
        }

        enum FinishType {
            FINISH_TYPE_UNSPECIFIED = 0,
            FINISH_TYPE_STOP = 1,
            FINISH_TYPE_LENGTH = 2,
            FINISH_TYPE_ABORT = 3
        }

        enum FinishCause {
            FINISH_CAUSE_UNSPECIFIED = 0,
            FINISH_CAUSE_EOS = 1,
            FINISH_CAUSE_STOP_ID = 2,
            FINISH_CAUSE_STOP_STRING = 3,
            FINISH_CAUSE_MAX_NEW = 4,
            FINISH_CAUSE_CONTEXT = 5,
            FINISH_CAUSE_KV = 6,
            FINISH_CAUSE_CLIENT = 7,
            FINISH_CAUSE_TIMEOUT = 8,
            FINISH_CAUSE_NEED = 9,
            FINISH_CAUSE_STALE = 10,
            FINISH_CAUSE_DRAIN = 11
        }

        interface ISegment extends paceline.v1.Segment.$Properties {
        }

        class Segment {
            constructor(properties?: paceline.v1.Segment.$Properties);
            $unknowns?: Uint8Array[];
            worker?: (string|null);
            slot: number;
            incarnation: string;
            attempt: number;
            start: number;
            end: number;
            resume: paceline.v1.ResumeKind;
            logprob_mode: paceline.v1.LogprobMode;
            numerics?: (paceline.v1.Numerics.$Properties|null);
            static create(properties: paceline.v1.Segment.$Shape): paceline.v1.Segment & paceline.v1.Segment.$Shape;
            static create(properties?: paceline.v1.Segment.$Properties): paceline.v1.Segment;
            static encode(message: paceline.v1.Segment.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Segment & paceline.v1.Segment.$Shape;
        }

        namespace Segment {
            interface $Properties {
                worker?: (string|null);
                slot?: (number|null);
                incarnation?: (string|null);
                attempt?: (number|null);
                start?: (number|null);
                end?: (number|null);
                resume?: (paceline.v1.ResumeKind|null);
                logprob_mode?: (paceline.v1.LogprobMode|null);
                numerics?: (paceline.v1.Numerics.$Properties|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Segment.$Properties;
        }

        interface INumerics extends paceline.v1.Numerics.$Properties {
        }

        class Numerics {
            constructor(properties?: paceline.v1.Numerics.$Properties);
            $unknowns?: Uint8Array[];
            dtype: string;
            static create(properties: paceline.v1.Numerics.$Shape): paceline.v1.Numerics & paceline.v1.Numerics.$Shape;
            static create(properties?: paceline.v1.Numerics.$Properties): paceline.v1.Numerics;
            static encode(message: paceline.v1.Numerics.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Numerics & paceline.v1.Numerics.$Shape;
        }

        namespace Numerics {
            interface $Properties {
                dtype?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Numerics.$Properties;
        }

        enum ResumeKind {
            RESUME_KIND_UNSPECIFIED = 0,
            RESUME_KIND_NONE = 1,
            RESUME_KIND_CACHE = 2,
            RESUME_KIND_TRANSFER = 3,
            RESUME_KIND_PREFILL = 4
        }

        interface IRouting extends paceline.v1.Routing.$Properties {
        }

        class Routing {
            constructor(properties?: paceline.v1.Routing.$Properties);
            $unknowns?: Uint8Array[];
            worker?: (string|null);
            queue_ms: number;
            prefill_ms: number;
            decode_ms: number;
            cached_tokens: number;
            attempts: number;
            moves: number;
            static create(properties: paceline.v1.Routing.$Shape): paceline.v1.Routing & paceline.v1.Routing.$Shape;
            static create(properties?: paceline.v1.Routing.$Properties): paceline.v1.Routing;
            static encode(message: paceline.v1.Routing.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Routing & paceline.v1.Routing.$Shape;
        }

        namespace Routing {
            interface $Properties {
                worker?: (string|null);
                queue_ms?: (number|null);
                prefill_ms?: (number|null);
                decode_ms?: (number|null);
                cached_tokens?: (number|null);
                attempts?: (number|null);
                moves?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Routing.$Properties;
        }

        interface IUsage extends paceline.v1.Usage.$Properties {
        }

        class Usage {
            constructor(properties?: paceline.v1.Usage.$Properties);
            $unknowns?: Uint8Array[];
            prompt_tokens: number;
            output_tokens: number;
            wasted_tokens: (number|Long);
            static create(properties: paceline.v1.Usage.$Shape): paceline.v1.Usage & paceline.v1.Usage.$Shape;
            static create(properties?: paceline.v1.Usage.$Properties): paceline.v1.Usage;
            static encode(message: paceline.v1.Usage.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Usage & paceline.v1.Usage.$Shape;
        }

        namespace Usage {
            interface $Properties {
                prompt_tokens?: (number|null);
                output_tokens?: (number|null);
                wasted_tokens?: (number|Long|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Usage.$Properties;
        }

        enum State {
            STATE_UNSPECIFIED = 0,
            STATE_QUEUED = 1,
            STATE_RUNNING = 2,
            STATE_HELD = 3,
            STATE_FINISHED = 4
        }

        interface IProgress extends paceline.v1.Progress.$Properties {
        }

        class Progress {
            constructor(properties?: paceline.v1.Progress.$Properties);
            $unknowns?: Uint8Array[];
            id: string;
            job: string;
            state: paceline.v1.State;
            output_tokens: number;
            worker?: (string|null);
            attempts: number;
            timeline?: (paceline.v1.Timeline.$Properties|null);
            static create(properties: paceline.v1.Progress.$Shape): paceline.v1.Progress & paceline.v1.Progress.$Shape;
            static create(properties?: paceline.v1.Progress.$Properties): paceline.v1.Progress;
            static encode(message: paceline.v1.Progress.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Progress & paceline.v1.Progress.$Shape;
        }

        namespace Progress {
            interface $Properties {
                id?: (string|null);
                job?: (string|null);
                state?: (paceline.v1.State|null);
                output_tokens?: (number|null);
                worker?: (string|null);
                attempts?: (number|null);
                timeline?: (paceline.v1.Timeline.$Properties|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Progress.$Properties;
        }

        interface ITimeline extends paceline.v1.Timeline.$Properties {
        }

        class Timeline {
            constructor(properties?: paceline.v1.Timeline.$Properties);
            $unknowns?: Uint8Array[];
            accepted_at_ms: number;
            moments: paceline.v1.Moment.$Properties[];
            dropped: number;
            static create(properties: paceline.v1.Timeline.$Shape): paceline.v1.Timeline & paceline.v1.Timeline.$Shape;
            static create(properties?: paceline.v1.Timeline.$Properties): paceline.v1.Timeline;
            static encode(message: paceline.v1.Timeline.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Timeline & paceline.v1.Timeline.$Shape;
        }

        namespace Timeline {
            interface $Properties {
                accepted_at_ms?: (number|null);
                moments?: (paceline.v1.Moment.$Properties[]|null);
                dropped?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Timeline.$Properties;
        }

        interface IMoment extends paceline.v1.Moment.$Properties {
        }

        class Moment {
            constructor(properties?: paceline.v1.Moment.$Properties);
            $unknowns?: Uint8Array[];
            at_ms: number;
            event: paceline.v1.MomentEvent;
            output_tokens: number;
            worker?: (string|null);
            version?: (number|Long|null);
            attempt?: (number|null);
            reason?: (string|null);
            static create(properties: paceline.v1.Moment.$Shape): paceline.v1.Moment & paceline.v1.Moment.$Shape;
            static create(properties?: paceline.v1.Moment.$Properties): paceline.v1.Moment;
            static encode(message: paceline.v1.Moment.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Moment & paceline.v1.Moment.$Shape;
        }

        namespace Moment {
            interface $Properties {
                at_ms?: (number|null);
                event?: (paceline.v1.MomentEvent|null);
                output_tokens?: (number|null);
                worker?: (string|null);
                version?: (number|Long|null);
                attempt?: (number|null);
                reason?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Moment.$Properties;
        }

        enum MomentEvent {
            MOMENT_EVENT_UNSPECIFIED = 0,
            MOMENT_EVENT_PLACED = 1,
            MOMENT_EVENT_FIRST_TOKEN = 2,
            MOMENT_EVENT_MOVED = 3,
            MOMENT_EVENT_HELD = 4,
            MOMENT_EVENT_FINISHED = 5,
            MOMENT_EVENT_ERROR = 6
        }

        interface IRolloutState extends paceline.v1.RolloutState.$Properties {
        }

        class RolloutState {
            constructor(properties?: paceline.v1.RolloutState.$Properties);
            $unknowns?: Uint8Array[];
            progress?: (paceline.v1.Progress.$Properties|null);
            result?: (paceline.v1.Result.$Properties|null);
            state?: ("progress"|"result");
            static create(properties: paceline.v1.RolloutState.$Shape): paceline.v1.RolloutState & paceline.v1.RolloutState.$Shape;
            static create(properties?: paceline.v1.RolloutState.$Properties): paceline.v1.RolloutState;
            static encode(message: paceline.v1.RolloutState.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.RolloutState & paceline.v1.RolloutState.$Shape;
        }

        namespace RolloutState {
            interface $Properties {
                progress?: (paceline.v1.Progress.$Properties|null);
                result?: (paceline.v1.Result.$Properties|null);
                state?: ("progress"|"result");
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              progress?: paceline.v1.Progress.$Shape|null;
              result?: paceline.v1.Result.$Shape|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ state?: undefined; progress?: null; result?: null }|{ state?: "progress"; progress: paceline.v1.Progress.$Shape; result?: null }|{ state?: "result"; progress?: null; result: paceline.v1.Result.$Shape })
            );
        }

        interface IManyReply extends paceline.v1.ManyReply.$Properties {
        }

        class ManyReply {
            constructor(properties?: paceline.v1.ManyReply.$Properties);
            $unknowns?: Uint8Array[];
            result?: (paceline.v1.Result.$Properties|null);
            error?: (paceline.v1.RolloutError.$Properties|null);
            summary?: (paceline.v1.ManySummary.$Properties|null);
            kept?: (paceline.v1.RolloutKept.$Properties|null);
            reply?: ("result"|"error"|"summary"|"kept");
            static create(properties: paceline.v1.ManyReply.$Shape): paceline.v1.ManyReply & paceline.v1.ManyReply.$Shape;
            static create(properties?: paceline.v1.ManyReply.$Properties): paceline.v1.ManyReply;
            static encode(message: paceline.v1.ManyReply.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.ManyReply & paceline.v1.ManyReply.$Shape;
        }

        namespace ManyReply {
            interface $Properties {
                result?: (paceline.v1.Result.$Properties|null);
                error?: (paceline.v1.RolloutError.$Properties|null);
                summary?: (paceline.v1.ManySummary.$Properties|null);
                kept?: (paceline.v1.RolloutKept.$Properties|null);
                reply?: ("result"|"error"|"summary"|"kept");
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              result?: paceline.v1.Result.$Shape|null;
              error?: paceline.v1.RolloutError.$Shape|null;
              summary?: paceline.v1.ManySummary.$Shape|null;
              kept?: paceline.v1.RolloutKept.$Shape|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ reply?: undefined; result?: null; error?: null; summary?: null; kept?: null }|{ reply?: "result"; result: paceline.v1.Result.$Shape; error?: null; summary?: null; kept?: null }|{ reply?: "error"; result?: null; error: paceline.v1.RolloutError.$Shape; summary?: null; kept?: null }|{ reply?: "summary"; result?: null; error?: null; summary: paceline.v1.ManySummary.$Shape; kept?: null }|{ reply?: "kept"; result?: null; error?: null; summary?: null; kept: paceline.v1.RolloutKept.$Shape })
            );
        }

        interface IManyNeed extends paceline.v1.ManyNeed.$Properties {
        }

        class ManyNeed {
            constructor(properties?: paceline.v1.ManyNeed.$Properties);
            $unknowns?: Uint8Array[];
            groups: number;
            members?: (number|null);
            partial?: (paceline.v1.PartialFate|null);
            static create(properties: paceline.v1.ManyNeed.$Shape): paceline.v1.ManyNeed & paceline.v1.ManyNeed.$Shape;
            static create(properties?: paceline.v1.ManyNeed.$Properties): paceline.v1.ManyNeed;
            static encode(message: paceline.v1.ManyNeed.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.ManyNeed & paceline.v1.ManyNeed.$Shape;
        }

        namespace ManyNeed {
            interface $Properties {
                groups?: (number|null);
                members?: (number|null);
                partial?: (paceline.v1.PartialFate|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.ManyNeed.$Properties;
        }

        enum PartialFate {
            PARTIAL_FATE_UNSPECIFIED = 0,
            PARTIAL_FATE_RETURN = 1,
            PARTIAL_FATE_KEEP = 2,
            PARTIAL_FATE_DROP = 3
        }

        interface IRolloutKept extends paceline.v1.RolloutKept.$Properties {
        }

        class RolloutKept {
            constructor(properties?: paceline.v1.RolloutKept.$Properties);
            $unknowns?: Uint8Array[];
            id: string;
            job: string;
            kept_tokens: number;
            static create(properties: paceline.v1.RolloutKept.$Shape): paceline.v1.RolloutKept & paceline.v1.RolloutKept.$Shape;
            static create(properties?: paceline.v1.RolloutKept.$Properties): paceline.v1.RolloutKept;
            static encode(message: paceline.v1.RolloutKept.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.RolloutKept & paceline.v1.RolloutKept.$Shape;
        }

        namespace RolloutKept {
            interface $Properties {
                id?: (string|null);
                job?: (string|null);
                kept_tokens?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.RolloutKept.$Properties;
        }

        interface IRolloutError extends paceline.v1.RolloutError.$Properties {
        }

        class RolloutError {
            constructor(properties?: paceline.v1.RolloutError.$Properties);
            $unknowns?: Uint8Array[];
            id: string;
            error?: (paceline.v1.Error.$Properties|null);
            job: string;
            static create(properties: paceline.v1.RolloutError.$Shape): paceline.v1.RolloutError & paceline.v1.RolloutError.$Shape;
            static create(properties?: paceline.v1.RolloutError.$Properties): paceline.v1.RolloutError;
            static encode(message: paceline.v1.RolloutError.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.RolloutError & paceline.v1.RolloutError.$Shape;
        }

        namespace RolloutError {
            interface $Properties {
                id?: (string|null);
                error?: (paceline.v1.Error.$Properties|null);
                job?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              id?: string|null;
              error?: paceline.v1.Error.$Shape|null;
              job?: string|null;
              $unknowns?: Uint8Array[];
            };
        }

        interface IGroupOrder extends paceline.v1.GroupOrder.$Properties {
        }

        class GroupOrder {
            constructor(properties?: paceline.v1.GroupOrder.$Properties);
            $unknowns?: Uint8Array[];
            rollout?: (paceline.v1.Rollout.$Properties|null);
            job?: (string|null);
            size: number;
            need?: (number|null);
            over_issue?: (number|null);
            backfill?: (number|null);
            continue: paceline.v1.Continuation.$Properties[];
            static create(properties: paceline.v1.GroupOrder.$Shape): paceline.v1.GroupOrder & paceline.v1.GroupOrder.$Shape;
            static create(properties?: paceline.v1.GroupOrder.$Properties): paceline.v1.GroupOrder;
            static encode(message: paceline.v1.GroupOrder.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.GroupOrder & paceline.v1.GroupOrder.$Shape;
        }

        namespace GroupOrder {
            interface $Properties {
                rollout?: (paceline.v1.Rollout.$Properties|null);
                job?: (string|null);
                size?: (number|null);
                need?: (number|null);
                over_issue?: (number|null);
                backfill?: (number|null);
                "continue"?: (paceline.v1.Continuation.$Properties[]|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              rollout?: paceline.v1.Rollout.$Shape|null;
              job?: string|null;
              size?: number|null;
              need?: number|null;
              over_issue?: number|null;
              backfill?: number|null;
              "continue"?: paceline.v1.Continuation.$Shape[]|null;
              $unknowns?: Uint8Array[];
            };
        }

        interface IGroupReply extends paceline.v1.GroupReply.$Properties {
        }

        class GroupReply {
            constructor(properties?: paceline.v1.GroupReply.$Properties);
            $unknowns?: Uint8Array[];
            group?: (paceline.v1.GroupSummary.$Properties|null);
            rollouts: paceline.v1.GroupMember.$Properties[];
            static create(properties: paceline.v1.GroupReply.$Shape): paceline.v1.GroupReply & paceline.v1.GroupReply.$Shape;
            static create(properties?: paceline.v1.GroupReply.$Properties): paceline.v1.GroupReply;
            static encode(message: paceline.v1.GroupReply.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.GroupReply & paceline.v1.GroupReply.$Shape;
        }

        namespace GroupReply {
            interface $Properties {
                group?: (paceline.v1.GroupSummary.$Properties|null);
                rollouts?: (paceline.v1.GroupMember.$Properties[]|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              group?: paceline.v1.GroupSummary.$Shape|null;
              rollouts?: paceline.v1.GroupMember.$Shape[]|null;
              $unknowns?: Uint8Array[];
            };
        }

        interface IGroupMember extends paceline.v1.GroupMember.$Properties {
        }

        class GroupMember {
            constructor(properties?: paceline.v1.GroupMember.$Properties);
            $unknowns?: Uint8Array[];
            result?: (paceline.v1.Result.$Properties|null);
            error?: (paceline.v1.RolloutError.$Properties|null);
            member?: ("result"|"error");
            static create(properties: paceline.v1.GroupMember.$Shape): paceline.v1.GroupMember & paceline.v1.GroupMember.$Shape;
            static create(properties?: paceline.v1.GroupMember.$Properties): paceline.v1.GroupMember;
            static encode(message: paceline.v1.GroupMember.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.GroupMember & paceline.v1.GroupMember.$Shape;
        }

        namespace GroupMember {
            interface $Properties {
                result?: (paceline.v1.Result.$Properties|null);
                error?: (paceline.v1.RolloutError.$Properties|null);
                member?: ("result"|"error");
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              result?: paceline.v1.Result.$Shape|null;
              error?: paceline.v1.RolloutError.$Shape|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ member?: undefined; result?: null; error?: null }|{ member?: "result"; result: paceline.v1.Result.$Shape; error?: null }|{ member?: "error"; result?: null; error: paceline.v1.RolloutError.$Shape })
            );
        }

        interface IGroupSummary extends paceline.v1.GroupSummary.$Properties {
        }

        class GroupSummary {
            constructor(properties?: paceline.v1.GroupSummary.$Properties);
            $unknowns?: Uint8Array[];
            id: string;
            size: number;
            need: number;
            finished: number;
            members: number;
            ended: paceline.v1.GroupEnd;
            replaced: paceline.v1.Replacement.$Properties[];
            cut?: (paceline.v1.GroupCut.$Properties|null);
            lengths?: (paceline.v1.LengthBias.$Properties|null);
            off_policy_share: number;
            static create(properties: paceline.v1.GroupSummary.$Shape): paceline.v1.GroupSummary & paceline.v1.GroupSummary.$Shape;
            static create(properties?: paceline.v1.GroupSummary.$Properties): paceline.v1.GroupSummary;
            static encode(message: paceline.v1.GroupSummary.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.GroupSummary & paceline.v1.GroupSummary.$Shape;
        }

        namespace GroupSummary {
            interface $Properties {
                id?: (string|null);
                size?: (number|null);
                need?: (number|null);
                finished?: (number|null);
                members?: (number|null);
                ended?: (paceline.v1.GroupEnd|null);
                replaced?: (paceline.v1.Replacement.$Properties[]|null);
                cut?: (paceline.v1.GroupCut.$Properties|null);
                lengths?: (paceline.v1.LengthBias.$Properties|null);
                off_policy_share?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.GroupSummary.$Properties;
        }

        enum GroupEnd {
            GROUP_END_UNSPECIFIED = 0,
            GROUP_END_NEED = 1,
            GROUP_END_FAILED = 2,
            GROUP_END_STALE = 3,
            GROUP_END_TIMEOUT = 4,
            GROUP_END_CLIENT = 5,
            GROUP_END_DRAIN = 6
        }

        interface IReplacement extends paceline.v1.Replacement.$Properties {
        }

        class Replacement {
            constructor(properties?: paceline.v1.Replacement.$Properties);
            $unknowns?: Uint8Array[];
            index: number;
            by: number;
            static create(properties: paceline.v1.Replacement.$Shape): paceline.v1.Replacement & paceline.v1.Replacement.$Shape;
            static create(properties?: paceline.v1.Replacement.$Properties): paceline.v1.Replacement;
            static encode(message: paceline.v1.Replacement.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Replacement & paceline.v1.Replacement.$Shape;
        }

        namespace Replacement {
            interface $Properties {
                index?: (number|null);
                by?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Replacement.$Properties;
        }

        interface IGroupCut extends paceline.v1.GroupCut.$Properties {
        }

        class GroupCut {
            constructor(properties?: paceline.v1.GroupCut.$Properties);
            $unknowns?: Uint8Array[];
            members: number;
            tokens: (number|Long);
            static create(properties: paceline.v1.GroupCut.$Shape): paceline.v1.GroupCut & paceline.v1.GroupCut.$Shape;
            static create(properties?: paceline.v1.GroupCut.$Properties): paceline.v1.GroupCut;
            static encode(message: paceline.v1.GroupCut.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.GroupCut & paceline.v1.GroupCut.$Shape;
        }

        namespace GroupCut {
            interface $Properties {
                members?: (number|null);
                tokens?: (number|Long|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.GroupCut.$Properties;
        }

        interface ILengthBias extends paceline.v1.LengthBias.$Properties {
        }

        class LengthBias {
            constructor(properties?: paceline.v1.LengthBias.$Properties);
            $unknowns?: Uint8Array[];
            kept?: (paceline.v1.Lengths.$Properties|null);
            all?: (paceline.v1.Lengths.$Properties|null);
            bias?: (number|null);
            static create(properties: paceline.v1.LengthBias.$Shape): paceline.v1.LengthBias & paceline.v1.LengthBias.$Shape;
            static create(properties?: paceline.v1.LengthBias.$Properties): paceline.v1.LengthBias;
            static encode(message: paceline.v1.LengthBias.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.LengthBias & paceline.v1.LengthBias.$Shape;
        }

        namespace LengthBias {
            interface $Properties {
                kept?: (paceline.v1.Lengths.$Properties|null);
                all?: (paceline.v1.Lengths.$Properties|null);
                bias?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.LengthBias.$Properties;
        }

        interface ILengths extends paceline.v1.Lengths.$Properties {
        }

        class Lengths {
            constructor(properties?: paceline.v1.Lengths.$Properties);
            $unknowns?: Uint8Array[];
            mean: number;
            p50?: (number|Long|null);
            p90?: (number|Long|null);
            static create(properties: paceline.v1.Lengths.$Shape): paceline.v1.Lengths & paceline.v1.Lengths.$Shape;
            static create(properties?: paceline.v1.Lengths.$Properties): paceline.v1.Lengths;
            static encode(message: paceline.v1.Lengths.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Lengths & paceline.v1.Lengths.$Shape;
        }

        namespace Lengths {
            interface $Properties {
                mean?: (number|null);
                p50?: (number|Long|null);
                p90?: (number|Long|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Lengths.$Properties;
        }

        interface IManySummary extends paceline.v1.ManySummary.$Properties {
        }

        class ManySummary {
            constructor(properties?: paceline.v1.ManySummary.$Properties);
            $unknowns?: Uint8Array[];
            makespan_ms: number;
            lower_bound_ms?: (number|null);
            ratio?: (number|null);
            rho?: (number|null);
            rollouts: number;
            finished: number;
            failed: number;
            output_tokens: (number|Long);
            tail_share?: (number|null);
            bound_error?: (number|null);
            need?: (paceline.v1.NeedSummary.$Properties|null);
            static create(properties: paceline.v1.ManySummary.$Shape): paceline.v1.ManySummary & paceline.v1.ManySummary.$Shape;
            static create(properties?: paceline.v1.ManySummary.$Properties): paceline.v1.ManySummary;
            static encode(message: paceline.v1.ManySummary.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.ManySummary & paceline.v1.ManySummary.$Shape;
        }

        namespace ManySummary {
            interface $Properties {
                makespan_ms?: (number|null);
                lower_bound_ms?: (number|null);
                ratio?: (number|null);
                rho?: (number|null);
                rollouts?: (number|null);
                finished?: (number|null);
                failed?: (number|null);
                output_tokens?: (number|Long|null);
                tail_share?: (number|null);
                bound_error?: (number|null);
                need?: (paceline.v1.NeedSummary.$Properties|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.ManySummary.$Properties;
        }

        interface INeedSummary extends paceline.v1.NeedSummary.$Properties {
        }

        class NeedSummary {
            constructor(properties?: paceline.v1.NeedSummary.$Properties);
            $unknowns?: Uint8Array[];
            groups: number;
            members?: (number|null);
            whole: number;
            cut?: (paceline.v1.GroupCut.$Properties|null);
            kept?: (paceline.v1.GroupCut.$Properties|null);
            lengths?: (paceline.v1.LengthBias.$Properties|null);
            off_policy_share: number;
            static create(properties: paceline.v1.NeedSummary.$Shape): paceline.v1.NeedSummary & paceline.v1.NeedSummary.$Shape;
            static create(properties?: paceline.v1.NeedSummary.$Properties): paceline.v1.NeedSummary;
            static encode(message: paceline.v1.NeedSummary.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.NeedSummary & paceline.v1.NeedSummary.$Shape;
        }

        namespace NeedSummary {
            interface $Properties {
                groups?: (number|null);
                members?: (number|null);
                whole?: (number|null);
                cut?: (paceline.v1.GroupCut.$Properties|null);
                kept?: (paceline.v1.GroupCut.$Properties|null);
                lengths?: (paceline.v1.LengthBias.$Properties|null);
                off_policy_share?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.NeedSummary.$Properties;
        }

        interface IEvent extends paceline.v1.Event.$Properties {
        }

        class Event {
            constructor(properties?: paceline.v1.Event.$Properties);
            $unknowns?: Uint8Array[];
            seq: (number|Long);
            accepted?: (paceline.v1.Accepted.$Properties|null);
            placed?: (paceline.v1.Placed.$Properties|null);
            tokens?: (paceline.v1.Tokens.$Properties|null);
            moved?: (paceline.v1.Moved.$Properties|null);
            held?: (paceline.v1.Held.$Properties|null);
            finished?: (paceline.v1.Result.$Properties|null);
            event?: ("accepted"|"placed"|"tokens"|"moved"|"held"|"finished");
            static create(properties: paceline.v1.Event.$Shape): paceline.v1.Event & paceline.v1.Event.$Shape;
            static create(properties?: paceline.v1.Event.$Properties): paceline.v1.Event;
            static encode(message: paceline.v1.Event.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Event & paceline.v1.Event.$Shape;
        }

        namespace Event {
            interface $Properties {
                seq?: (number|Long|null);
                accepted?: (paceline.v1.Accepted.$Properties|null);
                placed?: (paceline.v1.Placed.$Properties|null);
                tokens?: (paceline.v1.Tokens.$Properties|null);
                moved?: (paceline.v1.Moved.$Properties|null);
                held?: (paceline.v1.Held.$Properties|null);
                finished?: (paceline.v1.Result.$Properties|null);
                event?: ("accepted"|"placed"|"tokens"|"moved"|"held"|"finished");
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              seq?: number|Long|null;
              accepted?: paceline.v1.Accepted.$Shape|null;
              placed?: paceline.v1.Placed.$Shape|null;
              tokens?: paceline.v1.Tokens.$Shape|null;
              moved?: paceline.v1.Moved.$Shape|null;
              held?: paceline.v1.Held.$Shape|null;
              finished?: paceline.v1.Result.$Shape|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ event?: undefined; accepted?: null; placed?: null; tokens?: null; moved?: null; held?: null; finished?: null }|{ event?: "accepted"; accepted: paceline.v1.Accepted.$Shape; placed?: null; tokens?: null; moved?: null; held?: null; finished?: null }|{ event?: "placed"; accepted?: null; placed: paceline.v1.Placed.$Shape; tokens?: null; moved?: null; held?: null; finished?: null }|{ event?: "tokens"; accepted?: null; placed?: null; tokens: paceline.v1.Tokens.$Shape; moved?: null; held?: null; finished?: null }|{ event?: "moved"; accepted?: null; placed?: null; tokens?: null; moved: paceline.v1.Moved.$Shape; held?: null; finished?: null }|{ event?: "held"; accepted?: null; placed?: null; tokens?: null; moved?: null; held: paceline.v1.Held.$Shape; finished?: null }|{ event?: "finished"; accepted?: null; placed?: null; tokens?: null; moved?: null; held?: null; finished: paceline.v1.Result.$Shape })
            );
        }

        interface IAccepted extends paceline.v1.Accepted.$Properties {
        }

        class Accepted {
            constructor(properties?: paceline.v1.Accepted.$Properties);
            $unknowns?: Uint8Array[];
            id: string;
            static create(properties: paceline.v1.Accepted.$Shape): paceline.v1.Accepted & paceline.v1.Accepted.$Shape;
            static create(properties?: paceline.v1.Accepted.$Properties): paceline.v1.Accepted;
            static encode(message: paceline.v1.Accepted.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Accepted & paceline.v1.Accepted.$Shape;
        }

        namespace Accepted {
            interface $Properties {
                id?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Accepted.$Properties;
        }

        interface IPlaced extends paceline.v1.Placed.$Properties {
        }

        class Placed {
            constructor(properties?: paceline.v1.Placed.$Properties);
            $unknowns?: Uint8Array[];
            worker: string;
            version: (number|Long);
            attempt: number;
            static create(properties: paceline.v1.Placed.$Shape): paceline.v1.Placed & paceline.v1.Placed.$Shape;
            static create(properties?: paceline.v1.Placed.$Properties): paceline.v1.Placed;
            static encode(message: paceline.v1.Placed.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Placed & paceline.v1.Placed.$Shape;
        }

        namespace Placed {
            interface $Properties {
                worker?: (string|null);
                version?: (number|Long|null);
                attempt?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Placed.$Properties;
        }

        interface ITokens extends paceline.v1.Tokens.$Properties {
        }

        class Tokens {
            constructor(properties?: paceline.v1.Tokens.$Properties);
            $unknowns?: Uint8Array[];
            start: number;
            output_token_ids: number[];
            logprobs: number[];
            version?: (number|Long|null);
            mixed?: (boolean|null);
            static create(properties: paceline.v1.Tokens.$Shape): paceline.v1.Tokens & paceline.v1.Tokens.$Shape;
            static create(properties?: paceline.v1.Tokens.$Properties): paceline.v1.Tokens;
            static encode(message: paceline.v1.Tokens.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Tokens & paceline.v1.Tokens.$Shape;
        }

        namespace Tokens {
            interface $Properties {
                start?: (number|null);
                output_token_ids?: (number[]|null);
                logprobs?: (number[]|null);
                version?: (number|Long|null);
                mixed?: (boolean|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Tokens.$Properties;
        }

        interface IMoved extends paceline.v1.Moved.$Properties {
        }

        class Moved {
            constructor(properties?: paceline.v1.Moved.$Properties);
            $unknowns?: Uint8Array[];
            from: string;
            to: string;
            reason: paceline.v1.MoveReason;
            resume: paceline.v1.ResumeKind;
            kept_tokens: number;
            static create(properties: paceline.v1.Moved.$Shape): paceline.v1.Moved & paceline.v1.Moved.$Shape;
            static create(properties?: paceline.v1.Moved.$Properties): paceline.v1.Moved;
            static encode(message: paceline.v1.Moved.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Moved & paceline.v1.Moved.$Shape;
        }

        namespace Moved {
            interface $Properties {
                from?: (string|null);
                to?: (string|null);
                reason?: (paceline.v1.MoveReason|null);
                resume?: (paceline.v1.ResumeKind|null);
                kept_tokens?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Moved.$Properties;
        }

        enum MoveReason {
            MOVE_REASON_UNSPECIFIED = 0,
            MOVE_REASON_WORKER_LOST = 1,
            MOVE_REASON_UPDATE = 2,
            MOVE_REASON_DRAIN = 3,
            MOVE_REASON_STUCK = 4,
            MOVE_REASON_POOL_MOVED = 5,
            MOVE_REASON_LOST = 6,
            MOVE_REASON_FAILED = 7,
            MOVE_REASON_CUT = 8,
            MOVE_REASON_STALE = 9,
            MOVE_REASON_KEPT = 10
        }

        interface IHeld extends paceline.v1.Held.$Properties {
        }

        class Held {
            constructor(properties?: paceline.v1.Held.$Properties);
            $unknowns?: Uint8Array[];
            reason: string;
            static create(properties: paceline.v1.Held.$Shape): paceline.v1.Held & paceline.v1.Held.$Shape;
            static create(properties?: paceline.v1.Held.$Properties): paceline.v1.Held;
            static encode(message: paceline.v1.Held.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Held & paceline.v1.Held.$Shape;
        }

        namespace Held {
            interface $Properties {
                reason?: (string|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Held.$Properties;
        }

        interface IError extends paceline.v1.Error.$Properties {
        }

        class Error {
            constructor(properties?: paceline.v1.Error.$Properties);
            $unknowns?: Uint8Array[];
            code: paceline.v1.ErrorCode;
            boundary: paceline.v1.Boundary;
            message: string;
            retryable: boolean;
            retry_after_ms?: (number|null);
            details?: (google.protobuf.Struct.$Properties|null);
            kept?: (paceline.v1.Kept.$Properties|null);
            static create(properties: paceline.v1.Error.$Shape): paceline.v1.Error & paceline.v1.Error.$Shape;
            static create(properties?: paceline.v1.Error.$Properties): paceline.v1.Error;
            static encode(message: paceline.v1.Error.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Error & paceline.v1.Error.$Shape;
        }

        namespace Error {
            interface $Properties {
                code?: (paceline.v1.ErrorCode|null);
                boundary?: (paceline.v1.Boundary|null);
                message?: (string|null);
                retryable?: (boolean|null);
                retry_after_ms?: (number|null);
                details?: (google.protobuf.Struct.$Properties|null);
                kept?: (paceline.v1.Kept.$Properties|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              code?: paceline.v1.ErrorCode|null;
              boundary?: paceline.v1.Boundary|null;
              message?: string|null;
              retryable?: boolean|null;
              retry_after_ms?: number|null;
              details?: google.protobuf.Struct.$Shape|null;
              kept?: paceline.v1.Kept.$Shape|null;
              $unknowns?: Uint8Array[];
            };
        }

        interface IKept extends paceline.v1.Kept.$Properties {
        }

        class Kept {
            constructor(properties?: paceline.v1.Kept.$Properties);
            $unknowns?: Uint8Array[];
            output_tokens: number;
            static create(properties: paceline.v1.Kept.$Shape): paceline.v1.Kept & paceline.v1.Kept.$Shape;
            static create(properties?: paceline.v1.Kept.$Properties): paceline.v1.Kept;
            static encode(message: paceline.v1.Kept.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): paceline.v1.Kept & paceline.v1.Kept.$Shape;
        }

        namespace Kept {
            interface $Properties {
                output_tokens?: (number|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = paceline.v1.Kept.$Properties;
        }

        enum ErrorCode {
            ERROR_CODE_UNSPECIFIED = 0,
            ERROR_CODE_INVALID_ARGUMENT = 1,
            ERROR_CODE_UNSUPPORTED = 2,
            ERROR_CODE_UNIMPLEMENTED = 3,
            ERROR_CODE_UNAUTHENTICATED = 4,
            ERROR_CODE_PERMISSION_DENIED = 5,
            ERROR_CODE_NOT_FOUND = 6,
            ERROR_CODE_METHOD_NOT_ALLOWED = 7,
            ERROR_CODE_CONFLICT = 8,
            ERROR_CODE_PROMPT_TOO_LONG = 9,
            ERROR_CODE_OVERLOADED = 10,
            ERROR_CODE_QUOTA_EXCEEDED = 11,
            ERROR_CODE_NO_ELIGIBLE_WORKER = 12,
            ERROR_CODE_VERSION_UNAVAILABLE = 13,
            ERROR_CODE_VERSION_CONFLICT = 14,
            ERROR_CODE_RUN_FENCED = 15,
            ERROR_CODE_DEADLINE_EXCEEDED = 16,
            ERROR_CODE_CANCELLED = 17,
            ERROR_CODE_MISALIGNED = 18,
            ERROR_CODE_NOT_RESUMABLE = 19,
            ERROR_CODE_ENGINE_ERROR = 20,
            ERROR_CODE_ENGINE_UNREACHABLE = 21,
            ERROR_CODE_WEIGHTS_REJECTED = 22,
            ERROR_CODE_DIGEST_MISMATCH = 23,
            ERROR_CODE_COMMIT_ABORTED = 24,
            ERROR_CODE_LEASE_LOST = 25,
            ERROR_CODE_STORE_UNAVAILABLE = 26,
            ERROR_CODE_SHUTTING_DOWN = 27,
            ERROR_CODE_INTERNAL = 28,
            ERROR_CODE_SIDE_DATA_TOO_LARGE = 29,
            ERROR_CODE_EXPIRED = 30,
            ERROR_CODE_SPOOL_FULL = 31,
            ERROR_CODE_RANGE_NOT_SATISFIABLE = 32
        }

        enum Boundary {
            BOUNDARY_UNSPECIFIED = 0,
            BOUNDARY_CLIENT = 1,
            BOUNDARY_ADMISSION = 2,
            BOUNDARY_ROUTING = 3,
            BOUNDARY_ENGINE = 4,
            BOUNDARY_WEIGHTS = 5,
            BOUNDARY_FEED = 6,
            BOUNDARY_STORE = 7,
            BOUNDARY_INTERNAL = 8
        }
    }
}

export namespace google {

    namespace protobuf {

        interface IStruct extends google.protobuf.Struct.$Properties {
        }

        class Struct {
            constructor(properties?: google.protobuf.Struct.$Properties);
            $unknowns?: Uint8Array[];
            fields: { [k: string]: google.protobuf.Value.$Properties };
            static create(properties: google.protobuf.Struct.$Shape): google.protobuf.Struct & google.protobuf.Struct.$Shape;
            static create(properties?: google.protobuf.Struct.$Properties): google.protobuf.Struct;
            static encode(message: google.protobuf.Struct.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): google.protobuf.Struct & google.protobuf.Struct.$Shape;
        }

        namespace Struct {
            interface $Properties {
                fields?: ({ [k: string]: google.protobuf.Value.$Properties }|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              fields?: { [k: string]: google.protobuf.Value.$Shape }|null;
              $unknowns?: Uint8Array[];
            };
        }

        interface IValue extends google.protobuf.Value.$Properties {
        }

        class Value {
            constructor(properties?: google.protobuf.Value.$Properties);
            $unknowns?: Uint8Array[];
            nullValue?: (google.protobuf.NullValue|null);
            numberValue?: (number|null);
            stringValue?: (string|null);
            boolValue?: (boolean|null);
            structValue?: (google.protobuf.Struct.$Properties|null);
            listValue?: (google.protobuf.ListValue.$Properties|null);
            kind?: ("nullValue"|"numberValue"|"stringValue"|"boolValue"|"structValue"|"listValue");
            static create(properties: google.protobuf.Value.$Shape): google.protobuf.Value & google.protobuf.Value.$Shape;
            static create(properties?: google.protobuf.Value.$Properties): google.protobuf.Value;
            static encode(message: google.protobuf.Value.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): google.protobuf.Value & google.protobuf.Value.$Shape;
        }

        namespace Value {
            interface $Properties {
                nullValue?: (google.protobuf.NullValue|null);
                numberValue?: (number|null);
                stringValue?: (string|null);
                boolValue?: (boolean|null);
                structValue?: (google.protobuf.Struct.$Properties|null);
                listValue?: (google.protobuf.ListValue.$Properties|null);
                kind?: ("nullValue"|"numberValue"|"stringValue"|"boolValue"|"structValue"|"listValue");
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              nullValue?: google.protobuf.NullValue|null;
              numberValue?: number|null;
              stringValue?: string|null;
              boolValue?: boolean|null;
              structValue?: google.protobuf.Struct.$Shape|null;
              listValue?: google.protobuf.ListValue.$Shape|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ kind?: undefined; nullValue?: null; numberValue?: null; stringValue?: null; boolValue?: null; structValue?: null; listValue?: null }|{ kind?: "nullValue"; nullValue: google.protobuf.NullValue; numberValue?: null; stringValue?: null; boolValue?: null; structValue?: null; listValue?: null }|{ kind?: "numberValue"; nullValue?: null; numberValue: number; stringValue?: null; boolValue?: null; structValue?: null; listValue?: null }|{ kind?: "stringValue"; nullValue?: null; numberValue?: null; stringValue: string; boolValue?: null; structValue?: null; listValue?: null }|{ kind?: "boolValue"; nullValue?: null; numberValue?: null; stringValue?: null; boolValue: boolean; structValue?: null; listValue?: null }|{ kind?: "structValue"; nullValue?: null; numberValue?: null; stringValue?: null; boolValue?: null; structValue: google.protobuf.Struct.$Shape; listValue?: null }|{ kind?: "listValue"; nullValue?: null; numberValue?: null; stringValue?: null; boolValue?: null; structValue?: null; listValue: google.protobuf.ListValue.$Shape })
            );
        }

        enum NullValue {
            NULL_VALUE = 0
        }

        interface IListValue extends google.protobuf.ListValue.$Properties {
        }

        class ListValue {
            constructor(properties?: google.protobuf.ListValue.$Properties);
            $unknowns?: Uint8Array[];
            values: google.protobuf.Value.$Properties[];
            static create(properties: google.protobuf.ListValue.$Shape): google.protobuf.ListValue & google.protobuf.ListValue.$Shape;
            static create(properties?: google.protobuf.ListValue.$Properties): google.protobuf.ListValue;
            static encode(message: google.protobuf.ListValue.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): google.protobuf.ListValue & google.protobuf.ListValue.$Shape;
        }

        namespace ListValue {
            interface $Properties {
                values?: (google.protobuf.Value.$Properties[]|null);
                $unknowns?: Uint8Array[];
            }
            type $Shape = {
              values?: google.protobuf.Value.$Shape[]|null;
              $unknowns?: Uint8Array[];
            };
        }
    }
}

export namespace grpc {

    namespace health {

        namespace v1 {

            interface IHealthCheckRequest extends grpc.health.v1.HealthCheckRequest.$Properties {
            }

            class HealthCheckRequest {
                constructor(properties?: grpc.health.v1.HealthCheckRequest.$Properties);
                $unknowns?: Uint8Array[];
                service: string;
                static create(properties: grpc.health.v1.HealthCheckRequest.$Shape): grpc.health.v1.HealthCheckRequest & grpc.health.v1.HealthCheckRequest.$Shape;
                static create(properties?: grpc.health.v1.HealthCheckRequest.$Properties): grpc.health.v1.HealthCheckRequest;
                static encode(message: grpc.health.v1.HealthCheckRequest.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): grpc.health.v1.HealthCheckRequest & grpc.health.v1.HealthCheckRequest.$Shape;
            }

            namespace HealthCheckRequest {
                interface $Properties {
                    service?: (string|null);
                    $unknowns?: Uint8Array[];
                }
                type $Shape = grpc.health.v1.HealthCheckRequest.$Properties;
            }

            interface IHealthCheckResponse extends grpc.health.v1.HealthCheckResponse.$Properties {
            }

            class HealthCheckResponse {
                constructor(properties?: grpc.health.v1.HealthCheckResponse.$Properties);
                $unknowns?: Uint8Array[];
                status: grpc.health.v1.HealthCheckResponse.ServingStatus;
                static create(properties: grpc.health.v1.HealthCheckResponse.$Shape): grpc.health.v1.HealthCheckResponse & grpc.health.v1.HealthCheckResponse.$Shape;
                static create(properties?: grpc.health.v1.HealthCheckResponse.$Properties): grpc.health.v1.HealthCheckResponse;
                static encode(message: grpc.health.v1.HealthCheckResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;
                static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): grpc.health.v1.HealthCheckResponse & grpc.health.v1.HealthCheckResponse.$Shape;
            }

            namespace HealthCheckResponse {
                interface $Properties {
                    status?: (grpc.health.v1.HealthCheckResponse.ServingStatus|null);
                    $unknowns?: Uint8Array[];
                }
                type $Shape = grpc.health.v1.HealthCheckResponse.$Properties;

                enum ServingStatus {
                    UNKNOWN = 0,
                    SERVING = 1,
                    NOT_SERVING = 2,
                    SERVICE_UNKNOWN = 3
                }
            }
        }
    }
}
