/** Which cards are about one size: a head that does not fit speaks for those behind it. */
import type { Card } from "./card.ts";

/** Octaves. */
export const sizeClass = (tokens: number): number => Math.floor(Math.log2(Math.max(1, tokens)));

/** Forecasts are halved and doubled, not measured: two octaves a class. */
const growthClass = (card: Card): number =>
  Math.floor(sizeClass(card.expectedNewTokens ?? card.maxNewTokens) / 2);

/** Cards of one class with the same key are of one job and about one size, and avoid the same. */
export const queueKey = (card: Card): string =>
  `${card.job} ${sizeClass(card.promptTokens + card.outputTokens)} ${growthClass(card)} ${card.avoid.join(" ")}`;
