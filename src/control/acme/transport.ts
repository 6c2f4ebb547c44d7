// One request to an authority and its answer, over HTTPS, with an end to every wait and to every size. Redirects are not
// followed: what an authority signs for is said by the URLs of its directory. What the answers mean is client.ts.
import { Agent, request } from 'undici'
import { AcmeError } from './acme-error.ts'

export interface Answer {
  readonly status: number
  /** Names lower-cased; of fields that came more than once, all. */
  readonly fields: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

/** Far more than a chain of certificates takes. */
const MAX_BODY = 512 * 1024
const PATIENCE = 20_000

export class Transport {
  readonly #agent: Agent
  readonly #userAgent: string

  /** @param ca PEM; null: the authorities that Node ships */
  constructor(ca: string | null, version: string) {
    this.#userAgent = `weir/${version}` // section 6.1 asks for one
    this.#agent = new Agent({
      connect: { timeout: PATIENCE, ...(ca === null ? {} : { ca }) },
      headersTimeout: PATIENCE,
      bodyTimeout: PATIENCE,
      keepAliveTimeout: 5000,
      connections: 4,
      pipelining: 1,
      allowH2: false,
    })
  }

  /** @throws AcmeError when there is no answer; the reason of the signal when it is aborted */
  async send(method: 'GET' | 'HEAD' | 'POST', url: string, body: string | null, signal: AbortSignal): Promise<Answer> {
    try {
      const answer = await request(url, {
        method,
        body,
        dispatcher: this.#agent,
        signal: AbortSignal.any([signal, AbortSignal.timeout(2 * PATIENCE)]),
        headers: {
          'user-agent': this.#userAgent,
          ...(body === null ? {} : { 'content-type': 'application/jose+json' }),
        },
      })
      const pieces: Buffer[] = []
      let size = 0
      for await (const piece of answer.body as AsyncIterable<Buffer>) {
        size += piece.length
        if (size > MAX_BODY) throw new Error(`its answer is longer than ${MAX_BODY} bytes`)
        pieces.push(piece)
      }
      return { status: answer.statusCode, fields: answer.headers, body: Buffer.concat(pieces) }
    } catch (error) {
      signal.throwIfAborted()
      throw new AcmeError(`The authority at ${new URL(url).host} was not reached: ${reasonOf(error as Error)}`)
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy()
  }
}

function reasonOf(error: Error): string {
  if (error.name === 'TimeoutError' || /TIMEOUT/.test((error as NodeJS.ErrnoException).code ?? ''))
    return 'no answer in time'
  return error instanceof AggregateError ? error.errors.map((each: Error) => each.message).join(', ') : error.message
}
