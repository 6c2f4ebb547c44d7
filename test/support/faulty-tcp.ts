// The tcp side of a faulty server: one connection. Behaviours that mean something in http alone are "ok" here.
import type { Socket } from 'node:net'
import { setTimeout as after } from 'node:timers/promises'
import type { FaultyServer } from './faulty-server.ts'
import { sumOf } from './numbered-bytes.ts'

export function serveTcp(server: FaultyServer, socket: Socket): void {
  let seen: Buffer = Buffer.alloc(0)
  socket.on('end', () => socket.end())
  socket.on('data', (chunk: Buffer) => {
    seen = Buffer.concat([seen, chunk])
    for (;;) {
      const line = seen.indexOf(10)
      if (line < 0) return
      const [number, length] = seen.latin1Slice(0, line).split(' ').map(Number) as [number, number]
      if (seen.length < line + 1 + length) return
      const body = seen.subarray(line + 1, line + 1 + length)
      seen = seen.subarray(line + 1 + length)
      server.see(number)
      void answer(server, socket, `${number} ${sumOf(body)}\n`)
    }
  })
}

async function answer(server: FaultyServer, socket: Socket, text: string): Promise<void> {
  const { behaviour } = server
  if (behaviour === 'silent' || behaviour === 'deaf') return
  if (behaviour === 'close-unanswered') return void socket.end()
  if (behaviour === 'reset-in-head' || behaviour === 'reset-in-body') {
    socket.write(text.slice(0, text.length >> 1))
    await after(20)
  }
  if (behaviour.startsWith('reset')) return void socket.resetAndDestroy()
  if (behaviour === 'slow') await after(server.delay)
  socket.write(text)
  server.answered++
}
