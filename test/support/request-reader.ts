// Reads the requests of a faulty server off a connection: whole ones, with a length or in chunks, one after the other. Only
// as strict as a test needs it: what comes was written by Weir, whose form other tests look at (raw-http.ts).

export interface RequestStart {
  /** From `/r/<number>`; -1: another path, such as that of a health check. */
  readonly number: number
  /** Length of the answer that is asked for. */
  readonly reply: number
  readonly method: string
}

export interface WholeRequest extends RequestStart {
  readonly body: Buffer
}

export class RequestReader {
  #waiting: Buffer = Buffer.alloc(0)
  #start: RequestStart | null = null
  /** Of the body; -1: it comes in chunks. */
  #length = 0
  /** Chunks whose framing has been taken off. */
  #pieces: Buffer[] = []
  readonly #onHead: (start: RequestStart) => void
  readonly #onRequest: (request: WholeRequest) => void

  constructor(onHead: (start: RequestStart) => void, onRequest: (request: WholeRequest) => void) {
    this.#onHead = onHead
    this.#onRequest = onRequest
  }

  read(bytes: Buffer): void {
    this.#waiting = this.#waiting.length === 0 ? bytes : Buffer.concat([this.#waiting, bytes])
    for (;;) {
      if (this.#start === null && !this.#readHead()) return
      const body = this.#length >= 0 ? this.#readBody() : this.#readChunks()
      if (body === null) return
      const start = this.#start!
      this.#start = null
      this.#onRequest({ ...start, body })
    }
  }

  #readHead(): boolean {
    const end = this.#waiting.indexOf('\r\n\r\n')
    if (end < 0) return false
    const head = this.#take(end + 4).latin1Slice()
    const [method, target] = head.split(' ', 2) as [string, string]
    const found = /^\/r\/(\d+)(?:\?reply=(\d+))?$/.exec(target)
    this.#start = { method, number: found === null ? -1 : Number(found[1]), reply: Number(found?.[2] ?? 0) }
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)
    this.#length = /\r\ntransfer-encoding: *chunked/i.test(head) ? -1 : Number(length?.[1] ?? 0)
    this.#pieces = []
    this.#onHead(this.#start)
    return true
  }

  #readBody(): Buffer | null {
    return this.#waiting.length < this.#length ? null : this.#take(this.#length)
  }

  #readChunks(): Buffer | null {
    for (;;) {
      const line = this.#waiting.indexOf('\r\n')
      if (line < 0) return null
      const size = parseInt(this.#waiting.latin1Slice(0, line), 16)
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
