/** Every bound on what comes from outside or can pile up, with its reason. Sizes in bytes, times in ms. */
export const LIMITS = {
  /** A 1M-token prompt as JSON is about 7 MB; 64 MiB leaves room for batches and side data. */
  bodyBytes: 64 * 1024 * 1024,
  /** Contract: ids travel in headers, paths and metric-free logs. */
  idChars: 128,
  /** Longest prompt that any public model takes, times two. */
  promptTokens: 2_097_152,
  outputTokens: 2_097_152,
  /** Wider stop lists are a sign of a wrong field. */
  stopTokenIds: 1_024,
  stopStrings: 64,
  stopStringChars: 1_024,
  /** One entry a vocabulary id at most would be a dense bias; 4,096 covers every known use. */
  logitBiasEntries: 4_096,
  groupSize: 4_096,
  /** Rollouts waiting for a place, all jobs; each costs at most 2 KB beside its tokens. */
  waitingRollouts: 200_000,
  /** Finished rollouts kept for `result_ttl_ms`; beyond it the oldest become tombstones early. */
  finishedRollouts: 100_000,
  /** Their outputs and side data; beyond it likewise. */
  finishedBytes: 1024 * 1024 * 1024,
  /** Rollouts kept until they are asked for again, and the bytes of their prompts and outputs; beyond it the longest kept end. */
  keptRollouts: 65_536,
  keptBytes: 1024 * 1024 * 1024,
  /** Tombstones kept after results expire, 20 bytes each. */
  tombstones: 1_000_000,
  workers: 10_000,
  /** Rollouts of one trace file: twice the largest simulated run, about 1 KB each. */
  traceRollouts: 2_000_000,
  /** Data-parallel ranks that one engine says it has; the largest known deployments have some hundreds. */
  engineSlots: 4_096,
  /** Token ids that an engine says it knows; the largest public vocabularies have a quarter of a million. */
  vocabulary: 4 * 1024 * 1024,
  policies: 10_000,
  /** Jobs that were declared or whose trainer reported; each is a row of the store and a label of metrics. */
  jobs: 1_024,
  /** Jobs neither declared nor busy whose counts are kept; a forgotten one starts at zero. */
  idleJobs: 4_096,
  jobPools: 1_024,
  /** Accepted groups of a job with a staleness bound whose late siblings are known; some 100 bytes each. */
  groupsRemembered: 65_536,
  /** Versions whose records are kept per policy, besides the committed one. */
  versionsKept: 1_000,
  /** Runs whose names are remembered per policy: an older one's name is taken as new. One an hour for six weeks. */
  runsKept: 1_000,
  /** Attempts of one rollout in a row without a token of theirs before it fails with what the last one said. */
  attempts: 16,
  /** Times that a rollout which became too old is run anew: one that was overtaken so often is too long for its limit. */
  requeues: 3,
  /** Log lines that nobody has read yet; a slow reader of standard error loses those beyond it. */
  logBytes: 8 * 1024 * 1024,
  /** Moments kept of one rollout for `?timeline=1`: three an attempt, and what held it. */
  timelineMoments: 128,
  /** Spans that wait to be sent to a trace collector; beyond it they are dropped, never rollouts. */
  tracedSpans: 16_384,
  /** Life-cycle events kept in memory for `/v1/events`. */
  lifeCycleEvents: 65_536,
  /** Scheduler inputs kept when recording is on. */
  recordedInputs: 1_000_000,
  /** One frame of an engine's reply: 64 Ki tokens of id and logprob, one token's mask over the widest vocabulary, and slack. */
  engineFrameBytes: 2 * 1024 * 1024,
  /** Status line and headers of an engine's reply: Node's own limit. */
  engineHeadBytes: 16 * 1024,
  /** An engine's unary answer with a prompt's logprobs: some 70 bytes a token, a million tokens. */
  engineScoreBytes: 128 * 1024 * 1024,
  /** One message of an engine's cache events: a step's blocks, their tokens in full. */
  kvEventBytes: 16 * 1024 * 1024,
  /** Cached blocks of one slot whose names are known, some 150 bytes each: 4 M tokens of KV in blocks of 16. */
  kvBlockNames: 262_144,
  /** Messages of cache events that wait while missed ones are asked for again: some seconds of steps. */
  kvEventsHeld: 1_024,
  /** An engine's answer to a control call or probe. */
  engineControlBytes: 4 * 1024 * 1024,
  /**
   * One event of another engine's stream, or one unary reply of it: 128 Ki tokens of prompt or output at 30 bytes each with
   * alternatives beside them, or the logprob of every id of a vocabulary of 256 Ki. Beyond it the attempt fails.
   */
  engineReplyBytes: 64 * 1024 * 1024,
  /** Replies that one embedded engine keeps open; each may hold its whole output for a slow reader. */
  engineStreams: 4_096,
  /** Bytes of one reply in the HTTP thread before its tokens stay in the compute thread: 8k tokens. */
  engineSocketBytes: 64 * 1024,
  /** Tokens of one reply that wait for their consumer, 8 bytes each, before the engine's socket is left unread. */
  engineTokensUnread: 16_384,
  /** A mask over a vocabulary belongs in `structured`; the widest vocabularies hold 262,144 ids. */
  allowedTokenIds: 262_144,
  badWords: 1_024,
  /** Tokens of one bad word: at least one character each. */
  badWordTokens: 4_096,
  /** Alternatives asked for at each position: each costs 8 bytes a token in the result. */
  topLogprobs: 128,
  /** Alternatives of one rollout, `top_logprobs` times its tokens: 32 MiB, some 80 MiB of JSON. */
  topLogprobEntries: 4_194_304,
  /** Ids in one rollout's sampling mask: 16 MiB, some 28 MiB of JSON. */
  samplingMaskIds: 4_194_304,
  /** A `tokenizer.json`; the largest public ones are some 35 MB. Parsed in one go, so a larger one would hold up everybody. */
  tokenizerBytes: 64 * 1024 * 1024,
  /** Of one text that is made into ids: some 256k tokens of English, and two seconds in which nobody else is served. */
  tokenizedChars: 1024 * 1024,
  /** Tokenizers parsed and kept, each a few times its file: one for each family of policies in use. */
  tokenizersKept: 8,
  mediaItems: 256,
  requiredFeatures: 64,
  /** Levels of JSON of the caller's own: what protobuf's hundred levels carry, three a JSON object. */
  jsonDepth: 30,
  /** Entries of the tokens file: a token a person or trainer, not one a rollout. */
  tokens: 10_000,
  /** Jobs that one token is bound to. */
  tokenJobs: 1_024,
  /** A token of ours has 46 characters; a longer one is refused before it is hashed. */
  tokenChars: 256,
  /** Between two looks at whether tokens or certificates have changed: a revoked token lives so much longer. */
  fileCheckMs: 1_000,
  /** A TLS handshake is three messages; Node's own default of 120 s only holds memory for a stranger. */
  tlsHandshakeMs: 10_000,
  /** A gRPC server's streams of one connection; beyond it the client's transport queues. */
  grpcStreamsPerConnection: 16_384,
  /** A whole request must have arrived by then: 64 MiB at 0.6 MB/s; beyond it a slow sender only holds memory. */
  httpRequestMs: 120_000,
  httpHeadersMs: 20_000,
  /** All headers of one request; ours need a few hundred bytes, traces and proxies add some. */
  httpHeaderBytes: 16_384,
  /** Headers of one request; Node's own default is 2,000. */
  httpHeaders: 100,
  /** Connections of each front at once, each a descriptor and some 10 KB; beyond it new ones are closed unread. */
  connections: 16_384,
  /** Requests that wait behind others of their connection; hardly a client sends any, and each takes memory. */
  httpPipelined: 64,
  /** Between two pings of a gRPC connection that is silent, and how long its answer may take: finds dead clients. */
  grpcPingMs: 60_000,
  grpcPingAnswerMs: 20_000,
  /** A gRPC connection without a call for so long is closed: a client that returns opens another at once. */
  grpcIdleMs: 1_800_000,
  /** How often Node looks for requests that are too slow; its own default of 30 s would add to both bounds above. */
  httpCheckMs: 2_000,
  /** Idle connections outlive the 60 s that load balancers and client pools commonly keep theirs. */
  httpKeepAliveMs: 72_000,
  /** A comment on an idle stream, well below the 60 s at which proxies cut idle connections. */
  sseHeartbeatMs: 15_000,
  /** A reader who takes nothing for so long is cut, whatever he was sent; a rollout's stream can be resumed. */
  readerStallMs: 60_000,
  /** One who is only slow has so much longer for what waits for him: 0.5 Mbit/s, a poor line. */
  readerBytesPerMs: 64,
  /** Readers of `/v1/events` and of publications' progress at once, each a connection and a cursor. */
  controlStreams: 1_024,
  /** Events handed to one reader at a time, so that replay of a full ring never builds one huge string. */
  eventBatch: 512,
  /** JSON header of a safetensors file, or an index: some 100 bytes a tensor. The format's own limit is 100 MB. */
  checkpointHeaderBytes: 16 * 1024 * 1024,
  /** The largest public mixtures of experts store some 100,000 tensors unfused. */
  checkpointTensors: 262_144,
  checkpointShards: 4_096,
  checkpointNameChars: 512,
  checkpointRank: 8,
  /** WebAssembly's 32-bit address space: weights twice (serving and staged), KV and activations. */
  engineMemoryBytes: 4 * 1024 * 1024 * 1024 - 65_536,
  /** Requests inside one embedded engine, running and waiting; its server refuses more. */
  engineRequests: 65_536,
  /** Prompts whose lengths are remembered beyond the server's life, some 100 bytes each: several data sets of a trainer. */
  promptHistories: 100_000,
  /** One row of the store; the largest, a policy with its label, is below 2 KB. */
  storeRowChars: 1024 * 1024,
  /** Calls that wait for the store's thread; beyond it a slow disk would only pile up memory. */
  storeCallsWaiting: 16_384,
  /** Versions that one worker proved, kept per policy: a rollout lives through fewer updates of its worker. */
  proofsKept: 64,
  /** Publications of one policy that wait behind the one under way: a trainer ahead by more has lost count. */
  publicationsWaiting: 4,
  /** External versions of one policy that are open or gated: a trainer moves one at a time and may prepare the next. */
  externalOpen: 4,
  /** Publications of one policy whose progress by worker is kept; older ones show their state alone. */
  publicationsKept: 16,
  /** Workers of one publication that stage, or that are closed, at once; each costs a socket and a pause. */
  updatesAtOnce: 64,
  /** Times that one worker is brought to one version before it waits for the next version or a restart. */
  catchUpAttempts: 8,
  /** One line that a worker process says on standard error or its control pipe; longer ones are cut. */
  workerLineChars: 8_192,
  /** Rollouts of one call of many: 64 MiB hold about so many with prompts of a hundred tokens. */
  manyRollouts: 131_072,
  /** Rollouts of one call of many that are submitted and not yet read by their caller: fills 64 slots of 64. */
  manyInFlight: 4_096,
  /** Sessions with an order and a time to live in memory, some 600 bytes each; the scheduler remembers as many homes. */
  liveSessions: 100_000,
  /** Finished sessions that a late turn is still told of. */
  finishedSessions: 100_000,
  /** Ways that one session may go; searches over trees fork at most a few hundred times. */
  sessionBranches: 4_096,
  /** Rows of one record batch: per-batch cost is lost in it, and a reader handles it at once. */
  arrowBatchRows: 1_024,
  /** Output tokens from which on a record batch is full, 8 bytes each: so a batch is about 4 MiB, its longest rollout above. */
  arrowBatchTokens: 524_288,
  /** A finished rollout waits no longer than this for others to share its record batch. */
  arrowBatchMs: 100,
  /** A spool's file is full from there on: few files, and each goes soon after the Results that it serves. */
  spoolSegmentBytes: 64 * 1024 * 1024,
  /** Files of a spool, which one wanted record each could keep. */
  spoolSegments: 65_536,
  /** Routed experts in a Result itself, whatever the server's setting: 11 MB of base64 in one JSON text. */
  sideInlineBytes: 8 * 1024 * 1024,
  /** Side data by reference that is in memory, as the spool has not got it yet or failed; what comes beyond stays in its Result. */
  sideUnwrittenBytes: 256 * 1024 * 1024,
  /** Routed experts of one reply: a million tokens, 60 layers, 8 experts of 4 bytes. */
  sideBytes: 2 * 1024 * 1024 * 1024,
  /** A piece of side data on its way: decoded, checked and written well within a millisecond. A multiple of three. */
  sidePieceBytes: 3 * 87_381,
  /** Bytes that wait for the spool's disk; beyond it whoever brings more waits. */
  spoolWaitingBytes: 32 * 1024 * 1024,
} as const;
