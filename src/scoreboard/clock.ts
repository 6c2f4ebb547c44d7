// The clock of the time stamps on the scoreboard: microseconds as an int32, the same in all threads. performance.now()
// alone would not do, because it starts at zero in each thread. It wraps after 71.6 minutes, so only differences mean
// something, by (a - b) | 0. Nothing here reads a clock after the start: callers have a reading of performance.now().
import { performance } from 'node:perf_hooks'

const MAX_INT32 = 0x7fff_ffff

/** What this thread's performance.now() has to be moved by, in ms: hrtime is the system's monotonic clock. */
const offset = ((): number => {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1e6 - performance.now()
})()

/** @param now a reading of performance.now(), in ms */
export const microsOf = (now: number): number => ((now + offset) * 1000) | 0

/** A span of milliseconds in microseconds, an integer from 0 to 2^31 - 1: longer ones count as that, negative ones as 0. */
export function microsIn(span: number): number {
  const micros = span * 1000
  return micros > 0 ? (micros < MAX_INT32 ? micros | 0 : MAX_INT32) : 0
}

/** The same clock as it is, which does not wrap: milliseconds with a fraction. */
export const systemMillis = (now: number): number => now + offset

/** The same clock in milliseconds, which wraps after 49.7 days; for what is counted in minutes and hours. */
export const millisOf = (now: number): number => (now + offset) | 0
