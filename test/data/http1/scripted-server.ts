// A server that answers with bytes as they stand in a test, in pieces, and then stays, ends or breaks off.
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { breath } from '../../support/raw-http.ts'

export interface Act {
  /** latin1. */
  readonly pieces: readonly string[]
  readonly ending?: 'stay' | 'end' | 'reset'
}

export class ScriptedServer {
  /** What happens to a request for a path; others are answered with their path. */
  readonly acts = new Map<string, Act>()
  /** Number of the connection that a request came on, by its path. */
  readonly seen = new Map<string, number>()
  /** By number of the connection. */
  readonly sockets: Socket[] = []
  readonly #server = createServer((socket) => this.#serve(socket))

  async listen(): Promise<number> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done))
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await new Promise((done) => this.#server.close(done))
  }

  #serve(socket: Socket): void {
    const connection = this.sockets.push(socket) - 1
    let waiting = ''
    socket.setNoDelay(true).setEncoding('latin1')
    socket.on('error', () => {})
    socket.on('data', (text: string) => {
      waiting += text
      for (let end = waiting.indexOf('\r\n\r\n'); end >= 0; end = waiting.indexOf('\r\n\r\n')) {
        const target = waiting.split(' ', 2)[1]!
        waiting = waiting.slice(end + 4)
        this.seen.set(target, connection)
        void this.#play(
          socket,
          this.acts.get(target) ?? { pieces: [`HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}`] },
        )
      }
    })
  }

  async #play(socket: Socket, { pieces, ending }: Act): Promise<void> {
    for (const [i, piece] of pieces.entries()) {
      if (i > 0) await breath()
      if (socket.destroyed) return
      if (piece !== '') socket.write(piece, 'latin1')
    }
    if (ending === 'end') socket.end()
    if (ending === 'reset') {
      await breath()
      socket.resetAndDestroy()
    }
  }
}
