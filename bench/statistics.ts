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

/** `now` over `before`: of the medians, and the least and the most of the rounds' own ratios. Rounds are pairs, by place. */
export function ratioOf(before: readonly number[], now: readonly number[]): Spread {
  const rounds = now.slice(0, before.length).map((value, round) => value / (before[round] ?? Number.NaN));
  const { min, max } = spreadOf(rounds);
  return { median: spreadOf(now).median / spreadOf(before).median, min, max };
}
