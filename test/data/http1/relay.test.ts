// Bodies through Weir in both directions: random bytes in random pieces arrive exactly, on reused connections, pipelined,
// from many clients at once, and no answer ever goes to another client.
import { createHash, randomBytes } from 'node:crypto'
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startDataPlane, type TestPlane } from '../../support/data-plane.ts'
import { readResponses, talk } from '../../support/raw-http.ts'

const servers: Server[] = []
let plane: TestPlane
const agent = new Agent({ keepAlive: true, maxSockets: 64 })

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
/** The same bytes for the same seed, so that a server can make what a client expects. */
const bytesOf = (seed: string, length: number): Buffer => {
  const block = createHash('sha512').update(seed).digest()
  return Buffer.alloc(length, Buffer.concat([block, Buffer.from(seed)]))
}

/** Cuts at lengths that repeat. */
function* pieces(bytes: Buffer, lengths: readonly number[]): Generator<Buffer> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const n = lengths[i % lengths.length]!
    yield bytes.subarray(at, at + n)
    at += n
  }
}

/** Path: /echo answers with the body; /make?seed&length&framing&lengths makes one. Both say what they got. */
async function serve(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
  const url = new URL(incoming.url!, 'http://a')
  const body = await buffer(incoming)
  answer.setHeader('X-Got', digest(body))
  answer.setHeader('X-Target', incoming.url!)
  if (url.pathname === '/echo') return void answer.end(body)
  const query = url.searchParams
  const made = bytesOf(query.get('seed')!, Number(query.get('length')))
  if (query.get('framing') === 'length') answer.setHeader('Content-Length', made.length)
  if (query.get('framing') === 'close') answer.setHeader('Connection', 'close').removeHeader('Transfer-Encoding')
  if (query.get('framing') === 'close') answer.useChunkedEncodingByDefault = false
  for (const piece of pieces(made, query.get('lengths')!.split(',').map(Number))) {
    if (!answer.write(piece)) await new Promise((done) => answer.once('drain', done))
  }
  answer.end()
}

beforeAll(async () => {
  for (let i = 0; i < 3; i++) {
    const server = createServer((incoming, answer) => void serve(incoming, answer))
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    servers.push(server)
  }
  plane = await startDataPlane({
    backends: [{ servers: servers.map((server) => (server.address() as AddressInfo).port) }],
  })
})
afterAll(async () => {
  agent.destroy()
  for (const server of servers) server.close().closeAllConnections()
  await plane.close()
})

interface Sent {
  readonly path: string
  readonly body: Buffer
  readonly lengths: readonly number[]
  readonly framing: 'length' | 'chunked'
}

async function send({
  path,
  body,
  lengths,
  framing,
}: Sent): Promise<{ headers: IncomingMessage['headers']; body: Buffer }> {
  const headers = framing === 'length' ? { 'Content-Length': body.length } : { 'Transfer-Encoding': 'chunked' }
  const outgoing = httpRequest({ agent, host: '127.0.0.1', port: plane.port, method: 'POST', path, headers })
  const answered = new Promise<IncomingMessage>((resolve, reject) =>
    outgoing.once('response', resolve).once('error', reject),
  )
  Readable.from(pieces(body, lengths)).pipe(outgoing)
  const answer = await answered
  expect(answer.statusCode).toBe(200)
  return { headers: answer.headers, body: await buffer(answer) }
}

const length = fc.oneof(fc.nat(200), fc.nat(70_000), fc.constantFrom(0, 1, 65_535, 65_536, 65_537, 131_072, 262_144))
const lengths = fc.array(fc.oneof(fc.integer({ min: 500, max: 5000 }), fc.integer({ min: 5000, max: 100_000 })), {
  minLength: 1,
  maxLength: 5,
})

test('random bodies in random pieces arrive exactly, both ways, whatever the framing', async () => {
  let seed = 0
  await fc.assert(
    fc.asyncProperty(
      fc.record({ sends: length, makes: length, cuts: lengths, made: lengths }),
      fc.constantFrom('length', 'chunked'),
      fc.constantFrom('length', 'chunked', 'close'),
      async ({ sends, makes, cuts, made }, framing, answerFraming) => {
        const body = randomBytes(sends)
        const path = `/make?seed=${++seed}&length=${makes}&framing=${answerFraming}&lengths=${made.join(',')}`
        const answer = await send({ path, body, lengths: cuts, framing })
        expect(answer.headers['x-target']).toBe(path)
        expect(answer.headers['x-got']).toBe(digest(body))
        expect(answer.body.equals(bytesOf(String(seed), makes))).toBe(true)
      },
    ),
    { numRuns: 200 },
  )
})

test.each(['length', 'chunked'] as const)(
  'bodies of several MiB by %s, echoed while they are sent',
  async (framing) => {
    for (const cuts of [[65_536], [1000, 70_000, 3], [1_000_000]]) {
      const body = randomBytes(4 * 1024 * 1024 + 7)
      const answer = await send({ path: '/echo', body, lengths: cuts, framing })
      expect(answer.headers['x-got']).toBe(digest(body))
      expect(answer.body.equals(body)).toBe(true)
    }
  },
)

test('many clients at once get each their own answers', async () => {
  const client = async (name: number): Promise<void> => {
    for (let i = 0; i < 12; i++) {
      const own = `${name}-${i}`
      const path = `/make?seed=${own}&length=${(name * 997 + i * 31_337) % 90_000}&framing=${i % 2 === 0 ? 'length' : 'chunked'}&lengths=8000,1,${500 + name}`
      const body = bytesOf(`body ${own}`, (name * 31 + i * 9973) % 60_000)
      const answer = await send({ path, body, lengths: [7000 + name, 13], framing: i % 3 === 0 ? 'chunked' : 'length' })
      expect(answer.headers['x-target']).toBe(path)
      expect(answer.headers['x-got']).toBe(digest(body))
      expect(answer.body.equals(bytesOf(own, (name * 997 + i * 31_337) % 90_000))).toBe(true)
    }
  }
  await Promise.all(Array.from({ length: 64 }, (_, name) => client(name)))
})

test('pipelined requests with bodies are answered in order over several servers', async () => {
  const count = 50
  const requests = Array.from({ length: count }, (_, i) => {
    const body = bytesOf(`pipelined ${i}`, (i * 7919) % 5000)
    const close = i === count - 1 ? 'Connection: close\r\n' : ''
    if (i % 2 === 0)
      return Buffer.concat([
        Buffer.from(`POST /echo HTTP/1.1\r\nHost: a\r\n${close}Content-Length: ${body.length}\r\n\r\n`),
        body,
      ])
    const chunks = [...pieces(body, [1, 300, 17])].map((piece) =>
      Buffer.concat([Buffer.from(`${piece.length.toString(16)};x\r\n`), piece, Buffer.from('\r\n')]),
    )
    return Buffer.concat([
      Buffer.from(`POST /echo HTTP/1.1\r\nHost: a\r\n${close}Transfer-Encoding: chunked\r\n\r\n`),
      ...chunks,
      Buffer.from('0\r\nT: x\r\n\r\n'),
    ])
  })
  for (const cuts of [[1_000_000], [1500], [4096, 1, 77]]) {
    const got = readResponses(await talk(plane.port, [...pieces(Buffer.concat(requests), cuts)]))
    expect(got.length).toBe(count)
    for (const [i, { status, body }] of got.entries()) {
      expect(status).toBe(200)
      expect(body.equals(bytesOf(`pipelined ${i}`, (i * 7919) % 5000))).toBe(true)
    }
  }
})
