// Recorded requests from the lines of Weir's JSON access log (docs/access-log.md): those of one backend, when they came,
// which server got them and how long it took. A line at a time, so that who reads the file need not hold it. Pure; what a
// recording is made into is replay.ts.
import { hashString } from '../balance/hash.ts'

/** What a line says that a key can be made of. */
export interface Keyed {
  readonly client: string
  readonly host: string
  /** The target with its query string; '' in tcp mode. */
  readonly target: string
}

/** One request (http) or connection (tcp). Times are ms since the epoch, or spans in ms. */
export interface RecordedRequest {
  readonly arrival: number
  /** Index in `servers`. */
  readonly server: number
  /** When the server got it, and for how long it had it; a span of 0: it never did. */
  readonly start: number
  readonly span: number
  /** The server did its work: the span tells how much that was. Not so for what failed or was given up. */
  readonly answered: boolean
  readonly key: number
}

export interface Recorded {
  readonly backend: string
  /** Names, in the order of their first request. */
  readonly servers: readonly string[]
  /** By arrival. */
  readonly requests: readonly RecordedRequest[]
  /** Requests that reached no server, and those of other backends by name. */
  readonly unsent: number
  readonly others: ReadonlyMap<string, number>
}

interface Line {
  readonly time: string
  readonly client: string
  readonly backend: string
  readonly server: string
  readonly reason: string
  readonly t_total: number
  readonly t_connect: number
  readonly t_queue: number
  // http alone
  readonly t_request?: number
  readonly t_response?: number
  readonly status?: number
  readonly host?: string
  readonly path?: string
}

const texts = ['time', 'client', 'backend', 'server', 'reason'] as const
const numbers = ['t_total', 't_connect', 't_queue'] as const

export class LogReader {
  readonly #keyOf: (keyed: Keyed) => number
  #backend: string | null
  readonly #servers = new Map<string, number>()
  readonly #requests: RecordedRequest[] = []
  readonly #others = new Map<string, number>()
  #unsent = 0

  /** @param backend whose requests are wanted; null: that of the first request */
  constructor(backend: string | null, keyOf: (keyed: Keyed) => number = ({ client }) => hashString(client)) {
    this.#backend = backend
    this.#keyOf = keyOf
  }

  /** @returns null, or what is wrong with the line, which is then left out; an empty line says nothing */
  add(text: string): string | null {
    if (text.trim() === '') return null
    const line = parseLine(text)
    if (typeof line === 'string') return line
    const arrived = Date.parse(line.time)
    if (Number.isNaN(arrived)) return `"time" is not a time: ${JSON.stringify(line.time.slice(0, 40))}`
    if (line.backend === '') return null // answered by the frontend itself
    this.#backend ??= line.backend
    if (line.backend !== this.#backend) {
      this.#others.set(line.backend, (this.#others.get(line.backend) ?? 0) + 1)
    } else if (line.server === '') this.#unsent++
    else this.#requests.push(this.#request(line, arrived))
    return null
  }

  #request(line: Line, arrived: number): RecordedRequest {
    const { client, host = '', path: target = '', reason, status = 0, t_response, t_total } = line
    const server = this.#servers.get(line.server) ?? this.#servers.size
    this.#servers.set(line.server, server)
    const reached = line.t_connect >= 0
    const start = arrived + Math.max(0, line.t_request ?? 0) + Math.max(0, line.t_queue) + Math.max(0, line.t_connect)
    const end = arrived + t_total
    const answeredHttp = t_response !== undefined && t_response >= 0
    const answeredTcp = t_response === undefined && reached && reason === '-'
    const span = answeredHttp ? t_response : reached ? Math.max(0, end - start) : 0
    return {
      // The log has whole milliseconds: what came within one is spread over it, or it would all come at once.
      arrival: arrived + spread(this.#requests.length),
      server,
      start: start + spread(this.#requests.length),
      span,
      answered: answeredTcp || (answeredHttp && status < 500),
      key: this.#keyOf({ client, host, target }),
    }
  }

  finish(): Recorded {
    return {
      backend: this.#backend ?? '',
      servers: [...this.#servers.keys()],
      requests: this.#requests.toSorted((a, b) => a.arrival - b.arrival),
      unsent: this.#unsent,
      others: this.#others,
    }
  }
}

/** Even over 0 to 1, and not in step with anything: multiples of the golden ratio, without their whole part. */
const spread = (index: number): number => (index * 0.6180339887498949) % 1

function parseLine(text: string): Line | string {
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch {
    return 'not JSON: is this a log of "format: json"?'
  }
  if (typeof read !== 'object' || read === null) return 'not a JSON object'
  const fields = read as Readonly<Record<string, unknown>>
  for (const name of texts) if (typeof fields[name] !== 'string') return `"${name}" is missing, or not a text`
  for (const name of numbers) if (typeof fields[name] !== 'number') return `"${name}" is missing, or not a number`
  const { t_response: response } = fields
  if (response !== undefined && typeof response !== 'number') return '"t_response" is not a number'
  return fields as unknown as Line
}
