/** This file is the arithmetic: medians, how far values lie apart, and ratios of sides that took turns. */

/** A figure of several rounds. */
export interface Figure {
  median: number
  /** Half the distance of the quartiles, as a part of the median: how much two runs may differ by chance. */
  spread: number
}

/** Puts the values of several rounds into a figure. */
export function figure(values: readonly number[]): Figure {
  const sorted = [...values].sort((a, b) => a - b)
  const median = quantile(sorted, 0.5)
  const spread = (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 2 / median
  return { median, spread }
}

/** Divides round by round, since neighbours in time had the same weather. */
export function ratio(above: readonly number[], below: readonly number[]): Figure {
  return figure(above.map((value, round) => value / (below[round] ?? Number.NaN)))
}

function quantile(sorted: readonly number[], part: number): number {
  const at = (sorted.length - 1) * part
  const [low = Number.NaN, high = low] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]]
  return low + (high - low) * (at - Math.floor(at))
}
