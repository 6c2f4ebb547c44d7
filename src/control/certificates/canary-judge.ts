// Whether a certificate on trial is refused more often than the one it is to replace, by how clients ended their handshakes. Two
// shares are compared by Fisher's exact test, one-sided ("On the interpretation of chi-squared from contingency tables", 1922):
// how likely is it, if both were refused alike, that so many of the refusals fall on the one on trial? The test is exact for the
// small numbers that a share of 5 % has at first. It is asked again and again while a trial lasts, so that what it takes for
// chance has to be very unlikely. Pure; where the numbers come from is canary.ts.

/** Handshakes in which a certificate was shown: those that were done, and those that the client ended because of it. */
export interface Tally {
  readonly accepted: number
  readonly refused: number
}

export type Verdict =
  /** Not enough handshakes yet to say anything. */
  'too few' | 'worse' | 'no worse'

/** Handshakes of the one on trial, below which nothing is said of it. */
export const LEAST = 20
/** How unlikely the difference is by chance, for it to be none. Some hundred looks at a trial then err once in a hundred trials. */
const LEVEL = 1e-4
/** Share of refusals that nobody needs another certificate to compare with for. */
const MOST_REFUSED = 0.5

export function judge(trial: Tally, other: Tally): Verdict {
  const handshakes = trial.accepted + trial.refused
  if (handshakes < LEAST) return 'too few'
  const comparable = other.accepted + other.refused >= LEAST
  if (!comparable) return trial.refused > MOST_REFUSED * handshakes ? 'worse' : 'no worse'
  return byChance(trial, other) < LEVEL ? 'worse' : 'no worse'
}

/**
 * How likely it is that, of all refusals, at least so many fall on the trial, if who is refused has nothing to do with it: the
 * upper tail of the hypergeometric distribution. What is summed falls from term to term, on either side of the mean, so that no
 * small number is lost beside a large one.
 * @returns 0 to 1; within a millionth of it, up to some ten million handshakes
 */
export function byChance(trial: Tally, other: Tally): number {
  const own = trial.accepted + trial.refused
  const all = own + other.accepted + other.refused
  const refused = trial.refused + other.refused
  const likelihood = (k: number): number =>
    Math.exp(logChoose(refused, k) + logChoose(all - refused, own - k) - logChoose(all, own))
  /** From one term to the next: a quotient of whole numbers. */
  const growth = (k: number): number => ((refused - k) * (own - k)) / ((k + 1) * (all - refused - own + k + 1))
  let sum = 0
  if (trial.refused * all > own * refused) {
    let term = likelihood(trial.refused)
    for (let k = trial.refused; term > sum * 1e-12; k++) {
      sum += term
      term *= growth(k)
    }
    return Math.min(1, sum)
  }
  const least = Math.max(0, own + refused - all)
  if (trial.refused <= least) return 1
  let term = likelihood(trial.refused - 1)
  for (let k = trial.refused - 1; term > sum * 1e-12; k--) {
    sum += term
    if (k <= least) break
    term /= growth(k - 1)
  }
  return Math.max(0, 1 - sum)
}

const logChoose = (n: number, k: number): number => logFactorial(n) - logFactorial(k) - logFactorial(n - k)

/** Stirling's series; its third term is below 1e-10 from 20 on, and below that the product is taken. */
function logFactorial(n: number): number {
  if (n < 20) {
    let product = 1
    for (let i = 2; i <= n; i++) product *= i
    return Math.log(product)
  }
  return (
    (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * n) - 1 / (360 * n ** 3) + 1 / (1260 * n ** 5)
  )
}
