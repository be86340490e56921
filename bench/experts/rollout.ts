/** The one rollout that is relayed: few tokens, so that their experts are all that counts. */
export const ROLLOUT = { prompt: 64, tokens: 33 } as const;

export const PROMPT = Array.from({ length: ROLLOUT.prompt }, (_, at) => 48 + (at % 10));
