// The books of the chaos test: every request that a client sent, what the client saw of it, what Weir wrote of it in the
// access log, and which servers saw it. `audit` holds these against each other; a request that is in one book and should be
// in another, and is not, is a problem.
import { reasons } from '../../src/model/reasons.ts'
import type { FaultyServer } from '../support/faulty-server.ts'

/** What a client saw of a request. */
export type Outcome =
  /** The answer of a server, whole and right. */
  | 'server'
  /** An answer of Weir's own, with a reason. */
  | 'weir'
  /** The connection ended before the answer was complete. */
  | 'broken'
  /** The client left before that. */
  | 'left'
  /** Sent behind one whose connection ended: it was never looked at. */
  | 'behind'

export interface Sent {
  readonly number: number
  readonly method: string
  readonly bodyLength: number
  readonly reply: number
  readonly client: number
  outcome: Outcome | null
  status: number
  reason: string | null
}

/** A line of the access log. */
export interface Line {
  readonly path: string
  readonly status: number
  readonly reason: string
  readonly retries: number
  readonly server: string
  readonly bytes_in: number
  readonly bytes_out: number
}

export class Ledger {
  readonly sent: Sent[] = []
  /** What was wrong with what a client saw, at once. */
  readonly problems: string[] = []

  open(request: Omit<Sent, 'number' | 'outcome' | 'status' | 'reason'>): Sent {
    const sent: Sent = { number: this.sent.length + 1, outcome: null, status: 0, reason: null, ...request }
    this.sent.push(sent)
    return sent
  }

  settle(sent: Sent, outcome: Outcome, status = 0, reason: string | null = null): void {
    if (sent.outcome !== null) return this.wrong(sent, `is ${outcome} after it was ${sent.outcome}`)
    sent.outcome = outcome
    sent.status = status
    sent.reason = reason
  }

  wrong(sent: Sent, what: string): void {
    this.problems.push(`${describe(sent)}: ${what}`)
  }
}

export interface Audit {
  readonly problems: readonly string[]
  /** How many requests ended how, by outcome, and by reason for those that failed. */
  readonly totals: Readonly<Record<string, number>>
  /** Lines of the log that belong to a request. */
  readonly logged: number
  readonly retries: number
}

/** @param mostSeen how often one request that may be repeated may reach servers */
export function audit(ledger: Ledger, log: readonly Line[], servers: readonly FaultyServer[], mostSeen: number): Audit {
  const problems = [...ledger.problems]
  const totals: Record<string, number> = {}
  const lines = linesByNumber(log, ledger, problems)
  for (const sent of ledger.sent) {
    const key = sent.reason === null ? (sent.outcome ?? 'nothing') : `${sent.outcome}: ${sent.reason}`
    totals[key] = (totals[key] ?? 0) + 1
    const problem =
      judge(sent, lines.get(sent.number) ?? []) ??
      judgeRepeats(
        sent,
        servers.reduce((sum, { seen }) => sum + (seen.get(sent.number) ?? 0), 0),
        mostSeen,
      )
    if (problem !== null) problems.push(`${describe(sent)}: ${problem}`)
  }
  const counted = [...lines.values()].flat()
  return { problems, totals, logged: counted.length, retries: counted.reduce((sum, { retries }) => sum + retries, 0) }
}

function linesByNumber(log: readonly Line[], ledger: Ledger, problems: string[]): Map<number, Line[]> {
  const lines = new Map<number, Line[]>()
  for (const line of log) {
    const number = Number(/^\/r\/(\d+)/.exec(line.path)?.[1] ?? 0)
    if (number === 0) continue // a head that its client did not finish
    if (number > ledger.sent.length) problems.push(`the log knows of request ${number}, which nobody sent`)
    lines.set(number, [...(lines.get(number) ?? []), line])
  }
  return lines
}

/** What the client saw against what the log says. @returns what is wrong, or null */
function judge(sent: Sent, lines: readonly Line[]): string | null {
  if (lines.length > 1) return `${lines.length} lines in the log: ${JSON.stringify(lines)}`
  const line = lines[0] ?? null
  const says = line === null ? 'nothing' : `${line.status} ${line.reason}`
  if (line !== null && line.reason !== '-' && !(line.reason in reasons)) return `an unknown reason: ${says}`
  switch (sent.outcome) {
    case null:
      return `vanished: its client still waits; the log says ${says}`
    case 'server':
      return line?.status === sent.status && line.reason === '-'
        ? null
        : `answered ${sent.status}; the log says ${says}`
    case 'weir':
      return line?.status === sent.status && line.reason === sent.reason
        ? null
        : `refused with ${sent.status} ${sent.reason}; the log says ${says}`
    case 'broken':
      return line !== null && line.reason !== '-' ? null : `broken off without a reason; the log says ${says}`
    case 'left':
      return null // it may have left before Weir saw the request, or just after the answer was sent
    case 'behind':
      return line === null || line.reason !== '-' ? null : `never answered; the log says ${says}`
  }
}

function judgeRepeats(sent: Sent, seen: number, mostSeen: number): string | null {
  const most = sent.method === 'POST' ? 1 : mostSeen
  if (seen > most) return `reached servers ${seen} times`
  return sent.outcome === 'server' && seen === 0 ? 'answered by a server that never saw it' : null
}

const describe = ({ number, method, bodyLength, reply, client }: Sent): string =>
  `request ${number} (${method}, ${bodyLength} bytes, for ${reply}, client ${client})`
