// How often something may happen, as people write it: '100/s', '30/m', '5000/h'. Text in, tokens a second and burst out.

export interface Rate {
  readonly perSecond: number
  /** What may come at once after a silence. */
  readonly burst: number
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 }

export const rateWords = 'a rate such as "100/s", "30/m" or "5000/h"'

const most = 1_000_000

/**
 * The burst is what comes in a second, or a tenth of what comes in a minute or an hour: whoever says "600/h" does not
 * expect 600 in the first second.
 * @returns null: not a rate, or one that is not above 0 and at most a million a second
 */
export function parseRate(written: string): Rate | null {
  const match = /^(\d+(?:\.\d+)?)\/([smh])$/.exec(written)
  if (!match) return null
  const count = Number(match[1])
  const perSecond = count / unitSeconds[match[2]!]!
  if (!(perSecond > 0) || perSecond > most) return null
  return { perSecond, burst: Math.min(most, Math.max(1, Math.ceil(match[2] === 's' ? count : count / 10))) }
}
