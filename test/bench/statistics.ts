/** Medians, spreads and ratios of rounds. */

/** Median and spread of several rounds. */
export interface Figure {
  median: number
  /** Half the distance of the quartiles. */
  deviation: number
  /** The deviation as a part of the median. */
  spread: number
}

/** Computes median and spread. */
export function figure(values: readonly number[]): Figure {
  const sorted = [...values].sort((a, b) => a - b)
  const median = quantile(sorted, 0.5)
  const deviation = (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 2
  return { median, deviation, spread: deviation / Math.abs(median) }
}

/** Computes the ratio in each round, since both sides had the same disturbances then. */
export function ratio(above: readonly number[], below: readonly number[]): Figure {
  return figure(above.map((value, round) => value / (below[round] ?? Number.NaN)))
}

/** Computes the difference in each round. */
export function differences(of: readonly number[], from: readonly number[]): number[] {
  return of.map((value, round) => value - (from[round] ?? Number.NaN))
}

function quantile(sorted: readonly number[], part: number): number {
  const at = (sorted.length - 1) * part
  const [low = Number.NaN, high = low] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]]
  return low + (high - low) * (at - Math.floor(at))
}
