// Numbers about numbers: quantiles, how uneven something is, and how far a mean can be trusted. Exact, by sorting: a
// simulation has all its samples, and a tail read from a histogram would be the width of a bucket off.

/** Ascending. Typed arrays sort by value, without a comparison function. */
export function sorted(samples: Float64Array): Float64Array {
  return samples.toSorted()
}

/**
 * Quantile by linear interpolation between the two nearest samples (type 7 of Hyndman and Fan, "Sample quantiles in
 * statistical packages", 1996). NaN when there are no samples.
 * @param ascending as sorted() leaves them
 * @param share 0 to 1
 */
export function quantile(ascending: Float64Array, share: number): number {
  const place = (ascending.length - 1) * share
  const below = ascending[Math.floor(place)]
  const above = ascending[Math.ceil(place)]
  return below === undefined || above === undefined ? NaN : below + (above - below) * (place - Math.floor(place))
}

/** The quantiles 0, 1 / steps, 2 / steps ... 1. */
export function quantiles(ascending: Float64Array, steps: number): Float64Array {
  return Float64Array.from({ length: steps + 1 }, (_, i) => quantile(ascending, i / steps))
}

/** How many samples are greater. */
export function countAbove(ascending: Float64Array, limit: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (ascending[middle]! > limit) high = middle
    else low = middle + 1
  }
  return ascending.length - low
}

/** NaN when there are none. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum / values.length
}

/** The busiest over the mean, each relative to its weight; 1: even. Those of weight 0 are left out. NaN: nothing at all. */
export function imbalance(amounts: ArrayLike<number>, weights: readonly number[]): number {
  const relative: number[] = []
  weights.forEach((weight, i) => weight > 0 && relative.push(amounts[i]! / weight))
  return Math.max(...relative) / mean(relative)
}

/** Half of what lies between 2.5 % and 97.5 % of Student's t, for 1 to 10 degrees of freedom; beyond that it nears 1.96. */
const STUDENT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228]

/**
 * The mean of independent runs, and the half width of its 95 % confidence interval.
 * @param values one per run, at least two
 */
export function confidence(values: readonly number[]): { readonly mean: number; readonly half: number } {
  const centre = mean(values)
  const freedom = values.length - 1
  const variance = values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / freedom
  const t = STUDENT[freedom - 1] ?? 1.96 + 2.7 / freedom
  return { mean: centre, half: t * Math.sqrt(variance / values.length) }
}

/** The mean of ratios: a half and a double cancel out. */
export function geometricMean(values: readonly number[]): number {
  return Math.exp(mean(values.map(Math.log)))
}
