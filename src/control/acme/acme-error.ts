// Why an authority did not do what was asked, in words that an operator can act on, and when it is worth asking again.
import type { ProblemDocument } from './protocol.ts'

const PREFIX = 'urn:ietf:params:acme:error:'
/** What an authority says is shown, so there is an end to it. */
const MAX_WORDS = 1000

export class AcmeError extends Error {
  /** 'rateLimited', 'badNonce' and so on (RFC 8555, section 6.7); null: it gave none, or it was not reached. */
  readonly type: string | null
  /** Milliseconds since the epoch, before which it is not to be asked again; null: it said nothing. */
  readonly retryAt: number | null
  /** What was asked for can never come of this order: another one is needed. */
  readonly isFinal: boolean

  constructor(message: string, more: { type?: string | null; retryAt?: number | null; isFinal?: boolean } = {}) {
    super(message)
    this.type = more.type ?? null
    this.retryAt = more.retryAt ?? null
    this.isFinal = more.isFinal ?? false
  }
}

/** @param what was to be done: 'order a certificate' */
export function refusal(
  what: string,
  status: number,
  problem: ProblemDocument | null,
  retryAt: number | null = null,
): AcmeError {
  const type = typeOf(problem)
  const words = problem === null ? `status ${status}` : wordsOf(problem)
  const isFinal = status >= 400 && status < 500 && status !== 429 && !passing.has(type ?? '')
  return new AcmeError(`The authority refused to ${what}: ${words}`, { type, retryAt, isFinal })
}

/** Refusals that say nothing against asking for the same once more. */
const passing: ReadonlySet<string> = new Set(['rateLimited', 'serverInternal', 'badNonce', 'orderNotReady'])

export function typeOf(problem: ProblemDocument | null): string | null {
  const type = problem?.type
  if (type === undefined) return null
  return type.startsWith(PREFIX) ? type.slice(PREFIX.length) : type
}

/** In one line: what it says, what kind of thing that is, and for which name. */
export function wordsOf(problem: ProblemDocument): string {
  const parts = [sentence(problem)]
  for (const each of problem.subproblems ?? []) parts.push(`${each.identifier?.value ?? 'also'}: ${sentence(each)}`)
  return parts
    .join('; ')
    .replaceAll(/\p{Cc}+/gu, ' ')
    .slice(0, MAX_WORDS)
}

function sentence(problem: ProblemDocument): string {
  const type = typeOf(problem)
  if (problem.detail === undefined) return type ?? 'it gave no reason'
  return type === null ? problem.detail : `${problem.detail} (${type})`
}

/**
 * @param value of Retry-After: seconds, or a date (RFC 9110, section 10.2.3)
 * @param now milliseconds since the epoch
 * @returns the same; null: there is none, or none that can be read
 */
export function retryTime(value: string | undefined, now: number): number | null {
  if (value === undefined) return null
  if (/^\d{1,9}$/.test(value)) return now + Number(value) * 1000
  const at = /^[A-Z][a-z]{2}/.test(value) ? Date.parse(value) : NaN
  return Number.isNaN(at) ? null : at
}
