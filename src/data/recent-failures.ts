// The requests and connections that failed last on this worker, for whoever asks why. A ring of fixed size: under a flood of
// failures it costs a few stores for each, and nothing while all is well. Counts are on the scoreboard, and all of them in
// the access log; this is for the moment when neither is at hand.
import type { FailureInfo } from '../messages/messages.ts'

const SIZE = 128

export class RecentFailures {
  readonly #ring: FailureInfo[] = []
  #next = 0

  note(failure: FailureInfo): void {
    this.#ring[this.#next] = failure
    this.#next = (this.#next + 1) % SIZE
  }

  /** In no order. */
  get list(): readonly FailureInfo[] {
    return this.#ring
  }
}

const MAX_REQUEST = 256

/** Method, host and path of a request. The query is left out: it may hold what is nobody's business. */
export function requestText(method: string, host: string, target: string): string {
  if (method === '') return ''
  const query = target.indexOf('?')
  return `${method} ${host}${query < 0 ? target : target.slice(0, query)}`.slice(0, MAX_REQUEST)
}
