// Made by tools/generate-proto.ts from proto/; not edited.
/*eslint-disable block-scoped-var, id-length, no-control-regex, no-magic-numbers, no-mixed-operators, no-prototype-builtins, no-redeclare, no-shadow, no-var, sort-vars, default-case, jsdoc/require-param*/
import $protobuf from "protobufjs/minimal.js";

const $Reader = $protobuf.Reader, $Writer = $protobuf.Writer, $util = $protobuf.util;
const $Object = $util.global.Object, $undefined = $util.global.undefined, $Error = $util.global.Error, $RangeError = $util.global.RangeError;

const $root = $protobuf.roots["trtllm"] || ($protobuf.roots["trtllm"] = {});

export const trtllm = $root.trtllm = (() => {

    const trtllm = {};

    trtllm.GenerateRequest = (function() {

        const GenerateRequest = function (properties) {
            this.stop_token_ids = [];
            this.bad_token_ids = [];
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        GenerateRequest.prototype.request_id = "";
        GenerateRequest.prototype.tokenized = null;
        GenerateRequest.prototype.sampling_config = null;
        GenerateRequest.prototype.output_config = null;
        GenerateRequest.prototype.max_tokens = 0;
        GenerateRequest.prototype.streaming = false;
        GenerateRequest.prototype.cache_salt_id = null;
        GenerateRequest.prototype.stop_token_ids = $util.emptyArray;
        GenerateRequest.prototype.ignore_eos = false;
        GenerateRequest.prototype.bad_token_ids = $util.emptyArray;
        GenerateRequest.prototype.include_stop_token_in_output = false;

        let $oneOfFields;

        // Virtual OneOf for proto3 optional field
        $Object.defineProperty(GenerateRequest.prototype, "_cache_salt_id", {
            get: $util.oneOfGetter($oneOfFields = ["cache_salt_id"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        GenerateRequest.create = function(properties) {
            return new GenerateRequest(properties);
        };

        GenerateRequest.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.request_id != null && $Object.hasOwnProperty.call(message, "request_id") && message.request_id !== "")
                writer.uint32(10).string(message.request_id);
            if (message.tokenized != null && $Object.hasOwnProperty.call(message, "tokenized"))
                $root.trtllm.TokenizedInput.encode(message.tokenized, writer.uint32(18).fork(), _depth + 1).ldelim();
            if (message.sampling_config != null && $Object.hasOwnProperty.call(message, "sampling_config"))
                $root.trtllm.SamplingConfig.encode(message.sampling_config, writer.uint32(26).fork(), _depth + 1).ldelim();
            if (message.output_config != null && $Object.hasOwnProperty.call(message, "output_config"))
                $root.trtllm.OutputConfig.encode(message.output_config, writer.uint32(34).fork(), _depth + 1).ldelim();
            if (message.max_tokens != null && $Object.hasOwnProperty.call(message, "max_tokens") && message.max_tokens !== 0)
                writer.uint32(40).uint32(message.max_tokens);
            if (message.streaming != null && $Object.hasOwnProperty.call(message, "streaming") && message.streaming !== false)
                writer.uint32(48).bool(message.streaming);
            if (message.cache_salt_id != null && $Object.hasOwnProperty.call(message, "cache_salt_id"))
                writer.uint32(152).int64(message.cache_salt_id);
            if (message.stop_token_ids != null && message.stop_token_ids.length)
                writer.uint32(178).uint32s(message.stop_token_ids);
            if (message.ignore_eos != null && $Object.hasOwnProperty.call(message, "ignore_eos") && message.ignore_eos !== false)
                writer.uint32(184).bool(message.ignore_eos);
            if (message.bad_token_ids != null && message.bad_token_ids.length)
                writer.uint32(202).uint32s(message.bad_token_ids);
            if (message.include_stop_token_in_output != null && $Object.hasOwnProperty.call(message, "include_stop_token_in_output") && message.include_stop_token_in_output !== false)
                writer.uint32(208).bool(message.include_stop_token_in_output);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        GenerateRequest.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.trtllm.GenerateRequest();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.request_id = value;
                        else
                            delete message.request_id;
                        continue;
                    }
                case 2: {
                        if (wireType !== 2)
                            break;
                        message.tokenized = $root.trtllm.TokenizedInput.decode(reader, reader.size(), $undefined, _depth + 1, message.tokenized);
                        continue;
                    }
                case 3: {
                        if (wireType !== 2)
                            break;
                        message.sampling_config = $root.trtllm.SamplingConfig.decode(reader, reader.size(), $undefined, _depth + 1, message.sampling_config);
                        continue;
                    }
                case 4: {
                        if (wireType !== 2)
                            break;
                        message.output_config = $root.trtllm.OutputConfig.decode(reader, reader.size(), $undefined, _depth + 1, message.output_config);
                        continue;
                    }
                case 5: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.max_tokens = value;
                        else
                            delete message.max_tokens;
                        continue;
                    }
                case 6: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.bool())
                            message.streaming = value;
                        else
                            delete message.streaming;
                        continue;
                    }
                case 19: {
                        if (wireType !== 0)
                            break;
                        message.cache_salt_id = reader.int64();
                        message._cache_salt_id = "cache_salt_id";
                        continue;
                    }
                case 22: {
                        if (wireType === 2) {
                            if (!(message.stop_token_ids && message.stop_token_ids.length))
                                message.stop_token_ids = [];
                            reader.uint32s(message.stop_token_ids);
                            continue;
                        }
                        if (wireType !== 0)
                            break;
                        if (!(message.stop_token_ids && message.stop_token_ids.length))
                            message.stop_token_ids = [];
                        message.stop_token_ids.push(reader.uint32());
                        continue;
                    }
                case 23: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.bool())
                            message.ignore_eos = value;
                        else
                            delete message.ignore_eos;
                        continue;
                    }
                case 25: {
                        if (wireType === 2) {
                            if (!(message.bad_token_ids && message.bad_token_ids.length))
                                message.bad_token_ids = [];
                            reader.uint32s(message.bad_token_ids);
                            continue;
                        }
                        if (wireType !== 0)
                            break;
                        if (!(message.bad_token_ids && message.bad_token_ids.length))
                            message.bad_token_ids = [];
                        message.bad_token_ids.push(reader.uint32());
                        continue;
                    }
                case 26: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.bool())
                            message.include_stop_token_in_output = value;
                        else
                            delete message.include_stop_token_in_output;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return GenerateRequest;
    })();

    trtllm.TokenizedInput = (function() {

        const TokenizedInput = function (properties) {
            this.input_token_ids = [];
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        TokenizedInput.prototype.input_token_ids = $util.emptyArray;

        TokenizedInput.create = function(properties) {
            return new TokenizedInput(properties);
        };

        TokenizedInput.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.input_token_ids != null && message.input_token_ids.length)
                writer.uint32(18).uint32s(message.input_token_ids);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        TokenizedInput.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.trtllm.TokenizedInput();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 2: {
                        if (wireType === 2) {
                            if (!(message.input_token_ids && message.input_token_ids.length))
                                message.input_token_ids = [];
                            reader.uint32s(message.input_token_ids);
                            continue;
                        }
                        if (wireType !== 0)
                            break;
                        if (!(message.input_token_ids && message.input_token_ids.length))
                            message.input_token_ids = [];
                        message.input_token_ids.push(reader.uint32());
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return TokenizedInput;
    })();

    trtllm.SamplingConfig = (function() {

        const SamplingConfig = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        SamplingConfig.prototype.beam_width = 0;
        SamplingConfig.prototype.num_return_sequences = 0;
        SamplingConfig.prototype.top_k = null;
        SamplingConfig.prototype.top_p = null;
        SamplingConfig.prototype.seed = null;
        SamplingConfig.prototype.temperature = null;
        SamplingConfig.prototype.min_tokens = null;
        SamplingConfig.prototype.repetition_penalty = null;
        SamplingConfig.prototype.presence_penalty = null;
        SamplingConfig.prototype.frequency_penalty = null;
        SamplingConfig.prototype.min_p = null;

        let $oneOfFields;

        // Virtual OneOf for proto3 optional field
        $Object.defineProperty(SamplingConfig.prototype, "_top_k", {
            get: $util.oneOfGetter($oneOfFields = ["top_k"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        // Virtual OneOf for proto3 optional field
        $Object.defineProperty(SamplingConfig.prototype, "_top_p", {
            get: $util.oneOfGetter($oneOfFields = ["top_p"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        // Virtual OneOf for proto3 optional field
        $Object.defineProperty(SamplingConfig.prototype, "_seed", {
            get: $util.oneOfGetter($oneOfFields = ["seed"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        // Virtual OneOf for proto3 optional field
        $Object.defineProperty(SamplingConfig.prototype, "_temperature", {
            get: $util.oneOfGetter($oneOfFields = ["temperature"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        // Virtual OneOf for proto3 optional field
        $Object.defineProperty(SamplingConfig.prototype, "_min_tokens", {
            get: $util.oneOfGetter($oneOfFields = ["min_tokens"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        // Virtual OneOf for proto3 optional field
        $Object.defineProperty(SamplingConfig.prototype, "_repetition_penalty", {
            get: $util.oneOfGetter($oneOfFields = ["repetition_penalty"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        // Virtual OneOf for proto3 optional field
        $Object.defineProperty(SamplingConfig.prototype, "_presence_penalty", {
            get: $util.oneOfGetter($oneOfFields = ["presence_penalty"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        // Virtual OneOf for proto3 optional field
        $Object.defineProperty(SamplingConfig.prototype, "_frequency_penalty", {
            get: $util.oneOfGetter($oneOfFields = ["frequency_penalty"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        // Virtual OneOf for proto3 optional field
        $Object.defineProperty(SamplingConfig.prototype, "_min_p", {
            get: $util.oneOfGetter($oneOfFields = ["min_p"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        SamplingConfig.create = function(properties) {
            return new SamplingConfig(properties);
        };

        SamplingConfig.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.beam_width != null && $Object.hasOwnProperty.call(message, "beam_width") && message.beam_width !== 0)
                writer.uint32(8).int32(message.beam_width);
            if (message.num_return_sequences != null && $Object.hasOwnProperty.call(message, "num_return_sequences") && message.num_return_sequences !== 0)
                writer.uint32(16).uint32(message.num_return_sequences);
            if (message.top_k != null && $Object.hasOwnProperty.call(message, "top_k"))
                writer.uint32(24).int32(message.top_k);
            if (message.top_p != null && $Object.hasOwnProperty.call(message, "top_p"))
                writer.uint32(37).float(message.top_p);
            if (message.seed != null && $Object.hasOwnProperty.call(message, "seed"))
                writer.uint32(64).uint64(message.seed);
            if (message.temperature != null && $Object.hasOwnProperty.call(message, "temperature"))
                writer.uint32(77).float(message.temperature);
            if (message.min_tokens != null && $Object.hasOwnProperty.call(message, "min_tokens"))
                writer.uint32(80).uint32(message.min_tokens);
            if (message.repetition_penalty != null && $Object.hasOwnProperty.call(message, "repetition_penalty"))
                writer.uint32(101).float(message.repetition_penalty);
            if (message.presence_penalty != null && $Object.hasOwnProperty.call(message, "presence_penalty"))
                writer.uint32(109).float(message.presence_penalty);
            if (message.frequency_penalty != null && $Object.hasOwnProperty.call(message, "frequency_penalty"))
                writer.uint32(117).float(message.frequency_penalty);
            if (message.min_p != null && $Object.hasOwnProperty.call(message, "min_p"))
                writer.uint32(157).float(message.min_p);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        SamplingConfig.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.trtllm.SamplingConfig();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.int32())
                            message.beam_width = value;
                        else
                            delete message.beam_width;
                        continue;
                    }
                case 2: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.num_return_sequences = value;
                        else
                            delete message.num_return_sequences;
                        continue;
                    }
                case 3: {
                        if (wireType !== 0)
                            break;
                        message.top_k = reader.int32();
                        message._top_k = "top_k";
                        continue;
                    }
                case 4: {
                        if (wireType !== 5)
                            break;
                        message.top_p = reader.float();
                        message._top_p = "top_p";
                        continue;
                    }
                case 8: {
                        if (wireType !== 0)
                            break;
                        message.seed = reader.uint64();
                        message._seed = "seed";
                        continue;
                    }
                case 9: {
                        if (wireType !== 5)
                            break;
                        message.temperature = reader.float();
                        message._temperature = "temperature";
                        continue;
                    }
                case 10: {
                        if (wireType !== 0)
                            break;
                        message.min_tokens = reader.uint32();
                        message._min_tokens = "min_tokens";
                        continue;
                    }
                case 12: {
                        if (wireType !== 5)
                            break;
                        message.repetition_penalty = reader.float();
                        message._repetition_penalty = "repetition_penalty";
                        continue;
                    }
                case 13: {
                        if (wireType !== 5)
                            break;
                        message.presence_penalty = reader.float();
                        message._presence_penalty = "presence_penalty";
                        continue;
                    }
                case 14: {
                        if (wireType !== 5)
                            break;
                        message.frequency_penalty = reader.float();
                        message._frequency_penalty = "frequency_penalty";
                        continue;
                    }
                case 19: {
                        if (wireType !== 5)
                            break;
                        message.min_p = reader.float();
                        message._min_p = "min_p";
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return SamplingConfig;
    })();

    trtllm.OutputConfig = (function() {

        const OutputConfig = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        OutputConfig.prototype.logprobs = null;
        OutputConfig.prototype.exclude_input_from_output = false;

        let $oneOfFields;

        // Virtual OneOf for proto3 optional field
        $Object.defineProperty(OutputConfig.prototype, "_logprobs", {
            get: $util.oneOfGetter($oneOfFields = ["logprobs"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        OutputConfig.create = function(properties) {
            return new OutputConfig(properties);
        };

        OutputConfig.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.logprobs != null && $Object.hasOwnProperty.call(message, "logprobs"))
                writer.uint32(8).int32(message.logprobs);
            if (message.exclude_input_from_output != null && $Object.hasOwnProperty.call(message, "exclude_input_from_output") && message.exclude_input_from_output !== false)
                writer.uint32(40).bool(message.exclude_input_from_output);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        OutputConfig.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.trtllm.OutputConfig();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 0)
                            break;
                        message.logprobs = reader.int32();
                        message._logprobs = "logprobs";
                        continue;
                    }
                case 5: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.bool())
                            message.exclude_input_from_output = value;
                        else
                            delete message.exclude_input_from_output;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return OutputConfig;
    })();

    trtllm.GenerateResponse = (function() {

        const GenerateResponse = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        GenerateResponse.prototype.request_id = "";
        GenerateResponse.prototype.chunk = null;
        GenerateResponse.prototype.complete = null;

        let $oneOfFields;

        $Object.defineProperty(GenerateResponse.prototype, "response", {
            get: $util.oneOfGetter($oneOfFields = ["chunk", "complete"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        GenerateResponse.create = function(properties) {
            return new GenerateResponse(properties);
        };

        GenerateResponse.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.request_id != null && $Object.hasOwnProperty.call(message, "request_id") && message.request_id !== "")
                writer.uint32(10).string(message.request_id);
            if (message.chunk != null && $Object.hasOwnProperty.call(message, "chunk"))
                $root.trtllm.GenerateStreamChunk.encode(message.chunk, writer.uint32(18).fork(), _depth + 1).ldelim();
            if (message.complete != null && $Object.hasOwnProperty.call(message, "complete"))
                $root.trtllm.GenerateComplete.encode(message.complete, writer.uint32(26).fork(), _depth + 1).ldelim();
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        GenerateResponse.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.trtllm.GenerateResponse();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.request_id = value;
                        else
                            delete message.request_id;
                        continue;
                    }
                case 2: {
                        if (wireType !== 2)
                            break;
                        message.chunk = $root.trtllm.GenerateStreamChunk.decode(reader, reader.size(), $undefined, _depth + 1, message.chunk);
                        message.response = "chunk";
                        continue;
                    }
                case 3: {
                        if (wireType !== 2)
                            break;
                        message.complete = $root.trtllm.GenerateComplete.decode(reader, reader.size(), $undefined, _depth + 1, message.complete);
                        message.response = "complete";
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return GenerateResponse;
    })();

    trtllm.GenerateStreamChunk = (function() {

        const GenerateStreamChunk = function (properties) {
            this.token_ids = [];
            this.logprobs = [];
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        GenerateStreamChunk.prototype.token_ids = $util.emptyArray;
        GenerateStreamChunk.prototype.sequence_index = 0;
        GenerateStreamChunk.prototype.prompt_tokens = 0;
        GenerateStreamChunk.prototype.completion_tokens = 0;
        GenerateStreamChunk.prototype.cached_tokens = 0;
        GenerateStreamChunk.prototype.logprobs = $util.emptyArray;

        GenerateStreamChunk.create = function(properties) {
            return new GenerateStreamChunk(properties);
        };

        GenerateStreamChunk.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.token_ids != null && message.token_ids.length)
                writer.uint32(10).uint32s(message.token_ids);
            if (message.sequence_index != null && $Object.hasOwnProperty.call(message, "sequence_index") && message.sequence_index !== 0)
                writer.uint32(16).uint32(message.sequence_index);
            if (message.prompt_tokens != null && $Object.hasOwnProperty.call(message, "prompt_tokens") && message.prompt_tokens !== 0)
                writer.uint32(24).uint32(message.prompt_tokens);
            if (message.completion_tokens != null && $Object.hasOwnProperty.call(message, "completion_tokens") && message.completion_tokens !== 0)
                writer.uint32(32).uint32(message.completion_tokens);
            if (message.cached_tokens != null && $Object.hasOwnProperty.call(message, "cached_tokens") && message.cached_tokens !== 0)
                writer.uint32(40).uint32(message.cached_tokens);
            if (message.logprobs != null && message.logprobs.length)
                for (let i = 0; i < message.logprobs.length; ++i)
                    $root.trtllm.TokenLogprob.encode(message.logprobs[i], writer.uint32(50).fork(), _depth + 1).ldelim();
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        GenerateStreamChunk.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.trtllm.GenerateStreamChunk();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType === 2) {
                            if (!(message.token_ids && message.token_ids.length))
                                message.token_ids = [];
                            reader.uint32s(message.token_ids);
                            continue;
                        }
                        if (wireType !== 0)
                            break;
                        if (!(message.token_ids && message.token_ids.length))
                            message.token_ids = [];
                        message.token_ids.push(reader.uint32());
                        continue;
                    }
                case 2: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.sequence_index = value;
                        else
                            delete message.sequence_index;
                        continue;
                    }
                case 3: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.prompt_tokens = value;
                        else
                            delete message.prompt_tokens;
                        continue;
                    }
                case 4: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.completion_tokens = value;
                        else
                            delete message.completion_tokens;
                        continue;
                    }
                case 5: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.cached_tokens = value;
                        else
                            delete message.cached_tokens;
                        continue;
                    }
                case 6: {
                        if (wireType !== 2)
                            break;
                        if (!(message.logprobs && message.logprobs.length))
                            message.logprobs = [];
                        message.logprobs.push($root.trtllm.TokenLogprob.decode(reader, reader.size(), $undefined, _depth + 1));
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return GenerateStreamChunk;
    })();

    trtllm.GenerateComplete = (function() {

        const GenerateComplete = function (properties) {
            this.output_token_ids = [];
            this.logprobs = [];
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        GenerateComplete.prototype.output_token_ids = $util.emptyArray;
        GenerateComplete.prototype.sequence_index = 0;
        GenerateComplete.prototype.finish_reason = "";
        GenerateComplete.prototype.matched_stop_str = null;
        GenerateComplete.prototype.matched_token_id = null;
        GenerateComplete.prototype.prompt_tokens = 0;
        GenerateComplete.prototype.completion_tokens = 0;
        GenerateComplete.prototype.cached_tokens = 0;
        GenerateComplete.prototype.logprobs = $util.emptyArray;

        let $oneOfFields;

        $Object.defineProperty(GenerateComplete.prototype, "matched_stop", {
            get: $util.oneOfGetter($oneOfFields = ["matched_stop_str", "matched_token_id"]),
            set: $util.oneOfSetter($oneOfFields)
        });

        GenerateComplete.create = function(properties) {
            return new GenerateComplete(properties);
        };

        GenerateComplete.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.output_token_ids != null && message.output_token_ids.length)
                writer.uint32(10).uint32s(message.output_token_ids);
            if (message.sequence_index != null && $Object.hasOwnProperty.call(message, "sequence_index") && message.sequence_index !== 0)
                writer.uint32(16).uint32(message.sequence_index);
            if (message.finish_reason != null && $Object.hasOwnProperty.call(message, "finish_reason") && message.finish_reason !== "")
                writer.uint32(26).string(message.finish_reason);
            if (message.matched_stop_str != null && $Object.hasOwnProperty.call(message, "matched_stop_str"))
                writer.uint32(34).string(message.matched_stop_str);
            if (message.prompt_tokens != null && $Object.hasOwnProperty.call(message, "prompt_tokens") && message.prompt_tokens !== 0)
                writer.uint32(40).uint32(message.prompt_tokens);
            if (message.completion_tokens != null && $Object.hasOwnProperty.call(message, "completion_tokens") && message.completion_tokens !== 0)
                writer.uint32(48).uint32(message.completion_tokens);
            if (message.cached_tokens != null && $Object.hasOwnProperty.call(message, "cached_tokens") && message.cached_tokens !== 0)
                writer.uint32(56).uint32(message.cached_tokens);
            if (message.logprobs != null && message.logprobs.length)
                for (let i = 0; i < message.logprobs.length; ++i)
                    $root.trtllm.TokenLogprob.encode(message.logprobs[i], writer.uint32(66).fork(), _depth + 1).ldelim();
            if (message.matched_token_id != null && $Object.hasOwnProperty.call(message, "matched_token_id"))
                writer.uint32(104).uint32(message.matched_token_id);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        GenerateComplete.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.trtllm.GenerateComplete();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType === 2) {
                            if (!(message.output_token_ids && message.output_token_ids.length))
                                message.output_token_ids = [];
                            reader.uint32s(message.output_token_ids);
                            continue;
                        }
                        if (wireType !== 0)
                            break;
                        if (!(message.output_token_ids && message.output_token_ids.length))
                            message.output_token_ids = [];
                        message.output_token_ids.push(reader.uint32());
                        continue;
                    }
                case 2: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.sequence_index = value;
                        else
                            delete message.sequence_index;
                        continue;
                    }
                case 3: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.finish_reason = value;
                        else
                            delete message.finish_reason;
                        continue;
                    }
                case 4: {
                        if (wireType !== 2)
                            break;
                        message.matched_stop_str = reader.stringVerify();
                        message.matched_stop = "matched_stop_str";
                        continue;
                    }
                case 13: {
                        if (wireType !== 0)
                            break;
                        message.matched_token_id = reader.uint32();
                        message.matched_stop = "matched_token_id";
                        continue;
                    }
                case 5: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.prompt_tokens = value;
                        else
                            delete message.prompt_tokens;
                        continue;
                    }
                case 6: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.completion_tokens = value;
                        else
                            delete message.completion_tokens;
                        continue;
                    }
                case 7: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.cached_tokens = value;
                        else
                            delete message.cached_tokens;
                        continue;
                    }
                case 8: {
                        if (wireType !== 2)
                            break;
                        if (!(message.logprobs && message.logprobs.length))
                            message.logprobs = [];
                        message.logprobs.push($root.trtllm.TokenLogprob.decode(reader, reader.size(), $undefined, _depth + 1));
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return GenerateComplete;
    })();

    trtllm.TokenLogprob = (function() {

        const TokenLogprob = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        TokenLogprob.prototype.token_id = 0;
        TokenLogprob.prototype.logprob = 0;

        TokenLogprob.create = function(properties) {
            return new TokenLogprob(properties);
        };

        TokenLogprob.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.token_id != null && $Object.hasOwnProperty.call(message, "token_id") && message.token_id !== 0)
                writer.uint32(8).uint32(message.token_id);
            if (message.logprob != null && $Object.hasOwnProperty.call(message, "logprob") && !$Object.is(message.logprob, 0))
                writer.uint32(21).float(message.logprob);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        TokenLogprob.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.trtllm.TokenLogprob();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.uint32())
                            message.token_id = value;
                        else
                            delete message.token_id;
                        continue;
                    }
                case 2: {
                        if (wireType !== 5)
                            break;
                        if (!$Object.is(value = reader.float(), 0))
                            message.logprob = value;
                        else
                            delete message.logprob;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return TokenLogprob;
    })();

    trtllm.HealthCheckRequest = (function() {

        const HealthCheckRequest = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        HealthCheckRequest.create = function(properties) {
            return new HealthCheckRequest(properties);
        };

        HealthCheckRequest.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        HealthCheckRequest.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.trtllm.HealthCheckRequest();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                reader.skipType(tag & 7, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return HealthCheckRequest;
    })();

    trtllm.HealthCheckResponse = (function() {

        const HealthCheckResponse = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        HealthCheckResponse.prototype.status = "";

        HealthCheckResponse.create = function(properties) {
            return new HealthCheckResponse(properties);
        };

        HealthCheckResponse.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.status != null && $Object.hasOwnProperty.call(message, "status") && message.status !== "")
                writer.uint32(10).string(message.status);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        HealthCheckResponse.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.trtllm.HealthCheckResponse();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.status = value;
                        else
                            delete message.status;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return HealthCheckResponse;
    })();

    trtllm.AbortRequest = (function() {

        const AbortRequest = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        AbortRequest.prototype.request_id = "";

        AbortRequest.create = function(properties) {
            return new AbortRequest(properties);
        };

        AbortRequest.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.request_id != null && $Object.hasOwnProperty.call(message, "request_id") && message.request_id !== "")
                writer.uint32(10).string(message.request_id);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        AbortRequest.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.trtllm.AbortRequest();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.request_id = value;
                        else
                            delete message.request_id;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return AbortRequest;
    })();

    trtllm.AbortResponse = (function() {

        const AbortResponse = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        AbortResponse.prototype.success = false;
        AbortResponse.prototype.message = "";

        AbortResponse.create = function(properties) {
            return new AbortResponse(properties);
        };

        AbortResponse.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.success != null && $Object.hasOwnProperty.call(message, "success") && message.success !== false)
                writer.uint32(8).bool(message.success);
            if (message.message != null && $Object.hasOwnProperty.call(message, "message") && message.message !== "")
                writer.uint32(18).string(message.message);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        AbortResponse.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.trtllm.AbortResponse();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.bool())
                            message.success = value;
                        else
                            delete message.success;
                        continue;
                    }
                case 2: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.message = value;
                        else
                            delete message.message;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return AbortResponse;
    })();

    trtllm.GetModelInfoRequest = (function() {

        const GetModelInfoRequest = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        GetModelInfoRequest.create = function(properties) {
            return new GetModelInfoRequest(properties);
        };

        GetModelInfoRequest.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        GetModelInfoRequest.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.trtllm.GetModelInfoRequest();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                reader.skipType(tag & 7, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return GetModelInfoRequest;
    })();

    trtllm.GetModelInfoResponse = (function() {

        const GetModelInfoResponse = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        GetModelInfoResponse.prototype.model_id = "";
        GetModelInfoResponse.prototype.max_input_len = 0;
        GetModelInfoResponse.prototype.max_seq_len = 0;
        GetModelInfoResponse.prototype.max_batch_size = 0;
        GetModelInfoResponse.prototype.vocab_size = 0;

        GetModelInfoResponse.create = function(properties) {
            return new GetModelInfoResponse(properties);
        };

        GetModelInfoResponse.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.model_id != null && $Object.hasOwnProperty.call(message, "model_id") && message.model_id !== "")
                writer.uint32(10).string(message.model_id);
            if (message.max_input_len != null && $Object.hasOwnProperty.call(message, "max_input_len") && message.max_input_len !== 0)
                writer.uint32(16).int32(message.max_input_len);
            if (message.max_seq_len != null && $Object.hasOwnProperty.call(message, "max_seq_len") && message.max_seq_len !== 0)
                writer.uint32(24).int32(message.max_seq_len);
            if (message.max_batch_size != null && $Object.hasOwnProperty.call(message, "max_batch_size") && message.max_batch_size !== 0)
                writer.uint32(32).int32(message.max_batch_size);
            if (message.vocab_size != null && $Object.hasOwnProperty.call(message, "vocab_size") && message.vocab_size !== 0)
                writer.uint32(40).int32(message.vocab_size);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        GetModelInfoResponse.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.trtllm.GetModelInfoResponse();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.model_id = value;
                        else
                            delete message.model_id;
                        continue;
                    }
                case 2: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.int32())
                            message.max_input_len = value;
                        else
                            delete message.max_input_len;
                        continue;
                    }
                case 3: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.int32())
                            message.max_seq_len = value;
                        else
                            delete message.max_seq_len;
                        continue;
                    }
                case 4: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.int32())
                            message.max_batch_size = value;
                        else
                            delete message.max_batch_size;
                        continue;
                    }
                case 5: {
                        if (wireType !== 0)
                            break;
                        if (value = reader.int32())
                            message.vocab_size = value;
                        else
                            delete message.vocab_size;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return GetModelInfoResponse;
    })();

    trtllm.GetServerInfoRequest = (function() {

        const GetServerInfoRequest = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        GetServerInfoRequest.create = function(properties) {
            return new GetServerInfoRequest(properties);
        };

        GetServerInfoRequest.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        GetServerInfoRequest.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.trtllm.GetServerInfoRequest();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                reader.skipType(tag & 7, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return GetServerInfoRequest;
    })();

    trtllm.GetServerInfoResponse = (function() {

        const GetServerInfoResponse = function (properties) {
            if (properties)
                for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                    if (properties[keys[i]] != null && keys[i] !== "__proto__")
                        this[keys[i]] = properties[keys[i]];
        };

        GetServerInfoResponse.prototype.version = "";
        GetServerInfoResponse.prototype.backend = "";

        GetServerInfoResponse.create = function(properties) {
            return new GetServerInfoResponse(properties);
        };

        GetServerInfoResponse.encode = function (message, writer, _depth) {
            if (!writer)
                writer = $Writer.create();
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $util.recursionLimit)
                throw $Error("max depth exceeded");
            if (message.version != null && $Object.hasOwnProperty.call(message, "version") && message.version !== "")
                writer.uint32(10).string(message.version);
            if (message.backend != null && $Object.hasOwnProperty.call(message, "backend") && message.backend !== "")
                writer.uint32(18).string(message.backend);
            if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                for (let i = 0; i < message.$unknowns.length; ++i)
                    writer.raw(message.$unknowns[i]);
            return writer;
        };

        GetServerInfoResponse.decode = function (reader, length, _end, _depth, _target) {
            if (!(reader instanceof $Reader))
                reader = $Reader.create(reader);
            if (_depth === $undefined)
                _depth = 0;
            if (_depth > $Reader.recursionLimit)
                throw $Error("max depth exceeded");
            let end, message, value;
            if (length === $undefined)
                end = reader.len;
            else {
                end = reader.pos + length;
                if (end > reader.len)
                    throw $RangeError("index out of range");
                length = reader.len;
                reader.len = end;
            }
            message = _target || new $root.trtllm.GetServerInfoResponse();
            while (reader.pos < end) {
                let start = reader.pos;
                let tag = reader.tag();
                if (tag === _end) {
                    _end = $undefined;
                    break;
                }
                let wireType = tag & 7;
                switch (tag >>>= 3) {
                case 1: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.version = value;
                        else
                            delete message.version;
                        continue;
                    }
                case 2: {
                        if (wireType !== 2)
                            break;
                        if ((value = reader.stringVerify()).length)
                            message.backend = value;
                        else
                            delete message.backend;
                        continue;
                    }
                }
                reader.skipType(wireType, _depth, tag);
                if (!reader.discardUnknown) {
                    $util.makeProp(message, "$unknowns", false);
                    (message.$unknowns || (message.$unknowns = [])).push(reader.raw(start, reader.pos));
                }
            }
            if (length !== $undefined) {
                if (reader.pos !== end)
                    throw $RangeError("index out of range");
                reader.len = length;
            }
            if (_end !== $undefined)
                throw $Error("missing end group");
            return message;
        };

        return GetServerInfoResponse;
    })();

    return trtllm;
})();

export {
  $root as default
};
