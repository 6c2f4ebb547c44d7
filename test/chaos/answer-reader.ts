// Reads answers off a client's connection: those of servers, by number, and those of Weir, by reason. Throws on anything
// that is not a whole and well-formed message, which is what the chaos test would not forgive.

export interface Answer {
  readonly status: number
  /** X-Request-Number; -1: no server answered. */
  readonly number: number
  /** X-Body-Sum. */
  readonly sum: string
  /** X-Weir-Reason, or null. */
  readonly reason: string | null
  /** It says that the connection ends. */
  readonly close: boolean
  readonly body: Buffer
}

type Head = Omit<Answer, 'body'> & { readonly length: number }

export class AnswerReader {
  #waiting: Buffer = Buffer.alloc(0)
  #head: Head | null = null
  #pieces: Buffer[] = []

  /** Bytes of an answer that is not complete. */
  get partial(): boolean {
    return this.#head !== null || this.#waiting.length > 0
  }

  /** @returns the answers that are complete now */
  read(bytes: Buffer): Answer[] {
    this.#waiting = this.#waiting.length === 0 ? bytes : Buffer.concat([this.#waiting, bytes])
    const answers: Answer[] = []
    for (;;) {
      this.#head ??= this.#readHead()
      if (this.#head === null) return answers
      const body = this.#head.length >= 0 ? this.#readBody(this.#head.length) : this.#readChunks()
      if (body === null) return answers
      answers.push({ ...this.#head, body })
      this.#head = null
    }
  }

  #readHead(): Head | null {
    const end = this.#waiting.indexOf('\r\n\r\n')
    if (end < 0) return null
    const text = this.#take(end + 4).latin1Slice()
    const line = /^HTTP\/1\.1 (\d\d\d) [^\r\n]*\r\n/.exec(text)
    if (line === null) throw new Error(`no status line: ${JSON.stringify(text.slice(0, 100))}`)
    const field = (name: string): string | null =>
      new RegExp(`\\r\\n${name}: ([^\\r\\n]*)`, 'i').exec(text)?.[1] ?? null
    const chunked = field('transfer-encoding') === 'chunked'
    const length = field('content-length')
    if (chunked === (length !== null)) throw new Error(`not one framing: ${JSON.stringify(text)}`)
    this.#pieces = []
    return {
      status: Number(line[1]),
      number: Number(field('x-request-number') ?? -1),
      sum: field('x-body-sum') ?? '',
      reason: field('x-weir-reason'),
      close: field('connection') === 'close',
      length: chunked ? -1 : Number(length),
    }
  }

  #readBody(length: number): Buffer | null {
    return this.#waiting.length < length ? null : this.#take(length)
  }

  #readChunks(): Buffer | null {
    for (;;) {
      const line = this.#waiting.indexOf('\r\n')
      if (line < 0) return null
      const size = parseInt(this.#waiting.latin1Slice(0, line), 16)
      if (!(size >= 0)) throw new Error(`no chunk: ${JSON.stringify(this.#waiting.latin1Slice(0, 60))}`)
      if (this.#waiting.length < line + size + 4) return null
      this.#take(line + 2)
      this.#pieces.push(this.#take(size))
      this.#take(2)
      if (size === 0) return Buffer.concat(this.#pieces)
    }
  }

  #take(length: number): Buffer {
    const taken = this.#waiting.subarray(0, length)
    this.#waiting = this.#waiting.subarray(length)
    return taken
  }
}
