// Made by tools/generate-proto.ts from proto/; not edited.
/*eslint-disable block-scoped-var, id-length, no-control-regex, no-magic-numbers, no-mixed-operators, no-prototype-builtins, no-redeclare, no-shadow, no-var, sort-vars, default-case, jsdoc/require-param*/
import $protobuf from "protobufjs/minimal.js";

const $Reader = $protobuf.Reader, $Writer = $protobuf.Writer, $util = $protobuf.util;
const $Object = $util.global.Object, $undefined = $util.global.undefined, $Error = $util.global.Error, $RangeError = $util.global.RangeError;

const $root = $protobuf.roots["paceline"] || ($protobuf.roots["paceline"] = {});

export const paceline = $root.paceline = (() => {

    const paceline = {};

    paceline.v1 = (function() {

        const v1 = {};

        v1.RolloutRef = (function() {

            const RolloutRef = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            RolloutRef.prototype.id = "";
            RolloutRef.prototype.job = null;
            RolloutRef.prototype.timeline = null;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(RolloutRef.prototype, "_job", {
                get: $util.oneOfGetter($oneOfFields = ["job"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(RolloutRef.prototype, "_timeline", {
                get: $util.oneOfGetter($oneOfFields = ["timeline"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            RolloutRef.create = function(properties) {
                return new RolloutRef(properties);
            };

            RolloutRef.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== "")
                    writer.uint32(10).string(message.id);
                if (message.job != null && $Object.hasOwnProperty.call(message, "job"))
                    writer.uint32(18).string(message.job);
                if (message.timeline != null && $Object.hasOwnProperty.call(message, "timeline"))
                    writer.uint32(24).bool(message.timeline);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            RolloutRef.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.RolloutRef();
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
                                message.id = value;
                            else
                                delete message.id;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.job = reader.stringVerify();
                            message._job = "job";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            message.timeline = reader.bool();
                            message._timeline = "timeline";
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

            return RolloutRef;
        })();

        v1.Rollout = (function() {

            const Rollout = function (properties) {
                this.prompt_token_ids = [];
                this.media = [];
                this.required_features = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Rollout.prototype.id = null;
            Rollout.prototype.job = null;
            Rollout.prototype.policy = null;
            Rollout.prototype.pool = null;
            Rollout.prototype.prompt_token_ids = $util.emptyArray;
            Rollout.prototype.media = $util.emptyArray;
            Rollout.prototype.sampling = null;
            Rollout.prototype["continue"] = null;
            Rollout.prototype.group = null;
            Rollout.prototype.session = null;
            Rollout.prototype.version = null;
            Rollout.prototype.on_update = null;
            Rollout.prototype.cache = null;
            Rollout.prototype.resume = null;
            Rollout.prototype.priority = null;
            Rollout.prototype.hints = null;
            Rollout.prototype.want = null;
            Rollout.prototype.timeout_ms = null;
            Rollout.prototype.deliver = null;
            Rollout.prototype.required_features = $util.emptyArray;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Rollout.prototype, "_id", {
                get: $util.oneOfGetter($oneOfFields = ["id"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Rollout.prototype, "_job", {
                get: $util.oneOfGetter($oneOfFields = ["job"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Rollout.prototype, "_policy", {
                get: $util.oneOfGetter($oneOfFields = ["policy"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Rollout.prototype, "_pool", {
                get: $util.oneOfGetter($oneOfFields = ["pool"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Rollout.prototype, "_continue", {
                get: $util.oneOfGetter($oneOfFields = ["continue"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Rollout.prototype, "_group", {
                get: $util.oneOfGetter($oneOfFields = ["group"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Rollout.prototype, "_session", {
                get: $util.oneOfGetter($oneOfFields = ["session"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Rollout.prototype, "_version", {
                get: $util.oneOfGetter($oneOfFields = ["version"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Rollout.prototype, "_on_update", {
                get: $util.oneOfGetter($oneOfFields = ["on_update"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Rollout.prototype, "_cache", {
                get: $util.oneOfGetter($oneOfFields = ["cache"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Rollout.prototype, "_resume", {
                get: $util.oneOfGetter($oneOfFields = ["resume"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Rollout.prototype, "_priority", {
                get: $util.oneOfGetter($oneOfFields = ["priority"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Rollout.prototype, "_hints", {
                get: $util.oneOfGetter($oneOfFields = ["hints"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Rollout.prototype, "_want", {
                get: $util.oneOfGetter($oneOfFields = ["want"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Rollout.prototype, "_timeout_ms", {
                get: $util.oneOfGetter($oneOfFields = ["timeout_ms"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Rollout.prototype, "_deliver", {
                get: $util.oneOfGetter($oneOfFields = ["deliver"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            Rollout.create = function(properties) {
                return new Rollout(properties);
            };

            Rollout.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.id != null && $Object.hasOwnProperty.call(message, "id"))
                    writer.uint32(10).string(message.id);
                if (message.job != null && $Object.hasOwnProperty.call(message, "job"))
                    writer.uint32(18).string(message.job);
                if (message.policy != null && $Object.hasOwnProperty.call(message, "policy"))
                    writer.uint32(26).string(message.policy);
                if (message.pool != null && $Object.hasOwnProperty.call(message, "pool"))
                    writer.uint32(34).string(message.pool);
                if (message.prompt_token_ids != null && message.prompt_token_ids.length)
                    writer.uint32(42).uint32s(message.prompt_token_ids);
                if (message.media != null && message.media.length)
                    for (let i = 0; i < message.media.length; ++i)
                        $root.paceline.v1.Media.encode(message.media[i], writer.uint32(50).fork(), _depth + 1).ldelim();
                if (message.sampling != null && $Object.hasOwnProperty.call(message, "sampling"))
                    $root.paceline.v1.Sampling.encode(message.sampling, writer.uint32(58).fork(), _depth + 1).ldelim();
                if (message["continue"] != null && $Object.hasOwnProperty.call(message, "continue"))
                    $root.paceline.v1.Continuation.encode(message["continue"], writer.uint32(66).fork(), _depth + 1).ldelim();
                if (message.group != null && $Object.hasOwnProperty.call(message, "group"))
                    $root.paceline.v1.GroupRef.encode(message.group, writer.uint32(74).fork(), _depth + 1).ldelim();
                if (message.session != null && $Object.hasOwnProperty.call(message, "session"))
                    $root.paceline.v1.SessionRef.encode(message.session, writer.uint32(82).fork(), _depth + 1).ldelim();
                if (message.version != null && $Object.hasOwnProperty.call(message, "version"))
                    $root.paceline.v1.VersionConstraint.encode(message.version, writer.uint32(90).fork(), _depth + 1).ldelim();
                if (message.on_update != null && $Object.hasOwnProperty.call(message, "on_update"))
                    writer.uint32(96).int32(message.on_update);
                if (message.cache != null && $Object.hasOwnProperty.call(message, "cache"))
                    $root.paceline.v1.Cache.encode(message.cache, writer.uint32(106).fork(), _depth + 1).ldelim();
                if (message.resume != null && $Object.hasOwnProperty.call(message, "resume"))
                    writer.uint32(112).int32(message.resume);
                if (message.priority != null && $Object.hasOwnProperty.call(message, "priority"))
                    writer.uint32(120).int32(message.priority);
                if (message.hints != null && $Object.hasOwnProperty.call(message, "hints"))
                    $root.paceline.v1.Hints.encode(message.hints, writer.uint32(130).fork(), _depth + 1).ldelim();
                if (message.want != null && $Object.hasOwnProperty.call(message, "want"))
                    $root.paceline.v1.Want.encode(message.want, writer.uint32(138).fork(), _depth + 1).ldelim();
                if (message.timeout_ms != null && $Object.hasOwnProperty.call(message, "timeout_ms"))
                    writer.uint32(144).uint32(message.timeout_ms);
                if (message.deliver != null && $Object.hasOwnProperty.call(message, "deliver"))
                    writer.uint32(152).int32(message.deliver);
                if (message.required_features != null && message.required_features.length)
                    for (let i = 0; i < message.required_features.length; ++i)
                        writer.uint32(162).string(message.required_features[i]);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Rollout.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Rollout();
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
                            message.id = reader.stringVerify();
                            message._id = "id";
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.job = reader.stringVerify();
                            message._job = "job";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            message.policy = reader.stringVerify();
                            message._policy = "policy";
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            message.pool = reader.stringVerify();
                            message._pool = "pool";
                            continue;
                        }
                    case 5: {
                            if (wireType === 2) {
                                if (!(message.prompt_token_ids && message.prompt_token_ids.length))
                                    message.prompt_token_ids = [];
                                reader.uint32s(message.prompt_token_ids);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.prompt_token_ids && message.prompt_token_ids.length))
                                message.prompt_token_ids = [];
                            message.prompt_token_ids.push(reader.uint32());
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            if (!(message.media && message.media.length))
                                message.media = [];
                            message.media.push($root.paceline.v1.Media.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            message.sampling = $root.paceline.v1.Sampling.decode(reader, reader.size(), $undefined, _depth + 1, message.sampling);
                            continue;
                        }
                    case 8: {
                            if (wireType !== 2)
                                break;
                            message["continue"] = $root.paceline.v1.Continuation.decode(reader, reader.size(), $undefined, _depth + 1, message["continue"]);
                            message._continue = "continue";
                            continue;
                        }
                    case 9: {
                            if (wireType !== 2)
                                break;
                            message.group = $root.paceline.v1.GroupRef.decode(reader, reader.size(), $undefined, _depth + 1, message.group);
                            message._group = "group";
                            continue;
                        }
                    case 10: {
                            if (wireType !== 2)
                                break;
                            message.session = $root.paceline.v1.SessionRef.decode(reader, reader.size(), $undefined, _depth + 1, message.session);
                            message._session = "session";
                            continue;
                        }
                    case 11: {
                            if (wireType !== 2)
                                break;
                            message.version = $root.paceline.v1.VersionConstraint.decode(reader, reader.size(), $undefined, _depth + 1, message.version);
                            message._version = "version";
                            continue;
                        }
                    case 12: {
                            if (wireType !== 0)
                                break;
                            message.on_update = reader.int32();
                            message._on_update = "on_update";
                            continue;
                        }
                    case 13: {
                            if (wireType !== 2)
                                break;
                            message.cache = $root.paceline.v1.Cache.decode(reader, reader.size(), $undefined, _depth + 1, message.cache);
                            message._cache = "cache";
                            continue;
                        }
                    case 14: {
                            if (wireType !== 0)
                                break;
                            message.resume = reader.int32();
                            message._resume = "resume";
                            continue;
                        }
                    case 15: {
                            if (wireType !== 0)
                                break;
                            message.priority = reader.int32();
                            message._priority = "priority";
                            continue;
                        }
                    case 16: {
                            if (wireType !== 2)
                                break;
                            message.hints = $root.paceline.v1.Hints.decode(reader, reader.size(), $undefined, _depth + 1, message.hints);
                            message._hints = "hints";
                            continue;
                        }
                    case 17: {
                            if (wireType !== 2)
                                break;
                            message.want = $root.paceline.v1.Want.decode(reader, reader.size(), $undefined, _depth + 1, message.want);
                            message._want = "want";
                            continue;
                        }
                    case 18: {
                            if (wireType !== 0)
                                break;
                            message.timeout_ms = reader.uint32();
                            message._timeout_ms = "timeout_ms";
                            continue;
                        }
                    case 19: {
                            if (wireType !== 0)
                                break;
                            message.deliver = reader.int32();
                            message._deliver = "deliver";
                            continue;
                        }
                    case 20: {
                            if (wireType !== 2)
                                break;
                            if (!(message.required_features && message.required_features.length))
                                message.required_features = [];
                            message.required_features.push(reader.stringVerify());
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

            return Rollout;
        })();

        v1.Media = (function() {

            const Media = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Media.prototype.kind = "";
            Media.prototype.sha256 = null;
            Media.prototype.uri = null;
            Media.prototype.placeholder = null;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Media.prototype, "_sha256", {
                get: $util.oneOfGetter($oneOfFields = ["sha256"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Media.prototype, "_uri", {
                get: $util.oneOfGetter($oneOfFields = ["uri"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Media.prototype, "_placeholder", {
                get: $util.oneOfGetter($oneOfFields = ["placeholder"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            Media.create = function(properties) {
                return new Media(properties);
            };

            Media.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.kind != null && $Object.hasOwnProperty.call(message, "kind") && message.kind !== "")
                    writer.uint32(10).string(message.kind);
                if (message.sha256 != null && $Object.hasOwnProperty.call(message, "sha256"))
                    writer.uint32(18).string(message.sha256);
                if (message.uri != null && $Object.hasOwnProperty.call(message, "uri"))
                    writer.uint32(26).string(message.uri);
                if (message.placeholder != null && $Object.hasOwnProperty.call(message, "placeholder"))
                    $root.paceline.v1.Placeholder.encode(message.placeholder, writer.uint32(34).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Media.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Media();
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
                                message.kind = value;
                            else
                                delete message.kind;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.sha256 = reader.stringVerify();
                            message._sha256 = "sha256";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            message.uri = reader.stringVerify();
                            message._uri = "uri";
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            message.placeholder = $root.paceline.v1.Placeholder.decode(reader, reader.size(), $undefined, _depth + 1, message.placeholder);
                            message._placeholder = "placeholder";
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

            return Media;
        })();

        v1.Placeholder = (function() {

            const Placeholder = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Placeholder.prototype.offset = 0;
            Placeholder.prototype.length = 0;

            Placeholder.create = function(properties) {
                return new Placeholder(properties);
            };

            Placeholder.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.offset != null && $Object.hasOwnProperty.call(message, "offset") && message.offset !== 0)
                    writer.uint32(8).uint32(message.offset);
                if (message.length != null && $Object.hasOwnProperty.call(message, "length") && message.length !== 0)
                    writer.uint32(16).uint32(message.length);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Placeholder.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Placeholder();
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
                                message.offset = value;
                            else
                                delete message.offset;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.length = value;
                            else
                                delete message.length;
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

            return Placeholder;
        })();

        v1.Sampling = (function() {

            const Sampling = function (properties) {
                this.stop_token_ids = [];
                this.stop = [];
                this.logit_bias = {};
                this.allowed_token_ids = [];
                this.bad_words = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Sampling.prototype.max_new_tokens = null;
            Sampling.prototype.max_total_tokens = null;
            Sampling.prototype.min_new_tokens = null;
            Sampling.prototype.temperature = null;
            Sampling.prototype.top_p = null;
            Sampling.prototype.top_k = null;
            Sampling.prototype.min_p = null;
            Sampling.prototype.presence_penalty = null;
            Sampling.prototype.frequency_penalty = null;
            Sampling.prototype.repetition_penalty = null;
            Sampling.prototype.stop_token_ids = $util.emptyArray;
            Sampling.prototype.stop = $util.emptyArray;
            Sampling.prototype.ignore_eos = null;
            Sampling.prototype.seed = null;
            Sampling.prototype.logit_bias = $util.emptyObject;
            Sampling.prototype.allowed_token_ids = $util.emptyArray;
            Sampling.prototype.bad_words = $util.emptyArray;
            Sampling.prototype.structured = null;
            Sampling.prototype.engine = null;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Sampling.prototype, "_max_new_tokens", {
                get: $util.oneOfGetter($oneOfFields = ["max_new_tokens"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Sampling.prototype, "_max_total_tokens", {
                get: $util.oneOfGetter($oneOfFields = ["max_total_tokens"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Sampling.prototype, "_min_new_tokens", {
                get: $util.oneOfGetter($oneOfFields = ["min_new_tokens"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Sampling.prototype, "_temperature", {
                get: $util.oneOfGetter($oneOfFields = ["temperature"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Sampling.prototype, "_top_p", {
                get: $util.oneOfGetter($oneOfFields = ["top_p"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Sampling.prototype, "_top_k", {
                get: $util.oneOfGetter($oneOfFields = ["top_k"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Sampling.prototype, "_min_p", {
                get: $util.oneOfGetter($oneOfFields = ["min_p"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Sampling.prototype, "_presence_penalty", {
                get: $util.oneOfGetter($oneOfFields = ["presence_penalty"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Sampling.prototype, "_frequency_penalty", {
                get: $util.oneOfGetter($oneOfFields = ["frequency_penalty"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Sampling.prototype, "_repetition_penalty", {
                get: $util.oneOfGetter($oneOfFields = ["repetition_penalty"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Sampling.prototype, "_ignore_eos", {
                get: $util.oneOfGetter($oneOfFields = ["ignore_eos"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Sampling.prototype, "_seed", {
                get: $util.oneOfGetter($oneOfFields = ["seed"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Sampling.prototype, "_structured", {
                get: $util.oneOfGetter($oneOfFields = ["structured"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Sampling.prototype, "_engine", {
                get: $util.oneOfGetter($oneOfFields = ["engine"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            Sampling.create = function(properties) {
                return new Sampling(properties);
            };

            Sampling.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.max_new_tokens != null && $Object.hasOwnProperty.call(message, "max_new_tokens"))
                    writer.uint32(8).uint32(message.max_new_tokens);
                if (message.max_total_tokens != null && $Object.hasOwnProperty.call(message, "max_total_tokens"))
                    writer.uint32(16).uint32(message.max_total_tokens);
                if (message.min_new_tokens != null && $Object.hasOwnProperty.call(message, "min_new_tokens"))
                    writer.uint32(24).uint32(message.min_new_tokens);
                if (message.temperature != null && $Object.hasOwnProperty.call(message, "temperature"))
                    writer.uint32(33).double(message.temperature);
                if (message.top_p != null && $Object.hasOwnProperty.call(message, "top_p"))
                    writer.uint32(41).double(message.top_p);
                if (message.top_k != null && $Object.hasOwnProperty.call(message, "top_k"))
                    writer.uint32(48).int32(message.top_k);
                if (message.min_p != null && $Object.hasOwnProperty.call(message, "min_p"))
                    writer.uint32(57).double(message.min_p);
                if (message.presence_penalty != null && $Object.hasOwnProperty.call(message, "presence_penalty"))
                    writer.uint32(65).double(message.presence_penalty);
                if (message.frequency_penalty != null && $Object.hasOwnProperty.call(message, "frequency_penalty"))
                    writer.uint32(73).double(message.frequency_penalty);
                if (message.repetition_penalty != null && $Object.hasOwnProperty.call(message, "repetition_penalty"))
                    writer.uint32(81).double(message.repetition_penalty);
                if (message.stop_token_ids != null && message.stop_token_ids.length)
                    writer.uint32(90).uint32s(message.stop_token_ids);
                if (message.stop != null && message.stop.length)
                    for (let i = 0; i < message.stop.length; ++i)
                        writer.uint32(98).string(message.stop[i]);
                if (message.ignore_eos != null && $Object.hasOwnProperty.call(message, "ignore_eos"))
                    writer.uint32(104).bool(message.ignore_eos);
                if (message.seed != null && $Object.hasOwnProperty.call(message, "seed"))
                    writer.uint32(112).uint64(message.seed);
                if (message.logit_bias != null && $Object.hasOwnProperty.call(message, "logit_bias"))
                    for (let keys = $Object.keys(message.logit_bias), i = 0; i < keys.length; ++i)
                        writer.uint32(122).fork().uint32(8).uint32(keys[i]).uint32(17).double(message.logit_bias[keys[i]]).ldelim();
                if (message.allowed_token_ids != null && message.allowed_token_ids.length)
                    writer.uint32(130).uint32s(message.allowed_token_ids);
                if (message.bad_words != null && message.bad_words.length)
                    for (let i = 0; i < message.bad_words.length; ++i)
                        writer.uint32(138).string(message.bad_words[i]);
                if (message.structured != null && $Object.hasOwnProperty.call(message, "structured"))
                    $root.google.protobuf.Value.encode(message.structured, writer.uint32(146).fork(), _depth + 1).ldelim();
                if (message.engine != null && $Object.hasOwnProperty.call(message, "engine"))
                    $root.google.protobuf.Struct.encode(message.engine, writer.uint32(154).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Sampling.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, key, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.paceline.v1.Sampling();
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
                            message.max_new_tokens = reader.uint32();
                            message._max_new_tokens = "max_new_tokens";
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            message.max_total_tokens = reader.uint32();
                            message._max_total_tokens = "max_total_tokens";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            message.min_new_tokens = reader.uint32();
                            message._min_new_tokens = "min_new_tokens";
                            continue;
                        }
                    case 4: {
                            if (wireType !== 1)
                                break;
                            message.temperature = reader.double();
                            message._temperature = "temperature";
                            continue;
                        }
                    case 5: {
                            if (wireType !== 1)
                                break;
                            message.top_p = reader.double();
                            message._top_p = "top_p";
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            message.top_k = reader.int32();
                            message._top_k = "top_k";
                            continue;
                        }
                    case 7: {
                            if (wireType !== 1)
                                break;
                            message.min_p = reader.double();
                            message._min_p = "min_p";
                            continue;
                        }
                    case 8: {
                            if (wireType !== 1)
                                break;
                            message.presence_penalty = reader.double();
                            message._presence_penalty = "presence_penalty";
                            continue;
                        }
                    case 9: {
                            if (wireType !== 1)
                                break;
                            message.frequency_penalty = reader.double();
                            message._frequency_penalty = "frequency_penalty";
                            continue;
                        }
                    case 10: {
                            if (wireType !== 1)
                                break;
                            message.repetition_penalty = reader.double();
                            message._repetition_penalty = "repetition_penalty";
                            continue;
                        }
                    case 11: {
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
                    case 12: {
                            if (wireType !== 2)
                                break;
                            if (!(message.stop && message.stop.length))
                                message.stop = [];
                            message.stop.push(reader.stringVerify());
                            continue;
                        }
                    case 13: {
                            if (wireType !== 0)
                                break;
                            message.ignore_eos = reader.bool();
                            message._ignore_eos = "ignore_eos";
                            continue;
                        }
                    case 14: {
                            if (wireType !== 0)
                                break;
                            message.seed = reader.uint64();
                            message._seed = "seed";
                            continue;
                        }
                    case 15: {
                            if (wireType !== 2)
                                break;
                            if (message.logit_bias === $util.emptyObject)
                                message.logit_bias = {};
                            let end2 = reader.size() + reader.pos;
                            if (end2 > reader.len)
                                throw $RangeError("index out of range");
                            reader.len = end2;
                            key = 0;
                            value = 0;
                            while (reader.pos < end2) {
                                let tag2 = reader.tag();
                                wireType = tag2 & 7;
                                switch (tag2 >>>= 3) {
                                case 1:
                                    if (wireType !== 0)
                                        break;
                                    key = reader.uint32();
                                    continue;
                                case 2:
                                    if (wireType !== 1)
                                        break;
                                    value = reader.double();
                                    continue;
                                }
                                reader.skipType(wireType, _depth, tag2);
                            }
                            if (reader.pos !== end2)
                                throw $RangeError("index out of range");
                            reader.len = end;
                            message.logit_bias[key] = value;
                            continue;
                        }
                    case 16: {
                            if (wireType === 2) {
                                if (!(message.allowed_token_ids && message.allowed_token_ids.length))
                                    message.allowed_token_ids = [];
                                reader.uint32s(message.allowed_token_ids);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.allowed_token_ids && message.allowed_token_ids.length))
                                message.allowed_token_ids = [];
                            message.allowed_token_ids.push(reader.uint32());
                            continue;
                        }
                    case 17: {
                            if (wireType !== 2)
                                break;
                            if (!(message.bad_words && message.bad_words.length))
                                message.bad_words = [];
                            message.bad_words.push(reader.stringVerify());
                            continue;
                        }
                    case 18: {
                            if (wireType !== 2)
                                break;
                            message.structured = $root.google.protobuf.Value.decode(reader, reader.size(), $undefined, _depth + 1, message.structured);
                            message._structured = "structured";
                            continue;
                        }
                    case 19: {
                            if (wireType !== 2)
                                break;
                            message.engine = $root.google.protobuf.Struct.decode(reader, reader.size(), $undefined, _depth + 1, message.engine);
                            message._engine = "engine";
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

            return Sampling;
        })();

        v1.Continuation = (function() {

            const Continuation = function (properties) {
                this.output_token_ids = [];
                this.logprobs = [];
                this.spans = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Continuation.prototype.output_token_ids = $util.emptyArray;
            Continuation.prototype.logprobs = $util.emptyArray;
            Continuation.prototype.spans = $util.emptyArray;

            Continuation.create = function(properties) {
                return new Continuation(properties);
            };

            Continuation.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.output_token_ids != null && message.output_token_ids.length)
                    writer.uint32(10).uint32s(message.output_token_ids);
                if (message.logprobs != null && message.logprobs.length)
                    writer.uint32(18).floats(message.logprobs);
                if (message.spans != null && message.spans.length)
                    for (let i = 0; i < message.spans.length; ++i)
                        $root.paceline.v1.Span.encode(message.spans[i], writer.uint32(26).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Continuation.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Continuation();
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
                            if (wireType === 2) {
                                if (!(message.logprobs && message.logprobs.length))
                                    message.logprobs = [];
                                reader.floats(message.logprobs);
                                continue;
                            }
                            if (wireType !== 5)
                                break;
                            if (!(message.logprobs && message.logprobs.length))
                                message.logprobs = [];
                            message.logprobs.push(reader.float());
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if (!(message.spans && message.spans.length))
                                message.spans = [];
                            message.spans.push($root.paceline.v1.Span.decode(reader, reader.size(), $undefined, _depth + 1));
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

            return Continuation;
        })();

        v1.GroupRef = (function() {

            const GroupRef = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            GroupRef.prototype.id = "";
            GroupRef.prototype.size = 0;
            GroupRef.prototype.index = 0;

            GroupRef.create = function(properties) {
                return new GroupRef(properties);
            };

            GroupRef.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== "")
                    writer.uint32(10).string(message.id);
                if (message.size != null && $Object.hasOwnProperty.call(message, "size") && message.size !== 0)
                    writer.uint32(16).uint32(message.size);
                if (message.index != null && $Object.hasOwnProperty.call(message, "index") && message.index !== 0)
                    writer.uint32(24).uint32(message.index);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            GroupRef.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.GroupRef();
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
                                message.id = value;
                            else
                                delete message.id;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.size = value;
                            else
                                delete message.size;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.index = value;
                            else
                                delete message.index;
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

            return GroupRef;
        })();

        v1.SessionRef = (function() {

            const SessionRef = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            SessionRef.prototype.id = "";
            SessionRef.prototype.turn = null;
            SessionRef.prototype.branch = null;
            SessionRef.prototype.final = null;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(SessionRef.prototype, "_turn", {
                get: $util.oneOfGetter($oneOfFields = ["turn"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(SessionRef.prototype, "_branch", {
                get: $util.oneOfGetter($oneOfFields = ["branch"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(SessionRef.prototype, "_final", {
                get: $util.oneOfGetter($oneOfFields = ["final"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            SessionRef.create = function(properties) {
                return new SessionRef(properties);
            };

            SessionRef.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== "")
                    writer.uint32(10).string(message.id);
                if (message.turn != null && $Object.hasOwnProperty.call(message, "turn"))
                    writer.uint32(16).uint32(message.turn);
                if (message.branch != null && $Object.hasOwnProperty.call(message, "branch"))
                    writer.uint32(24).uint32(message.branch);
                if (message.final != null && $Object.hasOwnProperty.call(message, "final"))
                    writer.uint32(32).bool(message.final);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            SessionRef.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.SessionRef();
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
                                message.id = value;
                            else
                                delete message.id;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            message.turn = reader.uint32();
                            message._turn = "turn";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            message.branch = reader.uint32();
                            message._branch = "branch";
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            message.final = reader.bool();
                            message._final = "final";
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

            return SessionRef;
        })();

        v1.VersionConstraint = (function() {

            const VersionConstraint = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            VersionConstraint.prototype.exact = null;
            VersionConstraint.prototype.min = null;
            VersionConstraint.prototype.max_lag = null;
            VersionConstraint.prototype.min_step = null;

            let $oneOfFields;

            $Object.defineProperty(VersionConstraint.prototype, "constraint", {
                get: $util.oneOfGetter($oneOfFields = ["exact", "min", "max_lag", "min_step"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            VersionConstraint.create = function(properties) {
                return new VersionConstraint(properties);
            };

            VersionConstraint.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.exact != null && $Object.hasOwnProperty.call(message, "exact"))
                    writer.uint32(8).uint64(message.exact);
                if (message.min != null && $Object.hasOwnProperty.call(message, "min"))
                    writer.uint32(16).uint64(message.min);
                if (message.max_lag != null && $Object.hasOwnProperty.call(message, "max_lag"))
                    writer.uint32(24).uint64(message.max_lag);
                if (message.min_step != null && $Object.hasOwnProperty.call(message, "min_step"))
                    writer.uint32(32).uint64(message.min_step);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            VersionConstraint.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.VersionConstraint();
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
                            message.exact = reader.uint64();
                            message.constraint = "exact";
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            message.min = reader.uint64();
                            message.constraint = "min";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            message.max_lag = reader.uint64();
                            message.constraint = "max_lag";
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            message.min_step = reader.uint64();
                            message.constraint = "min_step";
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

            return VersionConstraint;
        })();

        v1.Cache = (function() {

            const Cache = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Cache.prototype.reuse = null;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Cache.prototype, "_reuse", {
                get: $util.oneOfGetter($oneOfFields = ["reuse"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            Cache.create = function(properties) {
                return new Cache(properties);
            };

            Cache.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.reuse != null && $Object.hasOwnProperty.call(message, "reuse"))
                    writer.uint32(8).int32(message.reuse);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Cache.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Cache();
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
                            message.reuse = reader.int32();
                            message._reuse = "reuse";
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

            return Cache;
        })();

        v1.Hints = (function() {

            const Hints = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Hints.prototype.expected_new_tokens = null;
            Hints.prototype.next_turn = null;
            Hints.prototype.latency = null;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Hints.prototype, "_expected_new_tokens", {
                get: $util.oneOfGetter($oneOfFields = ["expected_new_tokens"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Hints.prototype, "_next_turn", {
                get: $util.oneOfGetter($oneOfFields = ["next_turn"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Hints.prototype, "_latency", {
                get: $util.oneOfGetter($oneOfFields = ["latency"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            Hints.create = function(properties) {
                return new Hints(properties);
            };

            Hints.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.expected_new_tokens != null && $Object.hasOwnProperty.call(message, "expected_new_tokens"))
                    writer.uint32(8).uint32(message.expected_new_tokens);
                if (message.next_turn != null && $Object.hasOwnProperty.call(message, "next_turn"))
                    writer.uint32(16).bool(message.next_turn);
                if (message.latency != null && $Object.hasOwnProperty.call(message, "latency"))
                    writer.uint32(24).int32(message.latency);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Hints.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Hints();
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
                            message.expected_new_tokens = reader.uint32();
                            message._expected_new_tokens = "expected_new_tokens";
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            message.next_turn = reader.bool();
                            message._next_turn = "next_turn";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            message.latency = reader.int32();
                            message._latency = "latency";
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

            return Hints;
        })();

        v1.Want = (function() {

            const Want = function (properties) {
                this.logprob_modes = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Want.prototype.logprob_modes = $util.emptyArray;
            Want.prototype.prompt_logprobs = null;
            Want.prototype.top_logprobs = null;
            Want.prototype.routed_experts = null;
            Want.prototype.sampling_mask = null;
            Want.prototype.routed_experts_start = null;
            Want.prototype.side_by_ref = null;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Want.prototype, "_prompt_logprobs", {
                get: $util.oneOfGetter($oneOfFields = ["prompt_logprobs"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Want.prototype, "_top_logprobs", {
                get: $util.oneOfGetter($oneOfFields = ["top_logprobs"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Want.prototype, "_routed_experts", {
                get: $util.oneOfGetter($oneOfFields = ["routed_experts"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Want.prototype, "_sampling_mask", {
                get: $util.oneOfGetter($oneOfFields = ["sampling_mask"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Want.prototype, "_routed_experts_start", {
                get: $util.oneOfGetter($oneOfFields = ["routed_experts_start"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Want.prototype, "_side_by_ref", {
                get: $util.oneOfGetter($oneOfFields = ["side_by_ref"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            Want.create = function(properties) {
                return new Want(properties);
            };

            Want.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.logprob_modes != null && message.logprob_modes.length)
                    writer.uint32(10).int32s(message.logprob_modes);
                if (message.prompt_logprobs != null && $Object.hasOwnProperty.call(message, "prompt_logprobs"))
                    $root.paceline.v1.PromptLogprobs.encode(message.prompt_logprobs, writer.uint32(18).fork(), _depth + 1).ldelim();
                if (message.top_logprobs != null && $Object.hasOwnProperty.call(message, "top_logprobs"))
                    writer.uint32(24).uint32(message.top_logprobs);
                if (message.routed_experts != null && $Object.hasOwnProperty.call(message, "routed_experts"))
                    writer.uint32(32).bool(message.routed_experts);
                if (message.sampling_mask != null && $Object.hasOwnProperty.call(message, "sampling_mask"))
                    writer.uint32(40).bool(message.sampling_mask);
                if (message.routed_experts_start != null && $Object.hasOwnProperty.call(message, "routed_experts_start"))
                    writer.uint32(48).uint32(message.routed_experts_start);
                if (message.side_by_ref != null && $Object.hasOwnProperty.call(message, "side_by_ref"))
                    writer.uint32(56).bool(message.side_by_ref);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Want.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Want();
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
                                if (!(message.logprob_modes && message.logprob_modes.length))
                                    message.logprob_modes = [];
                                reader.int32s(message.logprob_modes);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.logprob_modes && message.logprob_modes.length))
                                message.logprob_modes = [];
                            message.logprob_modes.push(reader.int32());
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.prompt_logprobs = $root.paceline.v1.PromptLogprobs.decode(reader, reader.size(), $undefined, _depth + 1, message.prompt_logprobs);
                            message._prompt_logprobs = "prompt_logprobs";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            message.top_logprobs = reader.uint32();
                            message._top_logprobs = "top_logprobs";
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            message.routed_experts = reader.bool();
                            message._routed_experts = "routed_experts";
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            message.sampling_mask = reader.bool();
                            message._sampling_mask = "sampling_mask";
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            message.routed_experts_start = reader.uint32();
                            message._routed_experts_start = "routed_experts_start";
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            message.side_by_ref = reader.bool();
                            message._side_by_ref = "side_by_ref";
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

            return Want;
        })();

        v1.PromptLogprobs = (function() {

            const PromptLogprobs = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            PromptLogprobs.prototype.start = 0;

            PromptLogprobs.create = function(properties) {
                return new PromptLogprobs(properties);
            };

            PromptLogprobs.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.start != null && $Object.hasOwnProperty.call(message, "start") && message.start !== 0)
                    writer.uint32(8).uint32(message.start);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            PromptLogprobs.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.PromptLogprobs();
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
                                message.start = value;
                            else
                                delete message.start;
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

            return PromptLogprobs;
        })();

        v1.OnUpdate = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "ON_UPDATE_UNSPECIFIED"] = 0;
            values[valuesById[1] = "ON_UPDATE_KEEP"] = 1;
            values[valuesById[2] = "ON_UPDATE_REPREFILL"] = 2;
            values[valuesById[3] = "ON_UPDATE_FINISH"] = 3;
            return values;
        })();

        v1.CacheReuse = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "CACHE_REUSE_UNSPECIFIED"] = 0;
            values[valuesById[1] = "CACHE_REUSE_VERSION"] = 1;
            values[valuesById[2] = "CACHE_REUSE_SESSION"] = 2;
            return values;
        })();

        v1.Resume = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "RESUME_UNSPECIFIED"] = 0;
            values[valuesById[1] = "RESUME_REQUIRED"] = 1;
            values[valuesById[2] = "RESUME_BEST"] = 2;
            values[valuesById[3] = "RESUME_NEVER"] = 3;
            return values;
        })();

        v1.Latency = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "LATENCY_UNSPECIFIED"] = 0;
            values[valuesById[1] = "LATENCY_THROUGHPUT"] = 1;
            values[valuesById[2] = "LATENCY_INTERACTIVE"] = 2;
            return values;
        })();

        v1.LogprobMode = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "LOGPROB_MODE_UNSPECIFIED"] = 0;
            values[valuesById[1] = "LOGPROB_MODE_PROCESSED"] = 1;
            values[valuesById[2] = "LOGPROB_MODE_TEMPERED"] = 2;
            values[valuesById[3] = "LOGPROB_MODE_PENALISED"] = 3;
            values[valuesById[4] = "LOGPROB_MODE_RAW"] = 4;
            return values;
        })();

        v1.Deliver = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "DELIVER_UNSPECIFIED"] = 0;
            values[valuesById[1] = "DELIVER_REPLY"] = 1;
            values[valuesById[2] = "DELIVER_FEED"] = 2;
            return values;
        })();

        v1.Label = (function() {

            const Label = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Label.prototype.run = "";
            Label.prototype.step = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            Label.create = function(properties) {
                return new Label(properties);
            };

            Label.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.run != null && $Object.hasOwnProperty.call(message, "run") && message.run !== "")
                    writer.uint32(10).string(message.run);
                if (message.step != null && $Object.hasOwnProperty.call(message, "step") && (typeof message.step === "object" ? message.step.low || message.step.high : message.step !== 0))
                    writer.uint32(16).uint64(message.step);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Label.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Label();
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
                                message.run = value;
                            else
                                delete message.run;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.step = value;
                            else
                                delete message.step;
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

            return Label;
        })();

        v1.Span = (function() {

            const Span = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Span.prototype.version = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Span.prototype.label = null;
            Span.prototype.base_version = null;
            Span.prototype.start = 0;
            Span.prototype.end = 0;
            Span.prototype.kv = 0;
            Span.prototype.attested = 0;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Span.prototype, "_label", {
                get: $util.oneOfGetter($oneOfFields = ["label"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Span.prototype, "_base_version", {
                get: $util.oneOfGetter($oneOfFields = ["base_version"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            Span.create = function(properties) {
                return new Span(properties);
            };

            Span.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.version != null && $Object.hasOwnProperty.call(message, "version") && (typeof message.version === "object" ? message.version.low || message.version.high : message.version !== 0))
                    writer.uint32(8).uint64(message.version);
                if (message.label != null && $Object.hasOwnProperty.call(message, "label"))
                    $root.paceline.v1.Label.encode(message.label, writer.uint32(18).fork(), _depth + 1).ldelim();
                if (message.base_version != null && $Object.hasOwnProperty.call(message, "base_version"))
                    writer.uint32(24).uint64(message.base_version);
                if (message.start != null && $Object.hasOwnProperty.call(message, "start") && message.start !== 0)
                    writer.uint32(32).uint32(message.start);
                if (message.end != null && $Object.hasOwnProperty.call(message, "end") && message.end !== 0)
                    writer.uint32(40).uint32(message.end);
                if (message.kv != null && $Object.hasOwnProperty.call(message, "kv") && message.kv !== 0)
                    writer.uint32(48).int32(message.kv);
                if (message.attested != null && $Object.hasOwnProperty.call(message, "attested") && message.attested !== 0)
                    writer.uint32(56).int32(message.attested);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Span.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Span();
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
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.version = value;
                            else
                                delete message.version;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.label = $root.paceline.v1.Label.decode(reader, reader.size(), $undefined, _depth + 1, message.label);
                            message._label = "label";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            message.base_version = reader.uint64();
                            message._base_version = "base_version";
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.start = value;
                            else
                                delete message.start;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.end = value;
                            else
                                delete message.end;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.kv = value;
                            else
                                delete message.kv;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.attested = value;
                            else
                                delete message.attested;
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

            return Span;
        })();

        v1.Kv = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "KV_UNSPECIFIED"] = 0;
            values[valuesById[1] = "KV_PURE"] = 1;
            values[valuesById[2] = "KV_MIXED"] = 2;
            values[valuesById[3] = "KV_UNKNOWN"] = 3;
            return values;
        })();

        v1.Attested = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "ATTESTED_UNSPECIFIED"] = 0;
            values[valuesById[1] = "ATTESTED_ENGINE"] = 1;
            values[valuesById[2] = "ATTESTED_COORDINATOR"] = 2;
            values[valuesById[3] = "ATTESTED_NONE"] = 3;
            return values;
        })();

        v1.Result = (function() {

            const Result = function (properties) {
                this.output_token_ids = [];
                this.logprobs = [];
                this.spans = [];
                this.segments = [];
                this.prompt_logprobs = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Result.prototype.id = "";
            Result.prototype.job = "";
            Result.prototype.policy = "";
            Result.prototype.group = null;
            Result.prototype.session = null;
            Result.prototype.output_token_ids = $util.emptyArray;
            Result.prototype.logprobs = $util.emptyArray;
            Result.prototype.logprob_mode = 0;
            Result.prototype.finish_reason = null;
            Result.prototype.spans = $util.emptyArray;
            Result.prototype.segments = $util.emptyArray;
            Result.prototype.routing = null;
            Result.prototype.usage = null;
            Result.prototype.prompt_logprobs = $util.emptyArray;
            Result.prototype.prompt_version = null;
            Result.prototype.top_logprobs = null;
            Result.prototype.side = null;
            Result.prototype.stale = null;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Result.prototype, "_group", {
                get: $util.oneOfGetter($oneOfFields = ["group"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Result.prototype, "_session", {
                get: $util.oneOfGetter($oneOfFields = ["session"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Result.prototype, "_prompt_version", {
                get: $util.oneOfGetter($oneOfFields = ["prompt_version"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Result.prototype, "_top_logprobs", {
                get: $util.oneOfGetter($oneOfFields = ["top_logprobs"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Result.prototype, "_side", {
                get: $util.oneOfGetter($oneOfFields = ["side"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Result.prototype, "_stale", {
                get: $util.oneOfGetter($oneOfFields = ["stale"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            Result.create = function(properties) {
                return new Result(properties);
            };

            Result.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== "")
                    writer.uint32(10).string(message.id);
                if (message.job != null && $Object.hasOwnProperty.call(message, "job") && message.job !== "")
                    writer.uint32(18).string(message.job);
                if (message.policy != null && $Object.hasOwnProperty.call(message, "policy") && message.policy !== "")
                    writer.uint32(26).string(message.policy);
                if (message.group != null && $Object.hasOwnProperty.call(message, "group"))
                    $root.paceline.v1.GroupRef.encode(message.group, writer.uint32(34).fork(), _depth + 1).ldelim();
                if (message.session != null && $Object.hasOwnProperty.call(message, "session"))
                    $root.paceline.v1.SessionRef.encode(message.session, writer.uint32(42).fork(), _depth + 1).ldelim();
                if (message.output_token_ids != null && message.output_token_ids.length)
                    writer.uint32(50).uint32s(message.output_token_ids);
                if (message.logprobs != null && message.logprobs.length)
                    writer.uint32(58).floats(message.logprobs);
                if (message.logprob_mode != null && $Object.hasOwnProperty.call(message, "logprob_mode") && message.logprob_mode !== 0)
                    writer.uint32(64).int32(message.logprob_mode);
                if (message.finish_reason != null && $Object.hasOwnProperty.call(message, "finish_reason"))
                    $root.paceline.v1.FinishReason.encode(message.finish_reason, writer.uint32(74).fork(), _depth + 1).ldelim();
                if (message.spans != null && message.spans.length)
                    for (let i = 0; i < message.spans.length; ++i)
                        $root.paceline.v1.Span.encode(message.spans[i], writer.uint32(82).fork(), _depth + 1).ldelim();
                if (message.segments != null && message.segments.length)
                    for (let i = 0; i < message.segments.length; ++i)
                        $root.paceline.v1.Segment.encode(message.segments[i], writer.uint32(90).fork(), _depth + 1).ldelim();
                if (message.routing != null && $Object.hasOwnProperty.call(message, "routing"))
                    $root.paceline.v1.Routing.encode(message.routing, writer.uint32(98).fork(), _depth + 1).ldelim();
                if (message.usage != null && $Object.hasOwnProperty.call(message, "usage"))
                    $root.paceline.v1.Usage.encode(message.usage, writer.uint32(106).fork(), _depth + 1).ldelim();
                if (message.prompt_logprobs != null && message.prompt_logprobs.length)
                    writer.uint32(114).floats(message.prompt_logprobs);
                if (message.prompt_version != null && $Object.hasOwnProperty.call(message, "prompt_version"))
                    writer.uint32(120).uint64(message.prompt_version);
                if (message.top_logprobs != null && $Object.hasOwnProperty.call(message, "top_logprobs"))
                    $root.paceline.v1.TopLogprobs.encode(message.top_logprobs, writer.uint32(130).fork(), _depth + 1).ldelim();
                if (message.side != null && $Object.hasOwnProperty.call(message, "side"))
                    $root.paceline.v1.Side.encode(message.side, writer.uint32(138).fork(), _depth + 1).ldelim();
                if (message.stale != null && $Object.hasOwnProperty.call(message, "stale"))
                    $root.paceline.v1.Stale.encode(message.stale, writer.uint32(146).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Result.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Result();
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
                                message.id = value;
                            else
                                delete message.id;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.job = value;
                            else
                                delete message.job;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.policy = value;
                            else
                                delete message.policy;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            message.group = $root.paceline.v1.GroupRef.decode(reader, reader.size(), $undefined, _depth + 1, message.group);
                            message._group = "group";
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            message.session = $root.paceline.v1.SessionRef.decode(reader, reader.size(), $undefined, _depth + 1, message.session);
                            message._session = "session";
                            continue;
                        }
                    case 6: {
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
                    case 7: {
                            if (wireType === 2) {
                                if (!(message.logprobs && message.logprobs.length))
                                    message.logprobs = [];
                                reader.floats(message.logprobs);
                                continue;
                            }
                            if (wireType !== 5)
                                break;
                            if (!(message.logprobs && message.logprobs.length))
                                message.logprobs = [];
                            message.logprobs.push(reader.float());
                            continue;
                        }
                    case 8: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.logprob_mode = value;
                            else
                                delete message.logprob_mode;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 2)
                                break;
                            message.finish_reason = $root.paceline.v1.FinishReason.decode(reader, reader.size(), $undefined, _depth + 1, message.finish_reason);
                            continue;
                        }
                    case 10: {
                            if (wireType !== 2)
                                break;
                            if (!(message.spans && message.spans.length))
                                message.spans = [];
                            message.spans.push($root.paceline.v1.Span.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 11: {
                            if (wireType !== 2)
                                break;
                            if (!(message.segments && message.segments.length))
                                message.segments = [];
                            message.segments.push($root.paceline.v1.Segment.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 12: {
                            if (wireType !== 2)
                                break;
                            message.routing = $root.paceline.v1.Routing.decode(reader, reader.size(), $undefined, _depth + 1, message.routing);
                            continue;
                        }
                    case 13: {
                            if (wireType !== 2)
                                break;
                            message.usage = $root.paceline.v1.Usage.decode(reader, reader.size(), $undefined, _depth + 1, message.usage);
                            continue;
                        }
                    case 14: {
                            if (wireType === 2) {
                                if (!(message.prompt_logprobs && message.prompt_logprobs.length))
                                    message.prompt_logprobs = [];
                                reader.floats(message.prompt_logprobs);
                                continue;
                            }
                            if (wireType !== 5)
                                break;
                            if (!(message.prompt_logprobs && message.prompt_logprobs.length))
                                message.prompt_logprobs = [];
                            message.prompt_logprobs.push(reader.float());
                            continue;
                        }
                    case 15: {
                            if (wireType !== 0)
                                break;
                            message.prompt_version = reader.uint64();
                            message._prompt_version = "prompt_version";
                            continue;
                        }
                    case 16: {
                            if (wireType !== 2)
                                break;
                            message.top_logprobs = $root.paceline.v1.TopLogprobs.decode(reader, reader.size(), $undefined, _depth + 1, message.top_logprobs);
                            message._top_logprobs = "top_logprobs";
                            continue;
                        }
                    case 17: {
                            if (wireType !== 2)
                                break;
                            message.side = $root.paceline.v1.Side.decode(reader, reader.size(), $undefined, _depth + 1, message.side);
                            message._side = "side";
                            continue;
                        }
                    case 18: {
                            if (wireType !== 2)
                                break;
                            message.stale = $root.paceline.v1.Stale.decode(reader, reader.size(), $undefined, _depth + 1, message.stale);
                            message._stale = "stale";
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

            return Result;
        })();

        v1.Stale = (function() {

            const Stale = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Stale.prototype.lag = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Stale.prototype.max_lag = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            Stale.create = function(properties) {
                return new Stale(properties);
            };

            Stale.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.lag != null && $Object.hasOwnProperty.call(message, "lag") && (typeof message.lag === "object" ? message.lag.low || message.lag.high : message.lag !== 0))
                    writer.uint32(8).uint64(message.lag);
                if (message.max_lag != null && $Object.hasOwnProperty.call(message, "max_lag") && (typeof message.max_lag === "object" ? message.max_lag.low || message.max_lag.high : message.max_lag !== 0))
                    writer.uint32(16).uint64(message.max_lag);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Stale.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Stale();
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
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.lag = value;
                            else
                                delete message.lag;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.max_lag = value;
                            else
                                delete message.max_lag;
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

            return Stale;
        })();

        v1.TopLogprobs = (function() {

            const TopLogprobs = function (properties) {
                this.ids = [];
                this.logprobs = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            TopLogprobs.prototype.ids = $util.emptyArray;
            TopLogprobs.prototype.logprobs = $util.emptyArray;

            TopLogprobs.create = function(properties) {
                return new TopLogprobs(properties);
            };

            TopLogprobs.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.ids != null && message.ids.length)
                    for (let i = 0; i < message.ids.length; ++i)
                        $root.paceline.v1.TokenIds.encode(message.ids[i], writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.logprobs != null && message.logprobs.length)
                    for (let i = 0; i < message.logprobs.length; ++i)
                        $root.paceline.v1.Logprobs.encode(message.logprobs[i], writer.uint32(18).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            TopLogprobs.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.TopLogprobs();
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
                            if (!(message.ids && message.ids.length))
                                message.ids = [];
                            message.ids.push($root.paceline.v1.TokenIds.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if (!(message.logprobs && message.logprobs.length))
                                message.logprobs = [];
                            message.logprobs.push($root.paceline.v1.Logprobs.decode(reader, reader.size(), $undefined, _depth + 1));
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

            return TopLogprobs;
        })();

        v1.TokenIds = (function() {

            const TokenIds = function (properties) {
                this.values = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            TokenIds.prototype.values = $util.emptyArray;

            TokenIds.create = function(properties) {
                return new TokenIds(properties);
            };

            TokenIds.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.values != null && message.values.length)
                    writer.uint32(10).uint32s(message.values);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            TokenIds.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.TokenIds();
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
                                if (!(message.values && message.values.length))
                                    message.values = [];
                                reader.uint32s(message.values);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.values && message.values.length))
                                message.values = [];
                            message.values.push(reader.uint32());
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

            return TokenIds;
        })();

        v1.Logprobs = (function() {

            const Logprobs = function (properties) {
                this.values = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Logprobs.prototype.values = $util.emptyArray;

            Logprobs.create = function(properties) {
                return new Logprobs(properties);
            };

            Logprobs.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.values != null && message.values.length)
                    writer.uint32(10).floats(message.values);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Logprobs.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Logprobs();
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
                                if (!(message.values && message.values.length))
                                    message.values = [];
                                reader.floats(message.values);
                                continue;
                            }
                            if (wireType !== 5)
                                break;
                            if (!(message.values && message.values.length))
                                message.values = [];
                            message.values.push(reader.float());
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

            return Logprobs;
        })();

        v1.Side = (function() {

            const Side = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Side.prototype.sampling_mask = null;
            Side.prototype.routed_experts = null;
            Side.prototype.stored = null;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Side.prototype, "_sampling_mask", {
                get: $util.oneOfGetter($oneOfFields = ["sampling_mask"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Side.prototype, "_routed_experts", {
                get: $util.oneOfGetter($oneOfFields = ["routed_experts"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Side.prototype, "_stored", {
                get: $util.oneOfGetter($oneOfFields = ["stored"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            Side.create = function(properties) {
                return new Side(properties);
            };

            Side.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.sampling_mask != null && $Object.hasOwnProperty.call(message, "sampling_mask"))
                    $root.paceline.v1.SamplingMask.encode(message.sampling_mask, writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.routed_experts != null && $Object.hasOwnProperty.call(message, "routed_experts"))
                    $root.paceline.v1.RoutedExperts.encode(message.routed_experts, writer.uint32(18).fork(), _depth + 1).ldelim();
                if (message.stored != null && $Object.hasOwnProperty.call(message, "stored"))
                    $root.paceline.v1.StoredSide.encode(message.stored, writer.uint32(26).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Side.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Side();
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
                            message.sampling_mask = $root.paceline.v1.SamplingMask.decode(reader, reader.size(), $undefined, _depth + 1, message.sampling_mask);
                            message._sampling_mask = "sampling_mask";
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.routed_experts = $root.paceline.v1.RoutedExperts.decode(reader, reader.size(), $undefined, _depth + 1, message.routed_experts);
                            message._routed_experts = "routed_experts";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            message.stored = $root.paceline.v1.StoredSide.decode(reader, reader.size(), $undefined, _depth + 1, message.stored);
                            message._stored = "stored";
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

            return Side;
        })();

        v1.StoredSide = (function() {

            const StoredSide = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            StoredSide.prototype.prompt_logprobs = null;
            StoredSide.prototype.top_logprobs = null;
            StoredSide.prototype.sampling_mask = null;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(StoredSide.prototype, "_prompt_logprobs", {
                get: $util.oneOfGetter($oneOfFields = ["prompt_logprobs"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(StoredSide.prototype, "_top_logprobs", {
                get: $util.oneOfGetter($oneOfFields = ["top_logprobs"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(StoredSide.prototype, "_sampling_mask", {
                get: $util.oneOfGetter($oneOfFields = ["sampling_mask"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            StoredSide.create = function(properties) {
                return new StoredSide(properties);
            };

            StoredSide.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.prompt_logprobs != null && $Object.hasOwnProperty.call(message, "prompt_logprobs"))
                    $root.paceline.v1.StoredPart.encode(message.prompt_logprobs, writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.top_logprobs != null && $Object.hasOwnProperty.call(message, "top_logprobs"))
                    $root.paceline.v1.StoredPart.encode(message.top_logprobs, writer.uint32(18).fork(), _depth + 1).ldelim();
                if (message.sampling_mask != null && $Object.hasOwnProperty.call(message, "sampling_mask"))
                    $root.paceline.v1.StoredPart.encode(message.sampling_mask, writer.uint32(26).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            StoredSide.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.StoredSide();
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
                            message.prompt_logprobs = $root.paceline.v1.StoredPart.decode(reader, reader.size(), $undefined, _depth + 1, message.prompt_logprobs);
                            message._prompt_logprobs = "prompt_logprobs";
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.top_logprobs = $root.paceline.v1.StoredPart.decode(reader, reader.size(), $undefined, _depth + 1, message.top_logprobs);
                            message._top_logprobs = "top_logprobs";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            message.sampling_mask = $root.paceline.v1.StoredPart.decode(reader, reader.size(), $undefined, _depth + 1, message.sampling_mask);
                            message._sampling_mask = "sampling_mask";
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

            return StoredSide;
        })();

        v1.StoredPart = (function() {

            const StoredPart = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            StoredPart.prototype.ref = "";
            StoredPart.prototype.bytes = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            StoredPart.prototype.rows = 0;
            StoredPart.prototype.entries = 0;

            StoredPart.create = function(properties) {
                return new StoredPart(properties);
            };

            StoredPart.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.ref != null && $Object.hasOwnProperty.call(message, "ref") && message.ref !== "")
                    writer.uint32(10).string(message.ref);
                if (message.bytes != null && $Object.hasOwnProperty.call(message, "bytes") && (typeof message.bytes === "object" ? message.bytes.low || message.bytes.high : message.bytes !== 0))
                    writer.uint32(16).uint64(message.bytes);
                if (message.rows != null && $Object.hasOwnProperty.call(message, "rows") && message.rows !== 0)
                    writer.uint32(24).uint32(message.rows);
                if (message.entries != null && $Object.hasOwnProperty.call(message, "entries") && message.entries !== 0)
                    writer.uint32(32).uint32(message.entries);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            StoredPart.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.StoredPart();
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
                                message.ref = value;
                            else
                                delete message.ref;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.bytes = value;
                            else
                                delete message.bytes;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.rows = value;
                            else
                                delete message.rows;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.entries = value;
                            else
                                delete message.entries;
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

            return StoredPart;
        })();

        v1.RoutedExperts = (function() {

            const RoutedExperts = function (properties) {
                this.shape = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            RoutedExperts.prototype.dtype = 0;
            RoutedExperts.prototype.first_position = 0;
            RoutedExperts.prototype.shape = $util.emptyArray;
            RoutedExperts.prototype.source = 0;
            RoutedExperts.prototype.bytes = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            RoutedExperts.prototype.crc32 = 0;
            RoutedExperts.prototype.data = null;
            RoutedExperts.prototype.ref = null;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(RoutedExperts.prototype, "_data", {
                get: $util.oneOfGetter($oneOfFields = ["data"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(RoutedExperts.prototype, "_ref", {
                get: $util.oneOfGetter($oneOfFields = ["ref"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            RoutedExperts.create = function(properties) {
                return new RoutedExperts(properties);
            };

            RoutedExperts.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.dtype != null && $Object.hasOwnProperty.call(message, "dtype") && message.dtype !== 0)
                    writer.uint32(8).int32(message.dtype);
                if (message.first_position != null && $Object.hasOwnProperty.call(message, "first_position") && message.first_position !== 0)
                    writer.uint32(16).uint32(message.first_position);
                if (message.shape != null && message.shape.length)
                    writer.uint32(26).uint32s(message.shape);
                if (message.source != null && $Object.hasOwnProperty.call(message, "source") && message.source !== 0)
                    writer.uint32(32).int32(message.source);
                if (message.bytes != null && $Object.hasOwnProperty.call(message, "bytes") && (typeof message.bytes === "object" ? message.bytes.low || message.bytes.high : message.bytes !== 0))
                    writer.uint32(40).uint64(message.bytes);
                if (message.crc32 != null && $Object.hasOwnProperty.call(message, "crc32") && message.crc32 !== 0)
                    writer.uint32(48).uint32(message.crc32);
                if (message.data != null && $Object.hasOwnProperty.call(message, "data"))
                    writer.uint32(58).bytes(message.data);
                if (message.ref != null && $Object.hasOwnProperty.call(message, "ref"))
                    writer.uint32(66).string(message.ref);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            RoutedExperts.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.RoutedExperts();
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
                                message.dtype = value;
                            else
                                delete message.dtype;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.first_position = value;
                            else
                                delete message.first_position;
                            continue;
                        }
                    case 3: {
                            if (wireType === 2) {
                                if (!(message.shape && message.shape.length))
                                    message.shape = [];
                                reader.uint32s(message.shape);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.shape && message.shape.length))
                                message.shape = [];
                            message.shape.push(reader.uint32());
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.source = value;
                            else
                                delete message.source;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.bytes = value;
                            else
                                delete message.bytes;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.crc32 = value;
                            else
                                delete message.crc32;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            message.data = reader.bytes();
                            message._data = "data";
                            continue;
                        }
                    case 8: {
                            if (wireType !== 2)
                                break;
                            message.ref = reader.stringVerify();
                            message._ref = "ref";
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

            return RoutedExperts;
        })();

        v1.ExpertsDtype = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "EXPERTS_DTYPE_UNSPECIFIED"] = 0;
            values[valuesById[1] = "EXPERTS_DTYPE_UINT8"] = 1;
            values[valuesById[2] = "EXPERTS_DTYPE_UINT16"] = 2;
            values[valuesById[3] = "EXPERTS_DTYPE_INT32"] = 3;
            return values;
        })();

        v1.ExpertsSource = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "EXPERTS_SOURCE_UNSPECIFIED"] = 0;
            values[valuesById[1] = "EXPERTS_SOURCE_SAMPLED"] = 1;
            values[valuesById[2] = "EXPERTS_SOURCE_RECOMPUTED"] = 2;
            return values;
        })();

        v1.SamplingMask = (function() {

            const SamplingMask = function (properties) {
                this.ids = [];
                this.offsets = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            SamplingMask.prototype.ids = $util.emptyArray;
            SamplingMask.prototype.offsets = $util.emptyArray;

            SamplingMask.create = function(properties) {
                return new SamplingMask(properties);
            };

            SamplingMask.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.ids != null && message.ids.length)
                    writer.uint32(10).uint32s(message.ids);
                if (message.offsets != null && message.offsets.length)
                    writer.uint32(18).uint32s(message.offsets);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            SamplingMask.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.SamplingMask();
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
                                if (!(message.ids && message.ids.length))
                                    message.ids = [];
                                reader.uint32s(message.ids);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.ids && message.ids.length))
                                message.ids = [];
                            message.ids.push(reader.uint32());
                            continue;
                        }
                    case 2: {
                            if (wireType === 2) {
                                if (!(message.offsets && message.offsets.length))
                                    message.offsets = [];
                                reader.uint32s(message.offsets);
                                continue;
                            }
                            if (wireType !== 0)
                                break;
                            if (!(message.offsets && message.offsets.length))
                                message.offsets = [];
                            message.offsets.push(reader.uint32());
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

            return SamplingMask;
        })();

        v1.FinishReason = (function() {

            const FinishReason = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            FinishReason.prototype.type = 0;
            FinishReason.prototype.cause = 0;
            FinishReason.prototype.matched_id = null;
            FinishReason.prototype.matched_string = null;

            let $oneOfFields;

            $Object.defineProperty(FinishReason.prototype, "matched", {
                get: $util.oneOfGetter($oneOfFields = ["matched_id", "matched_string"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            FinishReason.create = function(properties) {
                return new FinishReason(properties);
            };

            FinishReason.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.type != null && $Object.hasOwnProperty.call(message, "type") && message.type !== 0)
                    writer.uint32(8).int32(message.type);
                if (message.cause != null && $Object.hasOwnProperty.call(message, "cause") && message.cause !== 0)
                    writer.uint32(16).int32(message.cause);
                if (message.matched_id != null && $Object.hasOwnProperty.call(message, "matched_id"))
                    writer.uint32(24).uint32(message.matched_id);
                if (message.matched_string != null && $Object.hasOwnProperty.call(message, "matched_string"))
                    writer.uint32(34).string(message.matched_string);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            FinishReason.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.FinishReason();
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
                                message.type = value;
                            else
                                delete message.type;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.cause = value;
                            else
                                delete message.cause;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            message.matched_id = reader.uint32();
                            message.matched = "matched_id";
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            message.matched_string = reader.stringVerify();
                            message.matched = "matched_string";
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

            return FinishReason;
        })();

        v1.FinishType = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "FINISH_TYPE_UNSPECIFIED"] = 0;
            values[valuesById[1] = "FINISH_TYPE_STOP"] = 1;
            values[valuesById[2] = "FINISH_TYPE_LENGTH"] = 2;
            values[valuesById[3] = "FINISH_TYPE_ABORT"] = 3;
            return values;
        })();

        v1.FinishCause = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "FINISH_CAUSE_UNSPECIFIED"] = 0;
            values[valuesById[1] = "FINISH_CAUSE_EOS"] = 1;
            values[valuesById[2] = "FINISH_CAUSE_STOP_ID"] = 2;
            values[valuesById[3] = "FINISH_CAUSE_STOP_STRING"] = 3;
            values[valuesById[4] = "FINISH_CAUSE_MAX_NEW"] = 4;
            values[valuesById[5] = "FINISH_CAUSE_CONTEXT"] = 5;
            values[valuesById[6] = "FINISH_CAUSE_KV"] = 6;
            values[valuesById[7] = "FINISH_CAUSE_CLIENT"] = 7;
            values[valuesById[8] = "FINISH_CAUSE_TIMEOUT"] = 8;
            values[valuesById[9] = "FINISH_CAUSE_NEED"] = 9;
            values[valuesById[10] = "FINISH_CAUSE_STALE"] = 10;
            values[valuesById[11] = "FINISH_CAUSE_DRAIN"] = 11;
            return values;
        })();

        v1.Segment = (function() {

            const Segment = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Segment.prototype.worker = null;
            Segment.prototype.slot = 0;
            Segment.prototype.incarnation = "";
            Segment.prototype.attempt = 0;
            Segment.prototype.start = 0;
            Segment.prototype.end = 0;
            Segment.prototype.resume = 0;
            Segment.prototype.logprob_mode = 0;
            Segment.prototype.numerics = null;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Segment.prototype, "_worker", {
                get: $util.oneOfGetter($oneOfFields = ["worker"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            Segment.create = function(properties) {
                return new Segment(properties);
            };

            Segment.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.worker != null && $Object.hasOwnProperty.call(message, "worker"))
                    writer.uint32(10).string(message.worker);
                if (message.slot != null && $Object.hasOwnProperty.call(message, "slot") && message.slot !== 0)
                    writer.uint32(16).uint32(message.slot);
                if (message.incarnation != null && $Object.hasOwnProperty.call(message, "incarnation") && message.incarnation !== "")
                    writer.uint32(26).string(message.incarnation);
                if (message.attempt != null && $Object.hasOwnProperty.call(message, "attempt") && message.attempt !== 0)
                    writer.uint32(32).uint32(message.attempt);
                if (message.start != null && $Object.hasOwnProperty.call(message, "start") && message.start !== 0)
                    writer.uint32(40).uint32(message.start);
                if (message.end != null && $Object.hasOwnProperty.call(message, "end") && message.end !== 0)
                    writer.uint32(48).uint32(message.end);
                if (message.resume != null && $Object.hasOwnProperty.call(message, "resume") && message.resume !== 0)
                    writer.uint32(56).int32(message.resume);
                if (message.logprob_mode != null && $Object.hasOwnProperty.call(message, "logprob_mode") && message.logprob_mode !== 0)
                    writer.uint32(64).int32(message.logprob_mode);
                if (message.numerics != null && $Object.hasOwnProperty.call(message, "numerics"))
                    $root.paceline.v1.Numerics.encode(message.numerics, writer.uint32(74).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Segment.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Segment();
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
                            message.worker = reader.stringVerify();
                            message._worker = "worker";
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.slot = value;
                            else
                                delete message.slot;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.incarnation = value;
                            else
                                delete message.incarnation;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.attempt = value;
                            else
                                delete message.attempt;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.start = value;
                            else
                                delete message.start;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.end = value;
                            else
                                delete message.end;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.resume = value;
                            else
                                delete message.resume;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.logprob_mode = value;
                            else
                                delete message.logprob_mode;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 2)
                                break;
                            message.numerics = $root.paceline.v1.Numerics.decode(reader, reader.size(), $undefined, _depth + 1, message.numerics);
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

            return Segment;
        })();

        v1.Numerics = (function() {

            const Numerics = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Numerics.prototype.dtype = "";

            Numerics.create = function(properties) {
                return new Numerics(properties);
            };

            Numerics.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.dtype != null && $Object.hasOwnProperty.call(message, "dtype") && message.dtype !== "")
                    writer.uint32(10).string(message.dtype);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Numerics.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Numerics();
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
                                message.dtype = value;
                            else
                                delete message.dtype;
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

            return Numerics;
        })();

        v1.ResumeKind = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "RESUME_KIND_UNSPECIFIED"] = 0;
            values[valuesById[1] = "RESUME_KIND_NONE"] = 1;
            values[valuesById[2] = "RESUME_KIND_CACHE"] = 2;
            values[valuesById[3] = "RESUME_KIND_TRANSFER"] = 3;
            values[valuesById[4] = "RESUME_KIND_PREFILL"] = 4;
            return values;
        })();

        v1.Routing = (function() {

            const Routing = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Routing.prototype.worker = null;
            Routing.prototype.queue_ms = 0;
            Routing.prototype.prefill_ms = 0;
            Routing.prototype.decode_ms = 0;
            Routing.prototype.cached_tokens = 0;
            Routing.prototype.attempts = 0;
            Routing.prototype.moves = 0;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Routing.prototype, "_worker", {
                get: $util.oneOfGetter($oneOfFields = ["worker"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            Routing.create = function(properties) {
                return new Routing(properties);
            };

            Routing.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.worker != null && $Object.hasOwnProperty.call(message, "worker"))
                    writer.uint32(10).string(message.worker);
                if (message.queue_ms != null && $Object.hasOwnProperty.call(message, "queue_ms") && !$Object.is(message.queue_ms, 0))
                    writer.uint32(17).double(message.queue_ms);
                if (message.prefill_ms != null && $Object.hasOwnProperty.call(message, "prefill_ms") && !$Object.is(message.prefill_ms, 0))
                    writer.uint32(25).double(message.prefill_ms);
                if (message.decode_ms != null && $Object.hasOwnProperty.call(message, "decode_ms") && !$Object.is(message.decode_ms, 0))
                    writer.uint32(33).double(message.decode_ms);
                if (message.cached_tokens != null && $Object.hasOwnProperty.call(message, "cached_tokens") && message.cached_tokens !== 0)
                    writer.uint32(40).uint32(message.cached_tokens);
                if (message.attempts != null && $Object.hasOwnProperty.call(message, "attempts") && message.attempts !== 0)
                    writer.uint32(48).uint32(message.attempts);
                if (message.moves != null && $Object.hasOwnProperty.call(message, "moves") && message.moves !== 0)
                    writer.uint32(56).uint32(message.moves);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Routing.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Routing();
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
                            message.worker = reader.stringVerify();
                            message._worker = "worker";
                            continue;
                        }
                    case 2: {
                            if (wireType !== 1)
                                break;
                            if (!$Object.is(value = reader.double(), 0))
                                message.queue_ms = value;
                            else
                                delete message.queue_ms;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 1)
                                break;
                            if (!$Object.is(value = reader.double(), 0))
                                message.prefill_ms = value;
                            else
                                delete message.prefill_ms;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 1)
                                break;
                            if (!$Object.is(value = reader.double(), 0))
                                message.decode_ms = value;
                            else
                                delete message.decode_ms;
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
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.attempts = value;
                            else
                                delete message.attempts;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.moves = value;
                            else
                                delete message.moves;
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

            return Routing;
        })();

        v1.Usage = (function() {

            const Usage = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Usage.prototype.prompt_tokens = 0;
            Usage.prototype.output_tokens = 0;
            Usage.prototype.wasted_tokens = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            Usage.create = function(properties) {
                return new Usage(properties);
            };

            Usage.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.prompt_tokens != null && $Object.hasOwnProperty.call(message, "prompt_tokens") && message.prompt_tokens !== 0)
                    writer.uint32(8).uint32(message.prompt_tokens);
                if (message.output_tokens != null && $Object.hasOwnProperty.call(message, "output_tokens") && message.output_tokens !== 0)
                    writer.uint32(16).uint32(message.output_tokens);
                if (message.wasted_tokens != null && $Object.hasOwnProperty.call(message, "wasted_tokens") && (typeof message.wasted_tokens === "object" ? message.wasted_tokens.low || message.wasted_tokens.high : message.wasted_tokens !== 0))
                    writer.uint32(24).uint64(message.wasted_tokens);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Usage.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Usage();
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
                                message.prompt_tokens = value;
                            else
                                delete message.prompt_tokens;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.output_tokens = value;
                            else
                                delete message.output_tokens;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.wasted_tokens = value;
                            else
                                delete message.wasted_tokens;
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

            return Usage;
        })();

        v1.State = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "STATE_UNSPECIFIED"] = 0;
            values[valuesById[1] = "STATE_QUEUED"] = 1;
            values[valuesById[2] = "STATE_RUNNING"] = 2;
            values[valuesById[3] = "STATE_HELD"] = 3;
            values[valuesById[4] = "STATE_FINISHED"] = 4;
            return values;
        })();

        v1.Progress = (function() {

            const Progress = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Progress.prototype.id = "";
            Progress.prototype.job = "";
            Progress.prototype.state = 0;
            Progress.prototype.output_tokens = 0;
            Progress.prototype.worker = null;
            Progress.prototype.attempts = 0;
            Progress.prototype.timeline = null;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Progress.prototype, "_worker", {
                get: $util.oneOfGetter($oneOfFields = ["worker"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Progress.prototype, "_timeline", {
                get: $util.oneOfGetter($oneOfFields = ["timeline"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            Progress.create = function(properties) {
                return new Progress(properties);
            };

            Progress.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== "")
                    writer.uint32(10).string(message.id);
                if (message.job != null && $Object.hasOwnProperty.call(message, "job") && message.job !== "")
                    writer.uint32(18).string(message.job);
                if (message.state != null && $Object.hasOwnProperty.call(message, "state") && message.state !== 0)
                    writer.uint32(24).int32(message.state);
                if (message.output_tokens != null && $Object.hasOwnProperty.call(message, "output_tokens") && message.output_tokens !== 0)
                    writer.uint32(32).uint32(message.output_tokens);
                if (message.worker != null && $Object.hasOwnProperty.call(message, "worker"))
                    writer.uint32(42).string(message.worker);
                if (message.attempts != null && $Object.hasOwnProperty.call(message, "attempts") && message.attempts !== 0)
                    writer.uint32(48).uint32(message.attempts);
                if (message.timeline != null && $Object.hasOwnProperty.call(message, "timeline"))
                    $root.paceline.v1.Timeline.encode(message.timeline, writer.uint32(58).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Progress.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Progress();
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
                                message.id = value;
                            else
                                delete message.id;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.job = value;
                            else
                                delete message.job;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.state = value;
                            else
                                delete message.state;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.output_tokens = value;
                            else
                                delete message.output_tokens;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            message.worker = reader.stringVerify();
                            message._worker = "worker";
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.attempts = value;
                            else
                                delete message.attempts;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            message.timeline = $root.paceline.v1.Timeline.decode(reader, reader.size(), $undefined, _depth + 1, message.timeline);
                            message._timeline = "timeline";
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

            return Progress;
        })();

        v1.Timeline = (function() {

            const Timeline = function (properties) {
                this.moments = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Timeline.prototype.accepted_at_ms = 0;
            Timeline.prototype.moments = $util.emptyArray;
            Timeline.prototype.dropped = 0;

            Timeline.create = function(properties) {
                return new Timeline(properties);
            };

            Timeline.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.accepted_at_ms != null && $Object.hasOwnProperty.call(message, "accepted_at_ms") && !$Object.is(message.accepted_at_ms, 0))
                    writer.uint32(9).double(message.accepted_at_ms);
                if (message.moments != null && message.moments.length)
                    for (let i = 0; i < message.moments.length; ++i)
                        $root.paceline.v1.Moment.encode(message.moments[i], writer.uint32(18).fork(), _depth + 1).ldelim();
                if (message.dropped != null && $Object.hasOwnProperty.call(message, "dropped") && message.dropped !== 0)
                    writer.uint32(24).uint32(message.dropped);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Timeline.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Timeline();
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
                            if (wireType !== 1)
                                break;
                            if (!$Object.is(value = reader.double(), 0))
                                message.accepted_at_ms = value;
                            else
                                delete message.accepted_at_ms;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if (!(message.moments && message.moments.length))
                                message.moments = [];
                            message.moments.push($root.paceline.v1.Moment.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.dropped = value;
                            else
                                delete message.dropped;
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

            return Timeline;
        })();

        v1.Moment = (function() {

            const Moment = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Moment.prototype.at_ms = 0;
            Moment.prototype.event = 0;
            Moment.prototype.output_tokens = 0;
            Moment.prototype.worker = null;
            Moment.prototype.version = null;
            Moment.prototype.attempt = null;
            Moment.prototype.reason = null;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Moment.prototype, "_worker", {
                get: $util.oneOfGetter($oneOfFields = ["worker"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Moment.prototype, "_version", {
                get: $util.oneOfGetter($oneOfFields = ["version"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Moment.prototype, "_attempt", {
                get: $util.oneOfGetter($oneOfFields = ["attempt"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Moment.prototype, "_reason", {
                get: $util.oneOfGetter($oneOfFields = ["reason"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            Moment.create = function(properties) {
                return new Moment(properties);
            };

            Moment.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.at_ms != null && $Object.hasOwnProperty.call(message, "at_ms") && !$Object.is(message.at_ms, 0))
                    writer.uint32(9).double(message.at_ms);
                if (message.event != null && $Object.hasOwnProperty.call(message, "event") && message.event !== 0)
                    writer.uint32(16).int32(message.event);
                if (message.output_tokens != null && $Object.hasOwnProperty.call(message, "output_tokens") && message.output_tokens !== 0)
                    writer.uint32(24).uint32(message.output_tokens);
                if (message.worker != null && $Object.hasOwnProperty.call(message, "worker"))
                    writer.uint32(34).string(message.worker);
                if (message.version != null && $Object.hasOwnProperty.call(message, "version"))
                    writer.uint32(40).uint64(message.version);
                if (message.attempt != null && $Object.hasOwnProperty.call(message, "attempt"))
                    writer.uint32(48).uint32(message.attempt);
                if (message.reason != null && $Object.hasOwnProperty.call(message, "reason"))
                    writer.uint32(58).string(message.reason);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Moment.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Moment();
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
                            if (wireType !== 1)
                                break;
                            if (!$Object.is(value = reader.double(), 0))
                                message.at_ms = value;
                            else
                                delete message.at_ms;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.event = value;
                            else
                                delete message.event;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.output_tokens = value;
                            else
                                delete message.output_tokens;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            message.worker = reader.stringVerify();
                            message._worker = "worker";
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            message.version = reader.uint64();
                            message._version = "version";
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            message.attempt = reader.uint32();
                            message._attempt = "attempt";
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            message.reason = reader.stringVerify();
                            message._reason = "reason";
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

            return Moment;
        })();

        v1.MomentEvent = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "MOMENT_EVENT_UNSPECIFIED"] = 0;
            values[valuesById[1] = "MOMENT_EVENT_PLACED"] = 1;
            values[valuesById[2] = "MOMENT_EVENT_FIRST_TOKEN"] = 2;
            values[valuesById[3] = "MOMENT_EVENT_MOVED"] = 3;
            values[valuesById[4] = "MOMENT_EVENT_HELD"] = 4;
            values[valuesById[5] = "MOMENT_EVENT_FINISHED"] = 5;
            values[valuesById[6] = "MOMENT_EVENT_ERROR"] = 6;
            return values;
        })();

        v1.RolloutState = (function() {

            const RolloutState = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            RolloutState.prototype.progress = null;
            RolloutState.prototype.result = null;

            let $oneOfFields;

            $Object.defineProperty(RolloutState.prototype, "state", {
                get: $util.oneOfGetter($oneOfFields = ["progress", "result"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            RolloutState.create = function(properties) {
                return new RolloutState(properties);
            };

            RolloutState.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.progress != null && $Object.hasOwnProperty.call(message, "progress"))
                    $root.paceline.v1.Progress.encode(message.progress, writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.result != null && $Object.hasOwnProperty.call(message, "result"))
                    $root.paceline.v1.Result.encode(message.result, writer.uint32(18).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            RolloutState.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.RolloutState();
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
                            message.progress = $root.paceline.v1.Progress.decode(reader, reader.size(), $undefined, _depth + 1, message.progress);
                            message.state = "progress";
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.result = $root.paceline.v1.Result.decode(reader, reader.size(), $undefined, _depth + 1, message.result);
                            message.state = "result";
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

            return RolloutState;
        })();

        v1.ManyReply = (function() {

            const ManyReply = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ManyReply.prototype.result = null;
            ManyReply.prototype.error = null;
            ManyReply.prototype.summary = null;
            ManyReply.prototype.kept = null;

            let $oneOfFields;

            $Object.defineProperty(ManyReply.prototype, "reply", {
                get: $util.oneOfGetter($oneOfFields = ["result", "error", "summary", "kept"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            ManyReply.create = function(properties) {
                return new ManyReply(properties);
            };

            ManyReply.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.result != null && $Object.hasOwnProperty.call(message, "result"))
                    $root.paceline.v1.Result.encode(message.result, writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.error != null && $Object.hasOwnProperty.call(message, "error"))
                    $root.paceline.v1.RolloutError.encode(message.error, writer.uint32(18).fork(), _depth + 1).ldelim();
                if (message.summary != null && $Object.hasOwnProperty.call(message, "summary"))
                    $root.paceline.v1.ManySummary.encode(message.summary, writer.uint32(26).fork(), _depth + 1).ldelim();
                if (message.kept != null && $Object.hasOwnProperty.call(message, "kept"))
                    $root.paceline.v1.RolloutKept.encode(message.kept, writer.uint32(34).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ManyReply.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.ManyReply();
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
                            message.result = $root.paceline.v1.Result.decode(reader, reader.size(), $undefined, _depth + 1, message.result);
                            message.reply = "result";
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.error = $root.paceline.v1.RolloutError.decode(reader, reader.size(), $undefined, _depth + 1, message.error);
                            message.reply = "error";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            message.summary = $root.paceline.v1.ManySummary.decode(reader, reader.size(), $undefined, _depth + 1, message.summary);
                            message.reply = "summary";
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            message.kept = $root.paceline.v1.RolloutKept.decode(reader, reader.size(), $undefined, _depth + 1, message.kept);
                            message.reply = "kept";
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

            return ManyReply;
        })();

        v1.ManyNeed = (function() {

            const ManyNeed = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ManyNeed.prototype.groups = 0;
            ManyNeed.prototype.members = null;
            ManyNeed.prototype.partial = null;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(ManyNeed.prototype, "_members", {
                get: $util.oneOfGetter($oneOfFields = ["members"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(ManyNeed.prototype, "_partial", {
                get: $util.oneOfGetter($oneOfFields = ["partial"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            ManyNeed.create = function(properties) {
                return new ManyNeed(properties);
            };

            ManyNeed.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.groups != null && $Object.hasOwnProperty.call(message, "groups") && message.groups !== 0)
                    writer.uint32(8).uint32(message.groups);
                if (message.members != null && $Object.hasOwnProperty.call(message, "members"))
                    writer.uint32(16).uint32(message.members);
                if (message.partial != null && $Object.hasOwnProperty.call(message, "partial"))
                    writer.uint32(24).int32(message.partial);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ManyNeed.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.ManyNeed();
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
                                message.groups = value;
                            else
                                delete message.groups;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            message.members = reader.uint32();
                            message._members = "members";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            message.partial = reader.int32();
                            message._partial = "partial";
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

            return ManyNeed;
        })();

        v1.PartialFate = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "PARTIAL_FATE_UNSPECIFIED"] = 0;
            values[valuesById[1] = "PARTIAL_FATE_RETURN"] = 1;
            values[valuesById[2] = "PARTIAL_FATE_KEEP"] = 2;
            values[valuesById[3] = "PARTIAL_FATE_DROP"] = 3;
            return values;
        })();

        v1.RolloutKept = (function() {

            const RolloutKept = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            RolloutKept.prototype.id = "";
            RolloutKept.prototype.job = "";
            RolloutKept.prototype.kept_tokens = 0;

            RolloutKept.create = function(properties) {
                return new RolloutKept(properties);
            };

            RolloutKept.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== "")
                    writer.uint32(10).string(message.id);
                if (message.job != null && $Object.hasOwnProperty.call(message, "job") && message.job !== "")
                    writer.uint32(18).string(message.job);
                if (message.kept_tokens != null && $Object.hasOwnProperty.call(message, "kept_tokens") && message.kept_tokens !== 0)
                    writer.uint32(24).uint32(message.kept_tokens);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            RolloutKept.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.RolloutKept();
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
                                message.id = value;
                            else
                                delete message.id;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.job = value;
                            else
                                delete message.job;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.kept_tokens = value;
                            else
                                delete message.kept_tokens;
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

            return RolloutKept;
        })();

        v1.RolloutError = (function() {

            const RolloutError = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            RolloutError.prototype.id = "";
            RolloutError.prototype.error = null;
            RolloutError.prototype.job = "";

            RolloutError.create = function(properties) {
                return new RolloutError(properties);
            };

            RolloutError.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== "")
                    writer.uint32(10).string(message.id);
                if (message.error != null && $Object.hasOwnProperty.call(message, "error"))
                    $root.paceline.v1.Error.encode(message.error, writer.uint32(18).fork(), _depth + 1).ldelim();
                if (message.job != null && $Object.hasOwnProperty.call(message, "job") && message.job !== "")
                    writer.uint32(26).string(message.job);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            RolloutError.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.RolloutError();
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
                                message.id = value;
                            else
                                delete message.id;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.error = $root.paceline.v1.Error.decode(reader, reader.size(), $undefined, _depth + 1, message.error);
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.job = value;
                            else
                                delete message.job;
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

            return RolloutError;
        })();

        v1.GroupOrder = (function() {

            const GroupOrder = function (properties) {
                this["continue"] = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            GroupOrder.prototype.rollout = null;
            GroupOrder.prototype.job = null;
            GroupOrder.prototype.size = 0;
            GroupOrder.prototype.need = null;
            GroupOrder.prototype.over_issue = null;
            GroupOrder.prototype.backfill = null;
            GroupOrder.prototype["continue"] = $util.emptyArray;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(GroupOrder.prototype, "_job", {
                get: $util.oneOfGetter($oneOfFields = ["job"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(GroupOrder.prototype, "_need", {
                get: $util.oneOfGetter($oneOfFields = ["need"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(GroupOrder.prototype, "_over_issue", {
                get: $util.oneOfGetter($oneOfFields = ["over_issue"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(GroupOrder.prototype, "_backfill", {
                get: $util.oneOfGetter($oneOfFields = ["backfill"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            GroupOrder.create = function(properties) {
                return new GroupOrder(properties);
            };

            GroupOrder.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.rollout != null && $Object.hasOwnProperty.call(message, "rollout"))
                    $root.paceline.v1.Rollout.encode(message.rollout, writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.job != null && $Object.hasOwnProperty.call(message, "job"))
                    writer.uint32(18).string(message.job);
                if (message.size != null && $Object.hasOwnProperty.call(message, "size") && message.size !== 0)
                    writer.uint32(24).uint32(message.size);
                if (message.need != null && $Object.hasOwnProperty.call(message, "need"))
                    writer.uint32(32).uint32(message.need);
                if (message.over_issue != null && $Object.hasOwnProperty.call(message, "over_issue"))
                    writer.uint32(41).double(message.over_issue);
                if (message.backfill != null && $Object.hasOwnProperty.call(message, "backfill"))
                    writer.uint32(48).uint32(message.backfill);
                if (message["continue"] != null && message["continue"].length)
                    for (let i = 0; i < message["continue"].length; ++i)
                        $root.paceline.v1.Continuation.encode(message["continue"][i], writer.uint32(58).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            GroupOrder.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.GroupOrder();
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
                            message.rollout = $root.paceline.v1.Rollout.decode(reader, reader.size(), $undefined, _depth + 1, message.rollout);
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.job = reader.stringVerify();
                            message._job = "job";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.size = value;
                            else
                                delete message.size;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            message.need = reader.uint32();
                            message._need = "need";
                            continue;
                        }
                    case 5: {
                            if (wireType !== 1)
                                break;
                            message.over_issue = reader.double();
                            message._over_issue = "over_issue";
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            message.backfill = reader.uint32();
                            message._backfill = "backfill";
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            if (!(message["continue"] && message["continue"].length))
                                message["continue"] = [];
                            message["continue"].push($root.paceline.v1.Continuation.decode(reader, reader.size(), $undefined, _depth + 1));
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

            return GroupOrder;
        })();

        v1.GroupReply = (function() {

            const GroupReply = function (properties) {
                this.rollouts = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            GroupReply.prototype.group = null;
            GroupReply.prototype.rollouts = $util.emptyArray;

            GroupReply.create = function(properties) {
                return new GroupReply(properties);
            };

            GroupReply.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.group != null && $Object.hasOwnProperty.call(message, "group"))
                    $root.paceline.v1.GroupSummary.encode(message.group, writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.rollouts != null && message.rollouts.length)
                    for (let i = 0; i < message.rollouts.length; ++i)
                        $root.paceline.v1.GroupMember.encode(message.rollouts[i], writer.uint32(18).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            GroupReply.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.GroupReply();
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
                            message.group = $root.paceline.v1.GroupSummary.decode(reader, reader.size(), $undefined, _depth + 1, message.group);
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if (!(message.rollouts && message.rollouts.length))
                                message.rollouts = [];
                            message.rollouts.push($root.paceline.v1.GroupMember.decode(reader, reader.size(), $undefined, _depth + 1));
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

            return GroupReply;
        })();

        v1.GroupMember = (function() {

            const GroupMember = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            GroupMember.prototype.result = null;
            GroupMember.prototype.error = null;

            let $oneOfFields;

            $Object.defineProperty(GroupMember.prototype, "member", {
                get: $util.oneOfGetter($oneOfFields = ["result", "error"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            GroupMember.create = function(properties) {
                return new GroupMember(properties);
            };

            GroupMember.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.result != null && $Object.hasOwnProperty.call(message, "result"))
                    $root.paceline.v1.Result.encode(message.result, writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.error != null && $Object.hasOwnProperty.call(message, "error"))
                    $root.paceline.v1.RolloutError.encode(message.error, writer.uint32(18).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            GroupMember.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.GroupMember();
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
                            message.result = $root.paceline.v1.Result.decode(reader, reader.size(), $undefined, _depth + 1, message.result);
                            message.member = "result";
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.error = $root.paceline.v1.RolloutError.decode(reader, reader.size(), $undefined, _depth + 1, message.error);
                            message.member = "error";
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

            return GroupMember;
        })();

        v1.GroupSummary = (function() {

            const GroupSummary = function (properties) {
                this.replaced = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            GroupSummary.prototype.id = "";
            GroupSummary.prototype.size = 0;
            GroupSummary.prototype.need = 0;
            GroupSummary.prototype.finished = 0;
            GroupSummary.prototype.members = 0;
            GroupSummary.prototype.ended = 0;
            GroupSummary.prototype.replaced = $util.emptyArray;
            GroupSummary.prototype.cut = null;
            GroupSummary.prototype.lengths = null;
            GroupSummary.prototype.off_policy_share = 0;

            GroupSummary.create = function(properties) {
                return new GroupSummary(properties);
            };

            GroupSummary.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== "")
                    writer.uint32(10).string(message.id);
                if (message.size != null && $Object.hasOwnProperty.call(message, "size") && message.size !== 0)
                    writer.uint32(16).uint32(message.size);
                if (message.need != null && $Object.hasOwnProperty.call(message, "need") && message.need !== 0)
                    writer.uint32(24).uint32(message.need);
                if (message.finished != null && $Object.hasOwnProperty.call(message, "finished") && message.finished !== 0)
                    writer.uint32(32).uint32(message.finished);
                if (message.members != null && $Object.hasOwnProperty.call(message, "members") && message.members !== 0)
                    writer.uint32(40).uint32(message.members);
                if (message.ended != null && $Object.hasOwnProperty.call(message, "ended") && message.ended !== 0)
                    writer.uint32(48).int32(message.ended);
                if (message.replaced != null && message.replaced.length)
                    for (let i = 0; i < message.replaced.length; ++i)
                        $root.paceline.v1.Replacement.encode(message.replaced[i], writer.uint32(58).fork(), _depth + 1).ldelim();
                if (message.cut != null && $Object.hasOwnProperty.call(message, "cut"))
                    $root.paceline.v1.GroupCut.encode(message.cut, writer.uint32(66).fork(), _depth + 1).ldelim();
                if (message.lengths != null && $Object.hasOwnProperty.call(message, "lengths"))
                    $root.paceline.v1.LengthBias.encode(message.lengths, writer.uint32(74).fork(), _depth + 1).ldelim();
                if (message.off_policy_share != null && $Object.hasOwnProperty.call(message, "off_policy_share") && !$Object.is(message.off_policy_share, 0))
                    writer.uint32(81).double(message.off_policy_share);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            GroupSummary.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.GroupSummary();
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
                                message.id = value;
                            else
                                delete message.id;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.size = value;
                            else
                                delete message.size;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.need = value;
                            else
                                delete message.need;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.finished = value;
                            else
                                delete message.finished;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.members = value;
                            else
                                delete message.members;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.ended = value;
                            else
                                delete message.ended;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            if (!(message.replaced && message.replaced.length))
                                message.replaced = [];
                            message.replaced.push($root.paceline.v1.Replacement.decode(reader, reader.size(), $undefined, _depth + 1));
                            continue;
                        }
                    case 8: {
                            if (wireType !== 2)
                                break;
                            message.cut = $root.paceline.v1.GroupCut.decode(reader, reader.size(), $undefined, _depth + 1, message.cut);
                            continue;
                        }
                    case 9: {
                            if (wireType !== 2)
                                break;
                            message.lengths = $root.paceline.v1.LengthBias.decode(reader, reader.size(), $undefined, _depth + 1, message.lengths);
                            continue;
                        }
                    case 10: {
                            if (wireType !== 1)
                                break;
                            if (!$Object.is(value = reader.double(), 0))
                                message.off_policy_share = value;
                            else
                                delete message.off_policy_share;
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

            return GroupSummary;
        })();

        v1.GroupEnd = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "GROUP_END_UNSPECIFIED"] = 0;
            values[valuesById[1] = "GROUP_END_NEED"] = 1;
            values[valuesById[2] = "GROUP_END_FAILED"] = 2;
            values[valuesById[3] = "GROUP_END_STALE"] = 3;
            values[valuesById[4] = "GROUP_END_TIMEOUT"] = 4;
            values[valuesById[5] = "GROUP_END_CLIENT"] = 5;
            values[valuesById[6] = "GROUP_END_DRAIN"] = 6;
            return values;
        })();

        v1.Replacement = (function() {

            const Replacement = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Replacement.prototype.index = 0;
            Replacement.prototype.by = 0;

            Replacement.create = function(properties) {
                return new Replacement(properties);
            };

            Replacement.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.index != null && $Object.hasOwnProperty.call(message, "index") && message.index !== 0)
                    writer.uint32(8).uint32(message.index);
                if (message.by != null && $Object.hasOwnProperty.call(message, "by") && message.by !== 0)
                    writer.uint32(16).uint32(message.by);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Replacement.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Replacement();
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
                                message.index = value;
                            else
                                delete message.index;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.by = value;
                            else
                                delete message.by;
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

            return Replacement;
        })();

        v1.GroupCut = (function() {

            const GroupCut = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            GroupCut.prototype.members = 0;
            GroupCut.prototype.tokens = $util.Long ? $util.Long.fromBits(0,0,true) : 0;

            GroupCut.create = function(properties) {
                return new GroupCut(properties);
            };

            GroupCut.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.members != null && $Object.hasOwnProperty.call(message, "members") && message.members !== 0)
                    writer.uint32(8).uint32(message.members);
                if (message.tokens != null && $Object.hasOwnProperty.call(message, "tokens") && (typeof message.tokens === "object" ? message.tokens.low || message.tokens.high : message.tokens !== 0))
                    writer.uint32(16).uint64(message.tokens);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            GroupCut.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.GroupCut();
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
                                message.members = value;
                            else
                                delete message.members;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.tokens = value;
                            else
                                delete message.tokens;
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

            return GroupCut;
        })();

        v1.LengthBias = (function() {

            const LengthBias = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            LengthBias.prototype.kept = null;
            LengthBias.prototype.all = null;
            LengthBias.prototype.bias = null;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(LengthBias.prototype, "_kept", {
                get: $util.oneOfGetter($oneOfFields = ["kept"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(LengthBias.prototype, "_all", {
                get: $util.oneOfGetter($oneOfFields = ["all"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(LengthBias.prototype, "_bias", {
                get: $util.oneOfGetter($oneOfFields = ["bias"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            LengthBias.create = function(properties) {
                return new LengthBias(properties);
            };

            LengthBias.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.kept != null && $Object.hasOwnProperty.call(message, "kept"))
                    $root.paceline.v1.Lengths.encode(message.kept, writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.all != null && $Object.hasOwnProperty.call(message, "all"))
                    $root.paceline.v1.Lengths.encode(message.all, writer.uint32(18).fork(), _depth + 1).ldelim();
                if (message.bias != null && $Object.hasOwnProperty.call(message, "bias"))
                    writer.uint32(25).double(message.bias);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            LengthBias.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.LengthBias();
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
                            message.kept = $root.paceline.v1.Lengths.decode(reader, reader.size(), $undefined, _depth + 1, message.kept);
                            message._kept = "kept";
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.all = $root.paceline.v1.Lengths.decode(reader, reader.size(), $undefined, _depth + 1, message.all);
                            message._all = "all";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 1)
                                break;
                            message.bias = reader.double();
                            message._bias = "bias";
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

            return LengthBias;
        })();

        v1.Lengths = (function() {

            const Lengths = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Lengths.prototype.mean = 0;
            Lengths.prototype.p50 = null;
            Lengths.prototype.p90 = null;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Lengths.prototype, "_p50", {
                get: $util.oneOfGetter($oneOfFields = ["p50"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Lengths.prototype, "_p90", {
                get: $util.oneOfGetter($oneOfFields = ["p90"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            Lengths.create = function(properties) {
                return new Lengths(properties);
            };

            Lengths.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.mean != null && $Object.hasOwnProperty.call(message, "mean") && !$Object.is(message.mean, 0))
                    writer.uint32(9).double(message.mean);
                if (message.p50 != null && $Object.hasOwnProperty.call(message, "p50"))
                    writer.uint32(16).uint64(message.p50);
                if (message.p90 != null && $Object.hasOwnProperty.call(message, "p90"))
                    writer.uint32(24).uint64(message.p90);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Lengths.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Lengths();
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
                            if (wireType !== 1)
                                break;
                            if (!$Object.is(value = reader.double(), 0))
                                message.mean = value;
                            else
                                delete message.mean;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            message.p50 = reader.uint64();
                            message._p50 = "p50";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            message.p90 = reader.uint64();
                            message._p90 = "p90";
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

            return Lengths;
        })();

        v1.ManySummary = (function() {

            const ManySummary = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ManySummary.prototype.makespan_ms = 0;
            ManySummary.prototype.lower_bound_ms = null;
            ManySummary.prototype.ratio = null;
            ManySummary.prototype.rho = null;
            ManySummary.prototype.rollouts = 0;
            ManySummary.prototype.finished = 0;
            ManySummary.prototype.failed = 0;
            ManySummary.prototype.output_tokens = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            ManySummary.prototype.tail_share = null;
            ManySummary.prototype.bound_error = null;
            ManySummary.prototype.need = null;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(ManySummary.prototype, "_lower_bound_ms", {
                get: $util.oneOfGetter($oneOfFields = ["lower_bound_ms"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(ManySummary.prototype, "_ratio", {
                get: $util.oneOfGetter($oneOfFields = ["ratio"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(ManySummary.prototype, "_rho", {
                get: $util.oneOfGetter($oneOfFields = ["rho"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(ManySummary.prototype, "_tail_share", {
                get: $util.oneOfGetter($oneOfFields = ["tail_share"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(ManySummary.prototype, "_bound_error", {
                get: $util.oneOfGetter($oneOfFields = ["bound_error"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(ManySummary.prototype, "_need", {
                get: $util.oneOfGetter($oneOfFields = ["need"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            ManySummary.create = function(properties) {
                return new ManySummary(properties);
            };

            ManySummary.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.makespan_ms != null && $Object.hasOwnProperty.call(message, "makespan_ms") && !$Object.is(message.makespan_ms, 0))
                    writer.uint32(9).double(message.makespan_ms);
                if (message.lower_bound_ms != null && $Object.hasOwnProperty.call(message, "lower_bound_ms"))
                    writer.uint32(17).double(message.lower_bound_ms);
                if (message.ratio != null && $Object.hasOwnProperty.call(message, "ratio"))
                    writer.uint32(25).double(message.ratio);
                if (message.rho != null && $Object.hasOwnProperty.call(message, "rho"))
                    writer.uint32(33).double(message.rho);
                if (message.rollouts != null && $Object.hasOwnProperty.call(message, "rollouts") && message.rollouts !== 0)
                    writer.uint32(40).uint32(message.rollouts);
                if (message.finished != null && $Object.hasOwnProperty.call(message, "finished") && message.finished !== 0)
                    writer.uint32(48).uint32(message.finished);
                if (message.failed != null && $Object.hasOwnProperty.call(message, "failed") && message.failed !== 0)
                    writer.uint32(56).uint32(message.failed);
                if (message.output_tokens != null && $Object.hasOwnProperty.call(message, "output_tokens") && (typeof message.output_tokens === "object" ? message.output_tokens.low || message.output_tokens.high : message.output_tokens !== 0))
                    writer.uint32(64).uint64(message.output_tokens);
                if (message.tail_share != null && $Object.hasOwnProperty.call(message, "tail_share"))
                    writer.uint32(73).double(message.tail_share);
                if (message.bound_error != null && $Object.hasOwnProperty.call(message, "bound_error"))
                    writer.uint32(81).double(message.bound_error);
                if (message.need != null && $Object.hasOwnProperty.call(message, "need"))
                    $root.paceline.v1.NeedSummary.encode(message.need, writer.uint32(90).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ManySummary.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.ManySummary();
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
                            if (wireType !== 1)
                                break;
                            if (!$Object.is(value = reader.double(), 0))
                                message.makespan_ms = value;
                            else
                                delete message.makespan_ms;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 1)
                                break;
                            message.lower_bound_ms = reader.double();
                            message._lower_bound_ms = "lower_bound_ms";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 1)
                                break;
                            message.ratio = reader.double();
                            message._ratio = "ratio";
                            continue;
                        }
                    case 4: {
                            if (wireType !== 1)
                                break;
                            message.rho = reader.double();
                            message._rho = "rho";
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.rollouts = value;
                            else
                                delete message.rollouts;
                            continue;
                        }
                    case 6: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.finished = value;
                            else
                                delete message.finished;
                            continue;
                        }
                    case 7: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.failed = value;
                            else
                                delete message.failed;
                            continue;
                        }
                    case 8: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.output_tokens = value;
                            else
                                delete message.output_tokens;
                            continue;
                        }
                    case 9: {
                            if (wireType !== 1)
                                break;
                            message.tail_share = reader.double();
                            message._tail_share = "tail_share";
                            continue;
                        }
                    case 10: {
                            if (wireType !== 1)
                                break;
                            message.bound_error = reader.double();
                            message._bound_error = "bound_error";
                            continue;
                        }
                    case 11: {
                            if (wireType !== 2)
                                break;
                            message.need = $root.paceline.v1.NeedSummary.decode(reader, reader.size(), $undefined, _depth + 1, message.need);
                            message._need = "need";
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

            return ManySummary;
        })();

        v1.NeedSummary = (function() {

            const NeedSummary = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            NeedSummary.prototype.groups = 0;
            NeedSummary.prototype.members = null;
            NeedSummary.prototype.whole = 0;
            NeedSummary.prototype.cut = null;
            NeedSummary.prototype.kept = null;
            NeedSummary.prototype.lengths = null;
            NeedSummary.prototype.off_policy_share = 0;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(NeedSummary.prototype, "_members", {
                get: $util.oneOfGetter($oneOfFields = ["members"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            NeedSummary.create = function(properties) {
                return new NeedSummary(properties);
            };

            NeedSummary.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.groups != null && $Object.hasOwnProperty.call(message, "groups") && message.groups !== 0)
                    writer.uint32(8).uint32(message.groups);
                if (message.members != null && $Object.hasOwnProperty.call(message, "members"))
                    writer.uint32(16).uint32(message.members);
                if (message.whole != null && $Object.hasOwnProperty.call(message, "whole") && message.whole !== 0)
                    writer.uint32(24).uint32(message.whole);
                if (message.cut != null && $Object.hasOwnProperty.call(message, "cut"))
                    $root.paceline.v1.GroupCut.encode(message.cut, writer.uint32(34).fork(), _depth + 1).ldelim();
                if (message.kept != null && $Object.hasOwnProperty.call(message, "kept"))
                    $root.paceline.v1.GroupCut.encode(message.kept, writer.uint32(42).fork(), _depth + 1).ldelim();
                if (message.lengths != null && $Object.hasOwnProperty.call(message, "lengths"))
                    $root.paceline.v1.LengthBias.encode(message.lengths, writer.uint32(50).fork(), _depth + 1).ldelim();
                if (message.off_policy_share != null && $Object.hasOwnProperty.call(message, "off_policy_share") && !$Object.is(message.off_policy_share, 0))
                    writer.uint32(57).double(message.off_policy_share);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            NeedSummary.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.NeedSummary();
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
                                message.groups = value;
                            else
                                delete message.groups;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            message.members = reader.uint32();
                            message._members = "members";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.whole = value;
                            else
                                delete message.whole;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            message.cut = $root.paceline.v1.GroupCut.decode(reader, reader.size(), $undefined, _depth + 1, message.cut);
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            message.kept = $root.paceline.v1.GroupCut.decode(reader, reader.size(), $undefined, _depth + 1, message.kept);
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            message.lengths = $root.paceline.v1.LengthBias.decode(reader, reader.size(), $undefined, _depth + 1, message.lengths);
                            continue;
                        }
                    case 7: {
                            if (wireType !== 1)
                                break;
                            if (!$Object.is(value = reader.double(), 0))
                                message.off_policy_share = value;
                            else
                                delete message.off_policy_share;
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

            return NeedSummary;
        })();

        v1.Event = (function() {

            const Event = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Event.prototype.seq = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Event.prototype.accepted = null;
            Event.prototype.placed = null;
            Event.prototype.tokens = null;
            Event.prototype.moved = null;
            Event.prototype.held = null;
            Event.prototype.finished = null;

            let $oneOfFields;

            $Object.defineProperty(Event.prototype, "event", {
                get: $util.oneOfGetter($oneOfFields = ["accepted", "placed", "tokens", "moved", "held", "finished"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            Event.create = function(properties) {
                return new Event(properties);
            };

            Event.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.seq != null && $Object.hasOwnProperty.call(message, "seq") && (typeof message.seq === "object" ? message.seq.low || message.seq.high : message.seq !== 0))
                    writer.uint32(8).uint64(message.seq);
                if (message.accepted != null && $Object.hasOwnProperty.call(message, "accepted"))
                    $root.paceline.v1.Accepted.encode(message.accepted, writer.uint32(18).fork(), _depth + 1).ldelim();
                if (message.placed != null && $Object.hasOwnProperty.call(message, "placed"))
                    $root.paceline.v1.Placed.encode(message.placed, writer.uint32(26).fork(), _depth + 1).ldelim();
                if (message.tokens != null && $Object.hasOwnProperty.call(message, "tokens"))
                    $root.paceline.v1.Tokens.encode(message.tokens, writer.uint32(34).fork(), _depth + 1).ldelim();
                if (message.moved != null && $Object.hasOwnProperty.call(message, "moved"))
                    $root.paceline.v1.Moved.encode(message.moved, writer.uint32(42).fork(), _depth + 1).ldelim();
                if (message.held != null && $Object.hasOwnProperty.call(message, "held"))
                    $root.paceline.v1.Held.encode(message.held, writer.uint32(50).fork(), _depth + 1).ldelim();
                if (message.finished != null && $Object.hasOwnProperty.call(message, "finished"))
                    $root.paceline.v1.Result.encode(message.finished, writer.uint32(58).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Event.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Event();
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
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.seq = value;
                            else
                                delete message.seq;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            message.accepted = $root.paceline.v1.Accepted.decode(reader, reader.size(), $undefined, _depth + 1, message.accepted);
                            message.event = "accepted";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            message.placed = $root.paceline.v1.Placed.decode(reader, reader.size(), $undefined, _depth + 1, message.placed);
                            message.event = "placed";
                            continue;
                        }
                    case 4: {
                            if (wireType !== 2)
                                break;
                            message.tokens = $root.paceline.v1.Tokens.decode(reader, reader.size(), $undefined, _depth + 1, message.tokens);
                            message.event = "tokens";
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            message.moved = $root.paceline.v1.Moved.decode(reader, reader.size(), $undefined, _depth + 1, message.moved);
                            message.event = "moved";
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            message.held = $root.paceline.v1.Held.decode(reader, reader.size(), $undefined, _depth + 1, message.held);
                            message.event = "held";
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            message.finished = $root.paceline.v1.Result.decode(reader, reader.size(), $undefined, _depth + 1, message.finished);
                            message.event = "finished";
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

            return Event;
        })();

        v1.Accepted = (function() {

            const Accepted = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Accepted.prototype.id = "";

            Accepted.create = function(properties) {
                return new Accepted(properties);
            };

            Accepted.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.id != null && $Object.hasOwnProperty.call(message, "id") && message.id !== "")
                    writer.uint32(10).string(message.id);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Accepted.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Accepted();
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
                                message.id = value;
                            else
                                delete message.id;
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

            return Accepted;
        })();

        v1.Placed = (function() {

            const Placed = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Placed.prototype.worker = "";
            Placed.prototype.version = $util.Long ? $util.Long.fromBits(0,0,true) : 0;
            Placed.prototype.attempt = 0;

            Placed.create = function(properties) {
                return new Placed(properties);
            };

            Placed.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.worker != null && $Object.hasOwnProperty.call(message, "worker") && message.worker !== "")
                    writer.uint32(10).string(message.worker);
                if (message.version != null && $Object.hasOwnProperty.call(message, "version") && (typeof message.version === "object" ? message.version.low || message.version.high : message.version !== 0))
                    writer.uint32(16).uint64(message.version);
                if (message.attempt != null && $Object.hasOwnProperty.call(message, "attempt") && message.attempt !== 0)
                    writer.uint32(24).uint32(message.attempt);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Placed.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Placed();
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
                                message.worker = value;
                            else
                                delete message.worker;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (typeof (value = reader.uint64()) === "object" ? value.low || value.high : value !== 0)
                                message.version = value;
                            else
                                delete message.version;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.attempt = value;
                            else
                                delete message.attempt;
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

            return Placed;
        })();

        v1.Tokens = (function() {

            const Tokens = function (properties) {
                this.output_token_ids = [];
                this.logprobs = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Tokens.prototype.start = 0;
            Tokens.prototype.output_token_ids = $util.emptyArray;
            Tokens.prototype.logprobs = $util.emptyArray;
            Tokens.prototype.version = null;
            Tokens.prototype.mixed = null;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Tokens.prototype, "_version", {
                get: $util.oneOfGetter($oneOfFields = ["version"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Tokens.prototype, "_mixed", {
                get: $util.oneOfGetter($oneOfFields = ["mixed"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            Tokens.create = function(properties) {
                return new Tokens(properties);
            };

            Tokens.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.start != null && $Object.hasOwnProperty.call(message, "start") && message.start !== 0)
                    writer.uint32(8).uint32(message.start);
                if (message.output_token_ids != null && message.output_token_ids.length)
                    writer.uint32(18).uint32s(message.output_token_ids);
                if (message.logprobs != null && message.logprobs.length)
                    writer.uint32(26).floats(message.logprobs);
                if (message.version != null && $Object.hasOwnProperty.call(message, "version"))
                    writer.uint32(32).uint64(message.version);
                if (message.mixed != null && $Object.hasOwnProperty.call(message, "mixed"))
                    writer.uint32(40).bool(message.mixed);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Tokens.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Tokens();
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
                                message.start = value;
                            else
                                delete message.start;
                            continue;
                        }
                    case 2: {
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
                    case 3: {
                            if (wireType === 2) {
                                if (!(message.logprobs && message.logprobs.length))
                                    message.logprobs = [];
                                reader.floats(message.logprobs);
                                continue;
                            }
                            if (wireType !== 5)
                                break;
                            if (!(message.logprobs && message.logprobs.length))
                                message.logprobs = [];
                            message.logprobs.push(reader.float());
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            message.version = reader.uint64();
                            message._version = "version";
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            message.mixed = reader.bool();
                            message._mixed = "mixed";
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

            return Tokens;
        })();

        v1.Moved = (function() {

            const Moved = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Moved.prototype.from = "";
            Moved.prototype.to = "";
            Moved.prototype.reason = 0;
            Moved.prototype.resume = 0;
            Moved.prototype.kept_tokens = 0;

            Moved.create = function(properties) {
                return new Moved(properties);
            };

            Moved.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.from != null && $Object.hasOwnProperty.call(message, "from") && message.from !== "")
                    writer.uint32(10).string(message.from);
                if (message.to != null && $Object.hasOwnProperty.call(message, "to") && message.to !== "")
                    writer.uint32(18).string(message.to);
                if (message.reason != null && $Object.hasOwnProperty.call(message, "reason") && message.reason !== 0)
                    writer.uint32(24).int32(message.reason);
                if (message.resume != null && $Object.hasOwnProperty.call(message, "resume") && message.resume !== 0)
                    writer.uint32(32).int32(message.resume);
                if (message.kept_tokens != null && $Object.hasOwnProperty.call(message, "kept_tokens") && message.kept_tokens !== 0)
                    writer.uint32(40).uint32(message.kept_tokens);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Moved.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Moved();
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
                                message.from = value;
                            else
                                delete message.from;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.to = value;
                            else
                                delete message.to;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.reason = value;
                            else
                                delete message.reason;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.resume = value;
                            else
                                delete message.resume;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.uint32())
                                message.kept_tokens = value;
                            else
                                delete message.kept_tokens;
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

            return Moved;
        })();

        v1.MoveReason = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "MOVE_REASON_UNSPECIFIED"] = 0;
            values[valuesById[1] = "MOVE_REASON_WORKER_LOST"] = 1;
            values[valuesById[2] = "MOVE_REASON_UPDATE"] = 2;
            values[valuesById[3] = "MOVE_REASON_DRAIN"] = 3;
            values[valuesById[4] = "MOVE_REASON_STUCK"] = 4;
            values[valuesById[5] = "MOVE_REASON_POOL_MOVED"] = 5;
            values[valuesById[6] = "MOVE_REASON_LOST"] = 6;
            values[valuesById[7] = "MOVE_REASON_FAILED"] = 7;
            values[valuesById[8] = "MOVE_REASON_CUT"] = 8;
            values[valuesById[9] = "MOVE_REASON_STALE"] = 9;
            values[valuesById[10] = "MOVE_REASON_KEPT"] = 10;
            return values;
        })();

        v1.Held = (function() {

            const Held = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Held.prototype.reason = "";

            Held.create = function(properties) {
                return new Held(properties);
            };

            Held.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.reason != null && $Object.hasOwnProperty.call(message, "reason") && message.reason !== "")
                    writer.uint32(10).string(message.reason);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Held.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Held();
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
                                message.reason = value;
                            else
                                delete message.reason;
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

            return Held;
        })();

        v1.Error = (function() {

            const Error = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Error.prototype.code = 0;
            Error.prototype.boundary = 0;
            Error.prototype.message = "";
            Error.prototype.retryable = false;
            Error.prototype.retry_after_ms = null;
            Error.prototype.details = null;
            Error.prototype.kept = null;

            let $oneOfFields;

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Error.prototype, "_retry_after_ms", {
                get: $util.oneOfGetter($oneOfFields = ["retry_after_ms"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            // Virtual OneOf for proto3 optional field
            $Object.defineProperty(Error.prototype, "_kept", {
                get: $util.oneOfGetter($oneOfFields = ["kept"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            Error.create = function(properties) {
                return new Error(properties);
            };

            Error.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.code != null && $Object.hasOwnProperty.call(message, "code") && message.code !== 0)
                    writer.uint32(8).int32(message.code);
                if (message.boundary != null && $Object.hasOwnProperty.call(message, "boundary") && message.boundary !== 0)
                    writer.uint32(16).int32(message.boundary);
                if (message.message != null && $Object.hasOwnProperty.call(message, "message") && message.message !== "")
                    writer.uint32(26).string(message.message);
                if (message.retryable != null && $Object.hasOwnProperty.call(message, "retryable") && message.retryable !== false)
                    writer.uint32(32).bool(message.retryable);
                if (message.retry_after_ms != null && $Object.hasOwnProperty.call(message, "retry_after_ms"))
                    writer.uint32(41).double(message.retry_after_ms);
                if (message.details != null && $Object.hasOwnProperty.call(message, "details"))
                    $root.google.protobuf.Struct.encode(message.details, writer.uint32(50).fork(), _depth + 1).ldelim();
                if (message.kept != null && $Object.hasOwnProperty.call(message, "kept"))
                    $root.paceline.v1.Kept.encode(message.kept, writer.uint32(58).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Error.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Error();
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
                                message.code = value;
                            else
                                delete message.code;
                            continue;
                        }
                    case 2: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.int32())
                                message.boundary = value;
                            else
                                delete message.boundary;
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            if ((value = reader.stringVerify()).length)
                                message.message = value;
                            else
                                delete message.message;
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            if (value = reader.bool())
                                message.retryable = value;
                            else
                                delete message.retryable;
                            continue;
                        }
                    case 5: {
                            if (wireType !== 1)
                                break;
                            message.retry_after_ms = reader.double();
                            message._retry_after_ms = "retry_after_ms";
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            message.details = $root.google.protobuf.Struct.decode(reader, reader.size(), $undefined, _depth + 1, message.details);
                            continue;
                        }
                    case 7: {
                            if (wireType !== 2)
                                break;
                            message.kept = $root.paceline.v1.Kept.decode(reader, reader.size(), $undefined, _depth + 1, message.kept);
                            message._kept = "kept";
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

            return Error;
        })();

        v1.Kept = (function() {

            const Kept = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Kept.prototype.output_tokens = 0;

            Kept.create = function(properties) {
                return new Kept(properties);
            };

            Kept.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.output_tokens != null && $Object.hasOwnProperty.call(message, "output_tokens") && message.output_tokens !== 0)
                    writer.uint32(8).uint32(message.output_tokens);
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Kept.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.paceline.v1.Kept();
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
                                message.output_tokens = value;
                            else
                                delete message.output_tokens;
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

            return Kept;
        })();

        v1.ErrorCode = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "ERROR_CODE_UNSPECIFIED"] = 0;
            values[valuesById[1] = "ERROR_CODE_INVALID_ARGUMENT"] = 1;
            values[valuesById[2] = "ERROR_CODE_UNSUPPORTED"] = 2;
            values[valuesById[3] = "ERROR_CODE_UNIMPLEMENTED"] = 3;
            values[valuesById[4] = "ERROR_CODE_UNAUTHENTICATED"] = 4;
            values[valuesById[5] = "ERROR_CODE_PERMISSION_DENIED"] = 5;
            values[valuesById[6] = "ERROR_CODE_NOT_FOUND"] = 6;
            values[valuesById[7] = "ERROR_CODE_METHOD_NOT_ALLOWED"] = 7;
            values[valuesById[8] = "ERROR_CODE_CONFLICT"] = 8;
            values[valuesById[9] = "ERROR_CODE_PROMPT_TOO_LONG"] = 9;
            values[valuesById[10] = "ERROR_CODE_OVERLOADED"] = 10;
            values[valuesById[11] = "ERROR_CODE_QUOTA_EXCEEDED"] = 11;
            values[valuesById[12] = "ERROR_CODE_NO_ELIGIBLE_WORKER"] = 12;
            values[valuesById[13] = "ERROR_CODE_VERSION_UNAVAILABLE"] = 13;
            values[valuesById[14] = "ERROR_CODE_VERSION_CONFLICT"] = 14;
            values[valuesById[15] = "ERROR_CODE_RUN_FENCED"] = 15;
            values[valuesById[16] = "ERROR_CODE_DEADLINE_EXCEEDED"] = 16;
            values[valuesById[17] = "ERROR_CODE_CANCELLED"] = 17;
            values[valuesById[18] = "ERROR_CODE_MISALIGNED"] = 18;
            values[valuesById[19] = "ERROR_CODE_NOT_RESUMABLE"] = 19;
            values[valuesById[20] = "ERROR_CODE_ENGINE_ERROR"] = 20;
            values[valuesById[21] = "ERROR_CODE_ENGINE_UNREACHABLE"] = 21;
            values[valuesById[22] = "ERROR_CODE_WEIGHTS_REJECTED"] = 22;
            values[valuesById[23] = "ERROR_CODE_DIGEST_MISMATCH"] = 23;
            values[valuesById[24] = "ERROR_CODE_COMMIT_ABORTED"] = 24;
            values[valuesById[25] = "ERROR_CODE_LEASE_LOST"] = 25;
            values[valuesById[26] = "ERROR_CODE_STORE_UNAVAILABLE"] = 26;
            values[valuesById[27] = "ERROR_CODE_SHUTTING_DOWN"] = 27;
            values[valuesById[28] = "ERROR_CODE_INTERNAL"] = 28;
            values[valuesById[29] = "ERROR_CODE_SIDE_DATA_TOO_LARGE"] = 29;
            values[valuesById[30] = "ERROR_CODE_EXPIRED"] = 30;
            values[valuesById[31] = "ERROR_CODE_SPOOL_FULL"] = 31;
            values[valuesById[32] = "ERROR_CODE_RANGE_NOT_SATISFIABLE"] = 32;
            return values;
        })();

        v1.Boundary = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "BOUNDARY_UNSPECIFIED"] = 0;
            values[valuesById[1] = "BOUNDARY_CLIENT"] = 1;
            values[valuesById[2] = "BOUNDARY_ADMISSION"] = 2;
            values[valuesById[3] = "BOUNDARY_ROUTING"] = 3;
            values[valuesById[4] = "BOUNDARY_ENGINE"] = 4;
            values[valuesById[5] = "BOUNDARY_WEIGHTS"] = 5;
            values[valuesById[6] = "BOUNDARY_FEED"] = 6;
            values[valuesById[7] = "BOUNDARY_STORE"] = 7;
            values[valuesById[8] = "BOUNDARY_INTERNAL"] = 8;
            return values;
        })();

        return v1;
    })();

    return paceline;
})();

export const google = $root.google = (() => {

    const google = {};

    google.protobuf = (function() {

        const protobuf = {};

        protobuf.Struct = (function() {

            const Struct = function (properties) {
                this.fields = {};
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Struct.prototype.fields = $util.emptyObject;

            Struct.create = function(properties) {
                return new Struct(properties);
            };

            Struct.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.fields != null && $Object.hasOwnProperty.call(message, "fields"))
                    for (let keys = $Object.keys(message.fields), i = 0; i < keys.length; ++i) {
                        writer.uint32(10).fork().uint32(10).string(keys[i]);
                        $root.google.protobuf.Value.encode(message.fields[keys[i]], writer.uint32(18).fork(), _depth + 1).ldelim().ldelim();
                    }
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Struct.decode = function (reader, length, _end, _depth, _target) {
                if (!(reader instanceof $Reader))
                    reader = $Reader.create(reader);
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $Reader.recursionLimit)
                    throw $Error("max depth exceeded");
                let end, message, key, value;
                if (length === $undefined)
                    end = reader.len;
                else {
                    end = reader.pos + length;
                    if (end > reader.len)
                        throw $RangeError("index out of range");
                    length = reader.len;
                    reader.len = end;
                }
                message = _target || new $root.google.protobuf.Struct();
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
                            if (message.fields === $util.emptyObject)
                                message.fields = {};
                            let end2 = reader.size() + reader.pos;
                            if (end2 > reader.len)
                                throw $RangeError("index out of range");
                            reader.len = end2;
                            key = "";
                            value = null;
                            while (reader.pos < end2) {
                                let tag2 = reader.tag();
                                wireType = tag2 & 7;
                                switch (tag2 >>>= 3) {
                                case 1:
                                    if (wireType !== 2)
                                        break;
                                    key = reader.stringVerify();
                                    continue;
                                case 2:
                                    if (wireType !== 2)
                                        break;
                                    value = $root.google.protobuf.Value.decode(reader, reader.size(), $undefined, _depth + 1, value);
                                    continue;
                                }
                                reader.skipType(wireType, _depth, tag2);
                            }
                            if (reader.pos !== end2)
                                throw $RangeError("index out of range");
                            reader.len = end;
                            if (key === "__proto__")
                                $util.makeProp(message.fields, key);
                            message.fields[key] = value || new $root.google.protobuf.Value();
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

            return Struct;
        })();

        protobuf.Value = (function() {

            const Value = function (properties) {
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            Value.prototype.nullValue = null;
            Value.prototype.numberValue = null;
            Value.prototype.stringValue = null;
            Value.prototype.boolValue = null;
            Value.prototype.structValue = null;
            Value.prototype.listValue = null;

            let $oneOfFields;

            $Object.defineProperty(Value.prototype, "kind", {
                get: $util.oneOfGetter($oneOfFields = ["nullValue", "numberValue", "stringValue", "boolValue", "structValue", "listValue"]),
                set: $util.oneOfSetter($oneOfFields)
            });

            Value.create = function(properties) {
                return new Value(properties);
            };

            Value.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.nullValue != null && $Object.hasOwnProperty.call(message, "nullValue"))
                    writer.uint32(8).int32(message.nullValue);
                if (message.numberValue != null && $Object.hasOwnProperty.call(message, "numberValue"))
                    writer.uint32(17).double(message.numberValue);
                if (message.stringValue != null && $Object.hasOwnProperty.call(message, "stringValue"))
                    writer.uint32(26).string(message.stringValue);
                if (message.boolValue != null && $Object.hasOwnProperty.call(message, "boolValue"))
                    writer.uint32(32).bool(message.boolValue);
                if (message.structValue != null && $Object.hasOwnProperty.call(message, "structValue"))
                    $root.google.protobuf.Struct.encode(message.structValue, writer.uint32(42).fork(), _depth + 1).ldelim();
                if (message.listValue != null && $Object.hasOwnProperty.call(message, "listValue"))
                    $root.google.protobuf.ListValue.encode(message.listValue, writer.uint32(50).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            Value.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.google.protobuf.Value();
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
                            message.nullValue = reader.int32();
                            message.kind = "nullValue";
                            continue;
                        }
                    case 2: {
                            if (wireType !== 1)
                                break;
                            message.numberValue = reader.double();
                            message.kind = "numberValue";
                            continue;
                        }
                    case 3: {
                            if (wireType !== 2)
                                break;
                            message.stringValue = reader.stringVerify();
                            message.kind = "stringValue";
                            continue;
                        }
                    case 4: {
                            if (wireType !== 0)
                                break;
                            message.boolValue = reader.bool();
                            message.kind = "boolValue";
                            continue;
                        }
                    case 5: {
                            if (wireType !== 2)
                                break;
                            message.structValue = $root.google.protobuf.Struct.decode(reader, reader.size(), $undefined, _depth + 1, message.structValue);
                            message.kind = "structValue";
                            continue;
                        }
                    case 6: {
                            if (wireType !== 2)
                                break;
                            message.listValue = $root.google.protobuf.ListValue.decode(reader, reader.size(), $undefined, _depth + 1, message.listValue);
                            message.kind = "listValue";
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

            return Value;
        })();

        protobuf.NullValue = (function() {
            const valuesById = $Object.create(null), values = $Object.create(valuesById);
            values[valuesById[0] = "NULL_VALUE"] = 0;
            return values;
        })();

        protobuf.ListValue = (function() {

            const ListValue = function (properties) {
                this.values = [];
                if (properties)
                    for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                        if (properties[keys[i]] != null && keys[i] !== "__proto__")
                            this[keys[i]] = properties[keys[i]];
            };

            ListValue.prototype.values = $util.emptyArray;

            ListValue.create = function(properties) {
                return new ListValue(properties);
            };

            ListValue.encode = function (message, writer, _depth) {
                if (!writer)
                    writer = $Writer.create();
                if (_depth === $undefined)
                    _depth = 0;
                if (_depth > $util.recursionLimit)
                    throw $Error("max depth exceeded");
                if (message.values != null && message.values.length)
                    for (let i = 0; i < message.values.length; ++i)
                        $root.google.protobuf.Value.encode(message.values[i], writer.uint32(10).fork(), _depth + 1).ldelim();
                if (message.$unknowns != null && $Object.hasOwnProperty.call(message, "$unknowns"))
                    for (let i = 0; i < message.$unknowns.length; ++i)
                        writer.raw(message.$unknowns[i]);
                return writer;
            };

            ListValue.decode = function (reader, length, _end, _depth, _target) {
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
                message = _target || new $root.google.protobuf.ListValue();
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
                            if (!(message.values && message.values.length))
                                message.values = [];
                            message.values.push($root.google.protobuf.Value.decode(reader, reader.size(), $undefined, _depth + 1));
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

            return ListValue;
        })();

        return protobuf;
    })();

    return google;
})();

export const grpc = $root.grpc = (() => {

    const grpc = {};

    grpc.health = (function() {

        const health = {};

        health.v1 = (function() {

            const v1 = {};

            v1.HealthCheckRequest = (function() {

                const HealthCheckRequest = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                HealthCheckRequest.prototype.service = "";

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
                    if (message.service != null && $Object.hasOwnProperty.call(message, "service") && message.service !== "")
                        writer.uint32(10).string(message.service);
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
                    message = _target || new $root.grpc.health.v1.HealthCheckRequest();
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
                                    message.service = value;
                                else
                                    delete message.service;
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

                return HealthCheckRequest;
            })();

            v1.HealthCheckResponse = (function() {

                const HealthCheckResponse = function (properties) {
                    if (properties)
                        for (let keys = $Object.keys(properties), i = 0; i < keys.length; ++i)
                            if (properties[keys[i]] != null && keys[i] !== "__proto__")
                                this[keys[i]] = properties[keys[i]];
                };

                HealthCheckResponse.prototype.status = 0;

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
                    if (message.status != null && $Object.hasOwnProperty.call(message, "status") && message.status !== 0)
                        writer.uint32(8).int32(message.status);
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
                    message = _target || new $root.grpc.health.v1.HealthCheckResponse();
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

                HealthCheckResponse.ServingStatus = (function() {
                    const valuesById = $Object.create(null), values = $Object.create(valuesById);
                    values[valuesById[0] = "UNKNOWN"] = 0;
                    values[valuesById[1] = "SERVING"] = 1;
                    values[valuesById[2] = "NOT_SERVING"] = 2;
                    values[valuesById[3] = "SERVICE_UNKNOWN"] = 3;
                    return values;
                })();

                return HealthCheckResponse;
            })();

            return v1;
        })();

        return health;
    })();

    return grpc;
})();

export {
  $root as default
};
