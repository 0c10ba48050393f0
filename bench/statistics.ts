/** Numbers about numbers: what several rounds say together. */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Of no numbers, everything is NaN. An even number of them has the mean of the two in the middle as its median. */
export function spreadOf(numbers: readonly number[]): Spread {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  const lower = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  return { median: (upper + lower) / 2, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

/** The number that `share` of the sorted numbers are not above (nearest rank). NaN of none. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** A ratio as rounds tell it. */
export interface RatioSpread extends Spread {
  /** Between these it is, with 95 % confidence: Student's t, over the logarithms of the rounds' ratios. NaN of fewer than two. */
  readonly low: number;
  readonly high: number;
}

/** `now` over `before`: of the medians, and the least and the most of the rounds' own ratios. Rounds are pairs, by place. */
export function ratioOf(before: readonly number[], now: readonly number[]): RatioSpread {
  const rounds = now.slice(0, before.length).map((value, round) => value / (before[round] ?? Number.NaN));
  const { min, max } = spreadOf(rounds);
  const logarithms = rounds.map(Math.log);
  const center = mean(logarithms);
  const degrees = rounds.length - 1;
  const standardError = Math.sqrt(mean(logarithms.map((value) => (value - center) ** 2)) / degrees);
  const reach = quantileOfT(degrees) * standardError;
  const median = spreadOf(now).median / spreadOf(before).median;
  return { median, min, max, low: Math.exp(center - reach), high: Math.exp(center + reach) };
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
}

/** For 1, 2, 3 … degrees of freedom: 95 % are not further from the middle. */
const quantilesOfT = [12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.2, 2.18, 2.16, 2.14, 2.13];

/** From 16 on it differs from the last of the table by less than a tenth. */
function quantileOfT(degrees: number): number {
  if (degrees < 1) return Number.NaN;
  return quantilesOfT[degrees - 1] ?? 2.12;
}
