// Connections of a tcp frontend: bytes pass as they are, both ways, with half-close; servers are chosen by the same
// algorithms as for requests, and passed over when they cannot be reached.
import { balanceSpec } from '../../support/specs.ts'
import { createHash, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { certificateSpec } from '../../support/certificates.ts'
import { HEALTH_DOWN } from '../../../src/model/states.ts'
import { ms } from '../../../src/model/units.ts'
import { blackHole } from '../../support/black-hole.ts'
import {
  deadPort,
  dial,
  dialInVain,
  eventually,
  leftovers,
  pause,
  reasonCount,
  serverConnections,
  startPlane,
  startServer,
} from '../../support/peers.ts'
import type { BackendWish } from '../../support/data-plane.ts'

const planeFor = (backend: BackendWish) =>
  startPlane({ frontends: [{ mode: 'tcp' }], backends: [{ mode: 'tcp', ...backend }] })
const echo = () => startServer((socket) => socket.pipe(socket))
const named = (name: string) => startServer((socket) => socket.end(name))

/** A number from 0 to n-1 that is the same in every run. */
function dice(seed: number): (n: number) => number {
  let state = seed
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}

test('random bytes in random pieces come back unchanged, many connections at a time', async () => {
  const server = await echo()
  const plane = await planeFor({ servers: [server.port] })
  const all = Array.from({ length: 8 }, async (_, i) => {
    const roll = dice(i + 1)
    const client = await dial(plane.port)
    const data = randomBytes(400_000)
    for (let at = 0; at < data.length;) {
      const n = 1 + roll(roll(3) === 0 ? 100_000 : 700)
      client.write(data.subarray(at, at + n))
      at += n
      if (roll(8) === 0) await pause(1)
    }
    client.socket.end()
    await client.over()
    expect(client.received.equals(data)).toBe(true)
  })
  await Promise.all(all)
  await eventually('over', () => leftovers(plane) === '' && serverConnections(plane) === 0)
  const { counters } = plane.board.rows[0]!
  expect([counters.frontend.bytesIn[0], counters.server.bytesOut[0]]).toEqual([3_200_000, 3_200_000])
  expect(reasonCount(plane, 'client_gone') + reasonCount(plane, 'server_aborted')).toBe(0)
})

test('the client closes its side first, and gets all of the answer after that', async () => {
  const server = await startServer((socket) => {
    let seen = ''
    socket.on('data', (chunk) => (seen += String(chunk)))
    socket.on('end', () => setTimeout(() => socket.end(`you said ${seen}`), 50))
  })
  const plane = await planeFor({ servers: [server.port] })
  const client = await dial(plane.port)
  client.socket.end('all of it')
  await client.over()
  expect(client.text).toBe('you said all of it')
  expect(client.error).toBe(null)
})

test('the server closes its side first, and gets all that the client still has to say', async () => {
  let seen = ''
  const server = await startServer((socket) => {
    socket.end('no more from me')
    socket.on('data', (chunk) => (seen += String(chunk)))
  })
  const plane = await planeFor({ servers: [server.port] })
  const client = await dial({ port: plane.port, host: '127.0.0.1', allowHalfOpen: true })
  await eventually('the end of the server', () => client.ended)
  client.write('but ')
  await pause(30)
  client.socket.end('from me')
  await eventually('all of it', () => seen === 'but from me')
  await eventually('over', () => leftovers(plane) === '')
})

test('a server that speaks first is heard', async () => {
  const server = await startServer((socket) => socket.write('220 ready\r\n'))
  const plane = await planeFor({ servers: [server.port] })
  const client = await dial(plane.port)
  await client.until('220 ready')
})

test.each([
  ['the client resets', 0],
  ['the server resets', 1],
])('%s: the other side sees a reset, and nothing is left', async (_, who) => {
  const server = await startServer((socket) => socket.write('hello'))
  const plane = await planeFor({ servers: [server.port] })
  const client = await dial(plane.port)
  await client.until('hello')
  let error: NodeJS.ErrnoException | null = null
  server.sockets[0]!.on('error', (e) => (error = e))
  if (who === 0) client.socket.resetAndDestroy()
  else server.sockets[0]!.resetAndDestroy()
  await eventually('gone', () => server.open() === 0 && client.closed && leftovers(plane) === '')
  expect((who === 0 ? (error as NodeJS.ErrnoException | null) : client.error)?.code).toBe('ECONNRESET')
  expect(reasonCount(plane, who === 0 ? 'client_gone' : 'server_aborted')).toBe(1)
})

test('what the client said before its server was there goes to the one that is reached', async () => {
  const server = await echo()
  const plane = await planeFor({
    servers: [await deadPort(), await blackHole(), server.port],
    timeouts: { connect: ms(1000) },
  })
  for (let i = 0; i < 3; i++) {
    const client = await dial(plane.port)
    client.socket.end(`early ${i}`)
    await client.over()
    expect(client.text).toBe(`early ${i}`)
  }
  const { connectErrors } = plane.board.rows[0]!.counters.server
  expect([connectErrors[0]! > 0, connectErrors[1]! > 0, connectErrors[2]]).toEqual([true, true, 0])
})

test('no server that can be reached, or none at all: the connection is closed without a word', async () => {
  const plane = await planeFor({ servers: [await deadPort(), await deadPort()] })
  await dialInVain(plane.port)
  expect(reasonCount(plane, 'connect_refused')).toBe(1)
  plane.set(0, 'health', HEALTH_DOWN)
  plane.set(1, 'health', HEALTH_DOWN)
  await dialInVain(plane.port)
  expect(reasonCount(plane, 'no_server')).toBe(1)
})

test('source: one address keeps its server, and goes to another only while that is down', async () => {
  const servers = [await named('a'), await named('b'), await named('c')]
  const plane = await planeFor({ balance: balanceSpec('source'), servers: servers.map(({ port }) => port) })
  const ask = async (localAddress: string): Promise<string> => {
    const client = await dial({ port: plane.port, host: '127.0.0.1', localAddress })
    return (await client.over()).text
  }
  const addresses = Array.from({ length: 24 }, (_, i) => `127.0.${i}.9`)
  const first = await Promise.all(addresses.map(ask))
  expect(new Set(first).size).toBe(3)
  expect(await Promise.all(addresses.map(ask))).toEqual(first)
  plane.set(0, 'health', HEALTH_DOWN)
  const without = await Promise.all(addresses.map(ask))
  for (const [i, name] of without.entries()) expect(name === first[i]).toBe(first[i] !== 'a')
})

test('leastconn: open connections count, those of other workers too', async () => {
  const busy = await startServer((socket) => socket.write('busy'))
  const idle = await startServer((socket) => socket.write('idle'))
  const plane = await planeFor({ balance: balanceSpec('leastconn'), servers: [busy.port, idle.port] })
  Atomics.add(plane.board.shared.server.inflight, 0, 3) // what another worker has open
  for (let i = 0; i < 3; i++) await (await dial(plane.port)).until('idle')
  expect([plane.board.shared.server.inflight[0], plane.board.shared.server.inflight[1]]).toEqual([3, 3])
  Atomics.sub(plane.board.shared.server.inflight, 0, 3)
  await (await dial(plane.port)).until('busy')
})

test('200 MiB pass unchanged', async () => {
  const block = randomBytes(1_048_576)
  const sent = createHash('sha1')
  for (let i = 0; i < 200; i++) sent.update(block)
  const server = await startServer((socket) => {
    let left = 200
    const more = (): void => {
      while (left > 0) {
        left--
        if (!socket.write(block)) return void socket.once('drain', more)
      }
      socket.end()
    }
    more()
  })
  const plane = await planeFor({ servers: [server.port] })
  const client = await dial(plane.port)
  await eventually('over', () => client.ended, 20_000)
  expect(createHash('sha1').update(client.received).digest('hex')).toBe(sent.digest('hex'))
})

test('TLS passes through untouched: the client sees the certificate of the server', async () => {
  const certificate = await certificateSpec({ names: ['behind.test'] })
  const server = await startServer((socket) => socket.pipe(socket), { tls: certificate })
  const plane = await planeFor({ servers: [server.port] })
  const client = await dial(plane.port, { ca: certificate.cert, rejectUnauthorized: true, servername: 'behind.test' })
  await client.write('through').until('through')
})
