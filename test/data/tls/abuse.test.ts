// What is no proper handshake: cut off, oversized, stretched, and many at a time. Each ends that connection alone, is counted,
// and leaves nothing behind; the bind serves others all the while.
import { randomBytes } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import { ms } from '../../../src/model/units.ts'
import type { CertificateSpec } from '../../../src/messages/tls.ts'
import { certificateSpec } from '../../support/certificates.ts'
import type { TestPlane } from '../../support/data-plane.ts'
import { answering, dial, eventually, leftovers, reasonCount, startPlane, startServer } from '../../support/peers.ts'
import { ask } from '../../support/tls-client.ts'
import type { TlsWish } from '../../support/tls.ts'
import { handshake, hello, helloBody, helloOfNode, number16, records } from './hellos.ts'

let main: Omit<CertificateSpec, 'id'>
let other: Omit<CertificateSpec, 'id'>
beforeAll(async () => {
  main = await certificateSpec({ names: ['main.test'] })
  other = await certificateSpec({ names: ['other.test'] })
})

async function serve(more: Partial<TlsWish> = {}, tlsHandshake = 10_000): Promise<TestPlane> {
  const behind = await startServer(answering('fine'))
  return startPlane({
    frontends: [
      { binds: [{ tls: { certificates: [main, other], ...more } }], timeouts: { tlsHandshake: ms(tlsHandshake) } },
    ],
    backends: [{ servers: [behind.port] }],
  })
}

const isServed = async (plane: TestPlane): Promise<boolean> =>
  (await ask(plane.port, { servername: 'other.test' })).answered

const counted = (plane: TestPlane, count: number): Promise<void> =>
  eventually(
    `${count} counted, and nothing left`,
    () => reasonCount(plane, 'tls_handshake') === count && leftovers(plane) === '',
  )

test('a hello that ends at any of its bytes', async () => {
  const plane = await serve()
  const bytes = await helloOfNode({ servername: 'other.test', ecdhCurve: 'X25519' })
  for (let from = 0; from < bytes.length; from += 25) {
    const ends = Array.from({ length: Math.min(25, bytes.length - from) }, (_, i) => from + i)
    await Promise.all(
      ends.map(async (end) => {
        const client = await dial(plane.port)
        client.socket.end(bytes.subarray(0, end))
        await client.over()
      }),
    )
  }
  await counted(plane, bytes.length)
  expect(await isServed(plane)).toBe(true)
})

test('a hello that comes in two pieces, cut at any of its bytes, is a hello', async () => {
  const plane = await serve()
  const bytes = await helloOfNode({ servername: 'other.test', ecdhCurve: 'X25519' })
  for (let from = 1; from < bytes.length; from += 25) {
    const cuts = Array.from({ length: Math.min(25, bytes.length - from) }, (_, i) => from + i)
    await Promise.all(
      cuts.map(async (cut) => {
        const client = await dial(plane.port)
        client.socket.setNoDelay(true)
        client.socket.write(bytes.subarray(0, cut))
        await new Promise((resolve) => setTimeout(resolve, 5))
        client.socket.write(bytes.subarray(cut))
        await eventually('an answer', () => client.received.length >= 5)
        expect(client.received[0]).toBe(22) // a handshake record, not an alert
        client.socket.destroy()
      }),
    )
  }
  await counted(plane, bytes.length - 1)
})

const RECORD = 16_384
test.each<[string, () => Buffer]>([
  [
    'a record longer than any may be',
    () => Buffer.concat([Buffer.of(22, 3, 1), number16(RECORD + 300), randomBytes(RECORD + 300)]),
  ],
  ['a record that claims 65,535 bytes', () => Buffer.concat([Buffer.of(22, 3, 1, 255, 255), Buffer.alloc(65_535)])],
  [
    'a hello that claims 16 MiB',
    () => records(Buffer.concat([Buffer.of(1, 255, 255, 255), Buffer.alloc(60_000)]), [RECORD, RECORD, RECORD]),
  ],
  ['nothing but empty records', () => Buffer.concat(Array.from({ length: 200 }, () => Buffer.of(22, 3, 1, 0, 0)))],
  ['a hello in records of one byte, and garbage behind it', () => Buffer.concat([...split(hello()), randomBytes(500)])],
  ['a hello of SSL 2', () => Buffer.concat([Buffer.of(0x80, 46, 1, 0, 2, 0, 21, 0, 0, 0, 16), randomBytes(37)])],
  ['the wrong message', () => records(handshake(helloBody([]), 2))],
  ['an alert', () => Buffer.of(21, 3, 1, 0, 2, 2, 40)],
  ['data before the handshake', () => Buffer.concat([Buffer.of(23, 3, 3, 0, 20), randomBytes(20)])],
  ['a megabyte of noise', () => randomBytes(1_000_000)],
])('%s', async (_, bytes) => {
  const plane = await serve()
  const client = await dial(plane.port)
  client.write(bytes())
  await client.over()
  client.socket.destroy()
  await counted(plane, 1)
  expect(await isServed(plane)).toBe(true)
})

const split = (bytes: Buffer): Buffer[] => [...bytes.subarray(5)].map((byte) => Buffer.of(22, 3, 1, 0, 1, byte))

test('hundreds of clients that begin and say no more: gone after the deadline, and others are served meanwhile', async () => {
  const plane = await serve({}, 3000)
  const bytes = await helloOfNode({ servername: 'other.test', ecdhCurve: 'X25519' })
  const silent = await Promise.all(Array.from({ length: 300 }, () => dial(plane.port)))
  for (const [i, client] of silent.entries()) client.write(bytes.subarray(0, i % bytes.length))
  expect(await isServed(plane)).toBe(true)
  await Promise.all(silent.map((client) => client.over()))
  await counted(plane, silent.length)
  expect(plane.board.rows[0]!.counters.frontend.handshakes[0]).toBe(1)
})

test('with a limit, those past it wait unread, or are refused; as soon as there is room others are served', async () => {
  const plane = await serve({ maxHandshakes: 4 }, 1500)
  const silent = await Promise.all(Array.from({ length: 12 }, () => dial(plane.port)))
  await eventually('refused', () => reasonCount(plane, 'handshakes_full') >= 4)
  await eventually('over', () => silent.every((client) => client.closed || client.ended))
  const failed = (): number => reasonCount(plane, 'handshakes_full') + reasonCount(plane, 'tls_handshake')
  await eventually('all counted, and nothing left', () => failed() === 12 && leftovers(plane) === '')
  for (let i = 0; i < 10; i++) expect(await isServed(plane)).toBe(true)
})
