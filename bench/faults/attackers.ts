// Slow clients: node attackers.ts PORT COUNT. A third sends a head line by line, a third a body by twenty bytes a second, a third
// asks for much and reads 256 bytes a second of it. They have addresses of their own on loopback, as attackers have, and come
// back when they are cut off. Prints a line of JSON when all have been connected, and one for each line of input.
import net from 'node:net'
import { createInterface } from 'node:readline'

export interface AttackCounts {
  /** At the moment. */
  readonly connected: number
  /** Since all were connected, by the load balancer. */
  readonly cut: number
}

/** Connections that are being opened at one time. */
const AT_ONCE = 64
/** Parts of a second in which a part of them each goes on. */
const TURNS = 50
const [port, count] = process.argv.slice(2).map(Number) as [number, number]

interface Kind {
  /** First bytes. */
  readonly opening: string
  /** Once a second. */
  readonly step: (socket: net.Socket) => unknown
}

const kinds: readonly Kind[] = [
  { opening: 'GET /small HTTP/1.1\r\nHost: bench\r\n', step: (socket) => socket.write('X-Slow: yes\r\n') },
  {
    opening: 'POST /upload HTTP/1.1\r\nHost: bench\r\nContent-Length: 1000000\r\n\r\n',
    step: (socket) => socket.write('x'.repeat(20)),
  },
  { opening: 'GET /4m HTTP/1.1\r\nHost: bench\r\n\r\n', step: (socket) => socket.read(256) },
]

const sockets = new Map<net.Socket, Kind>()
let connected = 0
let cut = 0

/** Connects the attacker with this number, now and whenever it has lost its connection. */
function attack(number: number): Promise<void> {
  const kind = kinds[number % kinds.length]!
  const localAddress = `127.0.1.${1 + (number % 250)}`
  return new Promise((resolve) => {
    // Not read unless a step does: what comes stays in the kernel, and soon with the sender.
    const socket = net.connect({ host: '127.0.0.1', port, localAddress, noDelay: true }, () => {
      connected++
      sockets.set(socket, kind)
      socket.write(kind.opening)
      resolve()
    })
    if (kind !== kinds[2]) socket.resume()
    socket.on('error', () => {})
    socket.on('close', () => {
      resolve()
      if (sockets.delete(socket)) {
        connected--
        cut++
      }
      setTimeout(() => void attack(number), 100)
    })
  })
}

let next = 0
async function opener(): Promise<void> {
  while (next < count) await attack(next++)
}
await Promise.all(Array.from({ length: AT_ONCE }, opener))
cut = 0

// Each once a second, but never all at once: that would keep the core busy on which the others' latency is measured.
let turn = 0
setInterval(() => {
  turn = (turn + 1) % TURNS
  let i = 0
  for (const [socket, kind] of sockets) if (i++ % TURNS === turn) kind.step(socket)
}, 1000 / TURNS)

const say = (): void => console.log(JSON.stringify({ connected, cut } satisfies AttackCounts))
say()
createInterface(process.stdin)
  .on('line', say)
  .on('close', () => process.exit())
