/** Names of a worker's lives: the engine's own, with a suffix of ours where it came back from being given up. */

/** A life that was told to be gone for good may not come back under the same name. */
export const returned = (own: string, returns: number): string =>
  returns === 0 ? own : `${own}~${returns}`;

/** The engine's own name for that life, whether it came back or not. */
export const processOf = (incarnation: string): string => incarnation.replace(/~\d+$/, "");

/** Whether the process that calls itself `own` is the one of `incarnation`. */
export const isLifeOf = (incarnation: string, own: string): boolean =>
  incarnation === own || incarnation.startsWith(`${own}~`);
