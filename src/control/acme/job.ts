// What is done about one certificate when it is due: it is ordered, or renewed, or the authority is asked when that would be
// well. Each step is on disk before the next one begins.
import { generateKey, renewalIdentifier, type CertificateAndKey } from '../certificates/x509.ts'
import { AcmeError } from './acme-error.ts'
import type { Answers } from './answers.ts'
import type { Authority } from './authority.ts'
import type { AcmeClient } from './client.ts'
import type { Ordered } from './kept.ts'
import { OrderWork, type Rhythm } from './order.ts'
import {
  askAgainTime,
  earliestRenewal,
  renewalTime,
  retryAfter,
  timeInWindow,
  type Backoff,
  type Span,
} from './renewal.ts'
import { heldOf, type Wanted } from './wanted.ts'

export interface Pace extends Rhythm {
  readonly backoff: Backoff
}

/** What orders are made with. */
export interface Means {
  readonly authority: Authority
  readonly answers: Answers
  readonly pace: Pace
}

type UnderWay = NonNullable<Ordered['order']>

const DAY = 86_400_000

/** Before the authority is told of anything: the key that the certificate is to have. */
export async function prepareOrder(wanted: Wanted): Promise<void> {
  const { order } = wanted.ordered
  if (order !== null) return
  const { held } = wanted
  const replaces = held === null ? null : renewalIdentifier(held.spec.cert)
  await wanted.keep({ order: { url: null, key: await generateKey(wanted.source.keyType), replaces, records: [] } })
}

/** @throws AcmeError, or the error of the system; then `failed` is to be called */
export async function order(wanted: Wanted, { authority, answers, pace }: Means, signal: AbortSignal): Promise<void> {
  await prepareOrder(wanted)
  const client = await authority.client()
  signal.throwIfAborted()
  const { renewalInfo } = await client.directory(signal)
  const { key, url, replaces, records } = wanted.ordered.order!
  await answers.takeAway(records)
  const keepOrder = (change: Partial<UnderWay>): Promise<void> =>
    wanted.keep({ order: { ...wanted.ordered.order!, ...change } })
  const { profile, preferredChain } = authority.config
  const { names, challenge } = wanted.source
  const chain = await new OrderWork(client, answers, pace, signal).obtain({
    names,
    challenge,
    key,
    profile,
    preferredChain,
    order: url,
    replaces: renewalInfo === undefined ? null : replaces,
    onOrder: (made) => keepOrder({ url: made }),
    onRecords: (made) => keepOrder({ records: [...made] }),
  })
  await take(wanted, chain, key)
}

/** One write: from now on it is renewed, and no longer ordered. */
async function take(wanted: Wanted, cert: string, key: string): Promise<void> {
  const certificate = { cert, key }
  const { notBefore, notAfter } = spanOf(wanted, certificate)
  const now = Date.now()
  const at = Math.max(renewalTime({ notBefore, notAfter }, Math.random()), earliestRenewal(now, notAfter))
  const renewal = { at, window: null, askAt: now }
  await wanted.keep({ certificate, renewal, obtainedAt: now, order: null, tries: 0, nextTry: null, lastError: null })
}

function spanOf({ source }: Wanted, certificate: CertificateAndKey): Span {
  try {
    return heldOf(source, certificate)
  } catch (error) {
    const why = (error as Error).message
    throw new AcmeError(`The authority signed something else than was ordered: ${why}`, { isFinal: true })
  }
}

/** Brings the time of renewal up to date. An authority that does not answer is asked again, and nothing else comes of it. */
export async function askWhen(wanted: Wanted, authority: Authority, signal: AbortSignal): Promise<void> {
  const { held, ordered } = wanted
  const id = renewalIdentifier(held!.spec.cert)
  const now = Date.now()
  const renewal = ordered.renewal!
  const asked = id === null ? null : await ask(id, await authority.client(), signal)
  if (asked === null) return wanted.keep({ renewal: { ...renewal, askAt: now + DAY } })
  const { start, end } = asked.value.suggestedWindow
  const isSame = renewal.window?.start === start && renewal.window.end === end
  const earliest = earliestRenewal(ordered.obtainedAt ?? 0, held!.notAfter)
  const at = isSame ? renewal.at : Math.max(timeInWindow({ start, end }, held!, Math.random()), earliest)
  await wanted.keep({ renewal: { at, window: { start, end }, askAt: askAgainTime(now, asked.retryAt) } })
}

const ask = (id: string, client: AcmeClient, signal: AbortSignal) => client.renewalInfo(id, signal)

/** @returns what is known of the failure, in words */
export async function failed(wanted: Wanted, { authority, pace }: Means, error: Error): Promise<string> {
  const now = Date.now()
  const told = error instanceof AcmeError ? error : null
  const { order: under, tries: before } = wanted.ordered
  const tries = before + 1
  const change = {
    tries,
    nextTry: retryAfter(tries, now, told?.retryAt ?? null, Math.random(), pace.backoff),
    lastError: error.message,
    // Of an order that is over nothing can come any more; one that was not begun keeps its key.
    order: told?.isFinal === true && under !== null && under.url !== null ? null : under,
  }
  wanted.note(change)
  if (told?.type === 'accountDoesNotExist') await authority.forgetAccount()
  await wanted.keep(change)
  return error.message
}
