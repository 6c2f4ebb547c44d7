// What the answers of the servers teach: a latency and a share of failures for each, and from them the factor by which
// its cost is raised or lowered. Times are relative to the pool, and everything is forgotten toward "typical", so that a
// server that has been silent is tried again.
//  - latency: an average that forgets with e^(-t/5s), over samples clipped at four times the pool's median, so that one
//    pause is not remembered as slowness. A fast failure is no latency sample; a timeout is. How many samples stand behind
//    the average is kept too (`evidence`): one or two, of a cold server perhaps, are hardly believed, and have hardly a
//    vote in the median.
//  - failing: raised by 1/16 of what is missing to 1 by each failure, lowered by 1/128 by each success and by e^(-t/10s).
//  - factor: sqrt(latency / median) / success^2. The root bounds what a wrong latency can do; the square keeps a server
//    that fails half of its requests from looking merely twice as bad.
// Columns may be written by two threads at once. A lost sample is harmless; a NaN would stay, so each is checked for.
// The median and the panic flag have one writer, which calls refresh ten times a second.
import type { Columns } from './columns.ts'
import { OUTCOME_FAILED, OUTCOME_OK, type Outcome } from './outcome.ts'

/** Time constants in µs. */
const LATENCY_MEMORY = 5_000_000
const FAILURE_MEMORY = 10_000_000
/** Older than this, a sample is no longer known: well before `now` wraps, and long after it has ceased to matter. */
const FORGOTTEN = 120_000_000
/** Servers that the median is taken of, at most. */
const MEDIAN_OF = 512
/** Samples that an average is made of when half of it is believed. */
const DOUBT = 3
/** Samples that a timeout counts for: unlike a latency, it is no chance. */
const TIMEOUT_WEIGHT = 8
/** What two threads' readings of the clock may differ by. */
const SKEW = 1_000_000

const CLIP = 4
const FAILURE_STEP = 1 / 16
const SUCCESS_STEP = 1 / 128
const LOWEST_SUCCESS = 0.05
const FASTEST = 1 / 4
const SLOWEST = 8
const PANIC_PENALTY = 4

/** Scratch of refresh, kept because it is asked for ten times a second: latencies and what they count for. */
const known = new Float64Array(MEDIAN_OF)
const votes = new Float64Array(MEDIAN_OF)
const indexes = Uint16Array.from({ length: MEDIAN_OF }, (_, i) => i)

/** An attempt on a server has ended; see Board.answer. */
export function learn(
  columns: Columns,
  backend: number,
  slot: number,
  now: number,
  latUs: number,
  outcome: Outcome,
): void {
  const { server } = columns
  const before = server.failing[slot]!
  if (outcome === OUTCOME_OK) {
    if (before > 0) {
      server.failing[slot] = before * remains(now, server.outcomeAt[slot]!, FAILURE_MEMORY) * (1 - SUCCESS_STEP)
    } else if (before !== 0) server.failing[slot] = 0
    if (server.consecutive[slot] !== 0) server.consecutive[slot] = 0 // a plain store would take the line from other workers
    server.progress[slot] = now
  } else {
    server.failing[slot] = before >= 0 ? 1 - (1 - before) * (1 - FAILURE_STEP) : FAILURE_STEP
    server.consecutive[slot]!++
  }
  server.outcomeAt[slot] = now

  if (outcome !== OUTCOME_FAILED) {
    const typical = columns.backend.latency[backend]!
    const sample = typical > 0 ? Math.min(latUs, CLIP * typical) : latUs
    const average = server.latency[slot]!
    if (average > 0) {
      const more = outcome === OUTCOME_OK ? 1 : TIMEOUT_WEIGHT
      const kept = remains(now, server.stamp[slot]!, LATENCY_MEMORY)
      const evidence = server.evidence[slot]! * kept + more
      // After a silence the new sample is worth what has been forgotten; before there are many, it is one of so many.
      const share = Math.max(more / evidence, 1 - kept)
      server.evidence[slot] = Math.max(more, Math.min(evidence, 1 / (1 - kept)))
      server.latency[slot] = Math.max(1, average + (sample - average) * share)
    } else {
      server.evidence[slot] = 1
      server.latency[slot] = Math.max(1, sample)
    }
    server.stamp[slot] = now
  }
  refreshServer(columns, backend, slot, now)
}

/**
 * Ages what no answer has refreshed, and finds the median and the panic flag: ten times a second, by one thread.
 * @param slots of all members of the backend, whatever their health
 */
export function refresh(columns: Columns, backend: number, slots: Int32Array, now: number): void {
  const { server } = columns
  let good = 0
  for (const slot of slots) {
    const latencyAge = ageOf(now, server.stamp[slot]!)
    if (latencyAge < 0 || latencyAge > FORGOTTEN) server.latency[slot] = 0
    const outcomeAge = ageOf(now, server.outcomeAt[slot]!)
    if (outcomeAge < 0 || outcomeAge > FORGOTTEN) server.failing[slot] = 0
    if (!(server.failing[slot]! > 0.5)) good++
  }
  columns.backend.latency[backend] = typicalLatency(server, slots, now)
  columns.backend.panic[backend] = 2 * good < slots.length ? 1 : 0
  for (const slot of slots) refreshServer(columns, backend, slot, now)
}

/** Nothing is known of this server: it is new, or back from the dead. */
export function forget({ server }: Columns, slot: number): void {
  server.latency[slot] = 0
  server.evidence[slot] = 0
  server.failing[slot] = 0
  server.consecutive[slot] = 0
  server.stall[slot] = 0
  server.factor[slot] = 1
}

/** What is still believed of the failures of a server: the column is as of the last outcome, and this is as of now. */
export function failingShare(server: Columns['server'], slot: number, now: number): number {
  const failing = server.failing[slot]!
  return failing > 0 ? failing * remains(now, server.outcomeAt[slot]!, FAILURE_MEMORY) : 0
}

function refreshServer({ server, backend }: Columns, row: number, slot: number, now: number): void {
  const typical = backend.latency[row]!
  const latency = server.latency[slot]!
  let relative = 1
  if (typical > 0 && latency > 0) {
    const fresh = remains(now, server.stamp[slot]!, LATENCY_MEMORY)
    relative += (latency / typical - 1) * fresh * trust(server.evidence[slot]! * fresh)
    relative = relative < FASTEST ? FASTEST : relative > SLOWEST ? SLOWEST : relative
  }
  const failing = failingShare(server, slot, now)
  const success = failing > 0 ? Math.max(LOWEST_SUCCESS, 1 - failing) : 1
  let penalty = 1 / (success * success)
  if (penalty > PANIC_PENALTY && backend.panic[row] === 1) penalty = PANIC_PENALTY
  server.factor[slot] = Math.sqrt(relative) * penalty
  server.stall[slot] = relative * typical
}

/** e^(-age/memory); 0 when the difference has wrapped, which means long ago. */
function remains(now: number, then: number, memory: number): number {
  const age = ageOf(now, then)
  return age > 0 ? Math.exp(-age / memory) : age === 0 ? 1 : 0
}

/** In µs; negative: long ago. Another thread's stamp may be a little ahead of this thread's `now`: that is no age. */
function ageOf(now: number, then: number): number {
  const age = (now - then) | 0
  return age < 0 && age > -SKEW ? 0 : age
}

/** What an average of so many samples counts for: 0 to 1. */
const trust = (evidence: number): number => (evidence * evidence) / (evidence * evidence + DOUBT * DOUBT)

/**
 * The median of the latencies, each with the vote of its trust: where one server has been asked a hundred times and the
 * others once, when they were cold, its latency is the typical one. Of a large pool every k-th server is asked.
 * @returns µs; 0 when none is known
 */
function typicalLatency(server: Columns['server'], slots: Int32Array, now: number): number {
  const step = Math.ceil(slots.length / MEDIAN_OF)
  let n = 0
  let all = 0
  for (let i = 0; i < slots.length; i += step) {
    const slot = slots[i]!
    const latency = server.latency[slot]!
    if (!(latency > 0)) continue
    const vote = trust(server.evidence[slot]! * remains(now, server.stamp[slot]!, LATENCY_MEMORY))
    known[n] = latency
    votes[n] = vote
    n++
    all += vote
  }
  const sorted = indexes.subarray(0, n).toSorted((a, b) => known[a]! - known[b]!)
  let below = 0
  for (let k = 0; k < n; k++) {
    const i = sorted[k]!
    below += votes[i]!
    if (2 * below > all) return known[i]!
    // Exactly half: between this one and the next, as the median of an even number is.
    if (2 * below === all && k + 1 < n) return (known[i]! + known[sorted[k + 1]!]!) / 2
  }
  return n > 0 ? known[sorted[n - 1]!]! : 0
}
