/** Mean and half-width of its 95 % confidence interval by Student's t; null of a single value. */
export interface Interval {
  readonly mean: number;
  readonly half: number | null;
}

/** t at 97.5 %, by degrees of freedom from 1. */
const T = [12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.2, 2.18, 2.16, 2.14, 2.13];
/** Beyond the table: of 15 to 30 degrees it is 2.13 to 2.04, then towards 1.96. */
const T_MANY = 2.13;

export function intervalOf(values: readonly number[]): Interval {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length < 2) return { mean, half: null };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const error = Math.sqrt(squares / (values.length - 1) / values.length);
  return { mean, half: (T[values.length - 2] ?? T_MANY) * error };
}
