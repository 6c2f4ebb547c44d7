// When a certificate is renewed, and when a failed try is made again. Pure: times in milliseconds since the epoch, randomness
// comes in as a number from 0 to 1, so that many certificates that came on one day do not all go on one day.

export interface Span {
  readonly notBefore: number
  readonly notAfter: number
}

const DAY = 86_400_000
const HOUR = 3_600_000
const MINUTE = 60_000

/**
 * Where the authority has no opinion: when a third of the lifetime is left, half of it for those that live less than ten days;
 * up to a fiftieth of the lifetime earlier.
 */
export function renewalTime({ notBefore, notAfter }: Span, random: number): number {
  const lifetime = notAfter - notBefore
  const left = lifetime < 10 * DAY ? lifetime / 2 : lifetime / 3
  return Math.round(notAfter - left - (random * lifetime) / 50)
}

/**
 * Where it has: a point in the window that it suggests (RFC 9773, section 4.2). A window too late for a second try is not
 * believed.
 */
export function timeInWindow(
  { start, end }: { readonly start: number; readonly end: number },
  span: Span,
  random: number,
): number {
  const latest = span.notAfter - (span.notAfter - span.notBefore) / 20
  return Math.round(Math.min(start + random * Math.max(0, end - start), latest))
}

/**
 * Before which a certificate is not renewed, whatever clocks and windows say: where one of them is wrong, it would be ordered
 * over and over. @param obtained when it came
 */
export function earliestRenewal(obtained: number, notAfter: number): number {
  const left = notAfter - obtained
  return obtained + (left > 0 ? Math.min(left / 2, HOUR) : HOUR)
}

/** When the window is asked for again: as the authority says, within an hour and a day; in six hours if it says nothing. */
export function askAgainTime(now: number, retryAt: number | null): number {
  const wish = retryAt ?? now + 6 * HOUR
  return Math.min(Math.max(wish, now + HOUR), now + DAY)
}

export interface Backoff {
  readonly first: number
  readonly longest: number
}

export const backoff: Backoff = { first: MINUTE, longest: DAY }

/**
 * When to try again after so many in vain, each wait twice as long as the one before, give or take a fifth. An authority that
 * says when to come again is not asked earlier.
 */
export function retryAfter(tries: number, now: number, toldAt: number | null, random: number, by = backoff): number {
  const wait = Math.min(by.first * 2 ** Math.min(tries - 1, 30), by.longest)
  const own = now + wait * (0.8 + 0.4 * random)
  return Math.round(Math.max(own, toldAt ?? 0))
}
