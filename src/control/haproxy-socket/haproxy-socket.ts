// A second, optional socket that understands the runtime commands of HAProxy which people script, so that collectors, hatop
// and shell scripts made for it work here. Text in lines, as described in HAProxy's management guide, section 9.3: one line is
// answered and the connection closed; several commands in it are separated by `;`; after `prompt` it stays open and asks for
// the next line. What the commands are is commands.ts.
import { createServer, type Server, type Socket } from 'node:net'
import type { Baseline } from '../admin/baseline.ts'
import type { Door } from '../admin/door.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { claimSocketPath, openPrivately, share } from '../unix-socket.ts'
import { somebody } from '../runtime/who.ts'
import { execute, type Session } from './commands.ts'

const MAX_LINE = 16_384
/** A connection on which nothing happens is closed after this many milliseconds. */
const IDLE_MS = 600_000
const PROMPT = '\n> '

export interface HaproxySocket extends Door {
  readonly path: string
}

export interface HaproxySocketOptions {
  readonly path: string
  /** Name or number of the group that may open it too; null: its owner alone. */
  readonly group: string | number | null
  readonly runtime: Runtime
  /** What `clear counters` clears. */
  readonly baseline: Baseline
}

/** @throws Error with words for the operator when the socket cannot be made */
export async function openHaproxySocket(options: HaproxySocketOptions): Promise<HaproxySocket> {
  const { path, group } = options
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    serve(socket, { runtime: options.runtime, baseline: options.baseline, who: somebody('HAProxy socket') })
  })
  const retire = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()))
  const close = (): Promise<void> => {
    const closed = retire()
    for (const socket of sockets) socket.destroy()
    return closed
  }
  try {
    await claimSocketPath(path)
    await openPrivately(() => listen(server, path))
    await share(path, group)
  } catch (error) {
    await close() // it listens already where the group is what is wrong
    throw new Error(`cannot open the socket for HAProxy's commands: ${(error as Error).message}`, { cause: error })
  }
  return { path, retire, close }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => server.once('error', reject).listen(path, resolve))
}

function serve(socket: Socket, session: Session): void {
  let text = ''
  let interactive = false
  let turn: Promise<void> = Promise.resolve()

  async function answerLine(line: string): Promise<void> {
    let reply = ''
    for (const command of line.split(/(?<!\\);/)) {
      const word = command.trim()
      if (word === 'quit') return void socket.end(reply)
      if (word === 'prompt') interactive = true
      else if (word !== '') reply += `${await execute(session, word)}\n`
    }
    if (interactive) socket.write(reply === '' ? PROMPT : `${reply.replace(/\n$/, '')}${PROMPT}`)
    else socket.end(reply)
  }

  socket.setEncoding('utf8').setTimeout(IDLE_MS, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: string) => {
    text += chunk
    if (text.length > MAX_LINE) return void socket.destroy()
    const lines = text.split('\n')
    text = lines.pop()!
    for (const line of lines) turn = turn.then(() => (socket.writableEnded ? undefined : answerLine(line)))
  })
  socket.on('end', () => {
    const rest = text
    text = ''
    turn = turn.then(() => (rest.trim() === '' || socket.writableEnded ? undefined : answerLine(rest)))
    void turn.then(() => socket.end())
  })
}
