// From recorded requests to a workload that can be run again under another setting: how much work was each request?
//
// The time that a server took holds the contention that was there. The log says how many requests n(t) the server had at
// every moment; when c cores are shared evenly, each of them advances by min(1, c/n(t)). So the work of a request is the
// integral of that over its stay, as if it had been alone: W(end) - W(start), with W the same curve for all requests of
// the server. O(N log N) for N requests.
//
// c itself can be told from the log too. How much work a request is has nothing to do with how busy its server is when
// it comes. With too large a c the work that comes out still holds contention, and is larger where the server was busier;
// with too small a c it is smaller there. The right c leaves no correlation.
//
// The speed of a server is the typical work on it against that of the others, if they are given the same kinds of request.
// What is not told: pauses and failures. A pause becomes work of the requests that it hit.
import type { Recorded, RecordedRequest } from './access-log.ts'
import { mean, quantile, sorted } from './statistics.ts'
import type { Recording } from './types.ts'

/** Of the spans in the log, in ms. */
const RESOLUTION = 0.1

/** ms of work on a core, by request; NaN for those that were not answered. */
export function workOf({ requests, servers }: Recorded, cores: number): Float64Array {
  // An answer within less than the tenth of a millisecond that the log has is no work.
  const work = Float64Array.from(requests, ({ answered, span }) => (answered && span === 0 ? 0 : Number.NaN))
  for (const stays of staysByServer(requests, servers.length)) {
    sweep(stays, cores, (index, amount) => {
      if (requests[index]!.answered) work[index] = amount
    })
  }
  return work
}

/** Indexes of the requests that each server had for a while. */
function staysByServer(requests: readonly RecordedRequest[], servers: number): Stay[][] {
  const byServer = Array.from({ length: servers }, (): Stay[] => [])
  requests.forEach(({ server, start, span }, index) => {
    if (span > 0) byServer[server]!.push({ index, start, end: start + span })
  })
  return byServer
}

interface Stay {
  readonly index: number
  readonly start: number
  readonly end: number
}

/** Walks over the starts and ends of one server in order of time. `found` is told each request's work, and how many were there when it came. */
function sweep(stays: Stay[], cores: number, found: (index: number, work: number, before: number) => void): void {
  const starts = stays.toSorted((a, b) => a.start - b.start)
  const ends = stays.toSorted((a, b) => a.end - b.end)
  const done = new Map<number, { readonly work: number; readonly before: number }>()
  let n = 0
  let clock = starts[0]?.start ?? 0
  let curve = 0
  const advance = (to: number): void => {
    if (n > 0) curve += (to - clock) * Math.min(1, cores / n)
    clock = to
  }
  let next = 0
  for (const { index, end } of ends) {
    for (; next < starts.length && starts[next]!.start <= end; next++) {
      advance(starts[next]!.start)
      done.set(starts[next]!.index, { work: curve, before: n })
      n++
    }
    advance(end)
    n--
    const began = done.get(index)!
    done.delete(index)
    found(index, curve - began.work, began.before)
  }
}

/** Most requests that one server had at a time: with so many cores there is no contention. */
export function mostInFlight({ requests, servers }: Recorded): number {
  let most = 1
  for (const stays of staysByServer(requests, servers.length)) {
    sweep(stays, 1, (_, __, before) => (most = Math.max(most, before + 1)))
  }
  return most
}

const CANDIDATES = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 64, 96, 128] as const
/** Requests that an estimate needs. */
const LEAST_REQUESTS = 200
/**
 * Standard errors by which contention has to be seen. One in fifteen logs without any shows as much by chance, and gets too
 * few cores; were more asked for, one that balances well would be taken to have none, for such keep contention small.
 */
const SEEN = 1.5

/**
 * Cores per server, from the log; null where it shows no contention, or too little to tell.
 * At most what the servers had in flight, less than which is the only thing that can be seen.
 */
export function estimateCores(recorded: Recorded): number | null {
  if (recorded.requests.length < LEAST_REQUESTS) return null
  const most = mostInFlight(recorded)
  const candidates = CANDIDATES.filter((cores) => cores < most)
  const uncontended = correlation(recorded, most)
  if (candidates.length === 0 || uncontended.value < SEEN / Math.sqrt(uncontended.count)) return null
  let best = most
  let least = uncontended.value
  for (const cores of candidates.toReversed()) {
    const { value } = correlation(recorded, cores)
    if (Math.abs(value) < least) {
      least = Math.abs(value)
      best = cores
    }
    if (value < 0) break // it only falls
  }
  return best === most ? null : best
}

/**
 * Between the work and how many were there when it came, each against the mean of its server. Of the work the logarithm
 * counts, or the few largest would decide; and added to it is what is typical, or the smallest would, which are known
 * least: a millisecond on the way, or of the log, is as much as they are.
 */
function correlation({ requests, servers }: Recorded, cores: number): { value: number; count: number } {
  let [xx, yy, xy, count] = [0, 0, 0, 0]
  for (const stays of staysByServer(requests, servers.length)) {
    const xs: number[] = []
    const works: number[] = []
    sweep(stays, cores, (index, work, before) => {
      if (!requests[index]!.answered) return
      xs.push(before)
      works.push(work)
    })
    const typical = quantile(sorted(Float64Array.from(works)), 0.5)
    const ys = works.map((work) => Math.log(work + Math.max(typical, RESOLUTION)))
    const [meanX, meanY] = [mean(xs), mean(ys)]
    for (let i = 0; i < xs.length; i++) {
      xx += (xs[i]! - meanX) ** 2
      yy += (ys[i]! - meanY) ** 2
      xy += (xs[i]! - meanX) * (ys[i]! - meanY)
    }
    count += xs.length
  }
  return { value: xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : 0, count }
}

/**
 * Speed of each server, 1 for the typical one. Servers are taken to be alike, and have the speed of all of them together, unless
 * they differ by a tenth and by four standard errors; one of which too few requests tell is taken to be typical.
 */
export function estimateSpeeds({ requests, servers }: Recorded, work: Float64Array): number[] {
  const found = servers.map((_, server) => {
    const own = work.filter((amount, i) => amount >= 0 && requests[i]!.server === server)
    return { server, ...typicalWork(own), count: own.length }
  })
  const known = found.filter(({ count }) => count >= LEAST_REQUESTS / 2).toSorted((a, b) => a.mean - b.mean)
  const speeds = servers.map(() => 1)
  if (known.length === 0) return speeds
  const groups: Group[] = []
  for (const { server, mean: own, error, count } of known) {
    const last = groups.at(-1)
    if (last === undefined || Math.log(own / last.mean) > Math.max(Math.log(1.1), 4 * error)) {
      groups.push({ members: [server], mean: own, count })
    } else {
      last.mean = (last.mean * last.count + own * count) / (last.count + count)
      last.count += count
      last.members.push(server)
    }
  }
  const middle = known[known.length >> 1]!.server
  const typical = groups.find(({ members }) => members.includes(middle))!.mean
  for (const { members, mean: own } of groups) for (const server of members) speeds[server] = typical / own
  return speeds
}

/** Servers of one speed. */
interface Group {
  readonly members: number[]
  mean: number
  count: number
}

/**
 * Mean work, to which the largest twentieth counts only as much as the largest of the others: a pause makes work large. A mean,
 * because all requests have something added on their way that is no work; of logarithms it would be much.
 * @returns the error relative to the mean
 */
function typicalWork(work: Float64Array): { readonly mean: number; readonly error: number } {
  const ascending = sorted(work)
  const most = quantile(ascending, 0.95)
  const values = ascending.map((amount) => Math.min(amount, most))
  const own = Math.max(mean(values), RESOLUTION)
  const variance = values.reduce((sum, value) => sum + (value - own) ** 2, 0) / values.length
  return { mean: own, error: Math.sqrt(variance / values.length) / own }
}

/** How the recorded farm is taken to have been. */
export interface Model {
  readonly cores: number
  /** By server of the recording. */
  readonly speeds: readonly number[]
}

/**
 * All requests, as work on a core of speed 1. One that was not answered comes with the work of the answered one before it:
 * it was load, but how much is not known.
 */
export function recordingOf(recorded: Recorded, { cores, speeds }: Model): Recording {
  const { requests } = recorded
  const work = workOf(recorded, cores)
  const first = requests[0]?.arrival ?? 0
  let last = work.findIndex((amount) => amount >= 0)
  const services = Float64Array.from(requests, (_, i) => {
    if (work[i]! >= 0) last = i
    return last < 0 ? 0 : work[last]! * speeds[requests[last]!.server]!
  })
  return {
    arrivals: Float64Array.from(requests, ({ arrival }) => arrival - first),
    services,
    keys: Int32Array.from(requests, ({ key }) => key),
  }
}

/** The same requests, this many times as fast after each other. */
export const faster = (recording: Recording, rate: number): Recording => ({
  ...recording,
  arrivals: recording.arrivals.map((arrival) => arrival / rate),
})
