// What arrives at a client of the responses that servers send: of a good one exactly what belongs to it, of a bad one
// nothing; and which connections are used again. Whole, cut in two at every byte, and byte by byte.
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startDataPlane, type TestPlane } from '../../support/data-plane.ts'
import { breath, cuts, fieldOf, pool, readResponses, talk, type Conversation } from '../../support/raw-http.ts'
import { badResponses, brokenBodies, cutOff, noResponse } from './bad-responses.ts'
import { goodResponses, type GoodResponse } from './good-responses.ts'
import { ScriptedServer, type Act } from './scripted-server.ts'

const LONG = 300
const WIDTH = 32

const server = new ScriptedServer()
let plane: TestPlane
let number = 0

beforeAll(async () => {
  plane = await startDataPlane({ backends: [{ servers: [await server.listen()] }] })
})
afterAll(async () => {
  await plane.close()
  await server.close()
})

interface Exchange extends Conversation {
  /** Numbers of the server's connections: of the request, of the probe; -1: none. */
  readonly connection: number
  readonly probe: number
}

/** Sends a request that is acted on, and a probe on the same connection behind it. */
async function ask(
  act: Act,
  { method = 'GET', version = 'HTTP/1.1', lines = '' }: Partial<GoodResponse> = {},
): Promise<Exchange> {
  const target = `/${++number}`
  const probe = `/probe${number}`
  server.acts.set(target, act)
  const request = `${method} ${target} ${version}\r\nHost: a\r\n${lines}\r\n`
  const got = await talk(plane.port, [`${request}GET ${probe} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`])
  server.acts.delete(target)
  const on = (path: string) => server.seen.get(path) ?? -1
  return { ...got, connection: on(target), probe: on(probe) }
}

const ways = (bytes: string): string[][] =>
  bytes.length <= LONG ? cuts(bytes) : [bytes.match(new RegExp(`[^]{1,${Math.ceil(bytes.length / 8)}}`, 'g'))!]
const probed = (number: number): string =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${`/probe${number}`.length}\r\nConnection: close\r\n\r\n/probe${number}`

/** The server's connection is closed soon. */
async function closed(connection: number): Promise<void> {
  const socket = server.sockets[connection]!
  if (!socket.destroyed) await new Promise((done) => socket.once('close', done).resume())
}

describe('a good response', () => {
  test.each(goodResponses.map((response) => [response.name, response] as const))('%s', async (_, response) => {
    const { bytes, gets = bytes, closes = false, discards = false, excess = '', ending } = response
    const got = await ask({ pieces: [bytes + excess], ...(ending && { ending }) }, response)
    expect(got.bytes.toString('latin1')).toBe(closes ? gets : gets + probed(number))
    expect(got.reset).toBe(false)
    if (!closes) expect(got.probe === got.connection, 'connection to the server used again').toBe(!discards)
    if (discards) await closed(got.connection)

    if (excess !== '') return // in a read of its own it can't be told from an answer to the next request
    const wanted = readResponses({ bytes: Buffer.from(gets, 'latin1'), reset: false }, [response.method ?? 'GET'])
    const jobs = ways(bytes).map((pieces) => async () => {
      const some = await ask({ pieces, ...(ending && { ending }) }, response)
      const all = readResponses(some, [response.method ?? 'GET'])
      if (!closes) expect(all.pop()?.body.toString()).toMatch(/^\/probe/)
      expect(all).toEqual(wanted)
      expect(all.every(({ complete }) => complete)).toBe(true)
    })
    await pool(jobs, WIDTH)
  })
})

describe('a bad response is 502, and its connection is closed', () => {
  test.each(badResponses)('%s', async (_, bytes) => {
    const refused = async (pieces: readonly string[]): Promise<void> => {
      const got = await ask({ pieces })
      const final = readResponses(got).filter(({ status }) => status === 0 || status >= 200)
      expect(final.map(({ status }) => status)).toEqual([502, 200])
      expect(fieldOf(final[0]!.head, 'x-weir-reason')).toBe('bad_response')
      expect(got.bytes.toString('latin1')).not.toContain('SECRET')
      expect(got.probe).not.toBe(got.connection)
      await closed(got.connection)
    }
    await refused([bytes])
    await pool(
      ways(bytes).map((pieces) => () => refused(pieces)),
      WIDTH,
    )
  })
})

describe('a body that breaks its framing', () => {
  test.each(brokenBodies)('%s', async (_, bytes) => {
    const whole = await ask({ pieces: [bytes] })
    expect(readResponses(whole).map(({ status }) => status)).toEqual([502, 200])
    expect(whole.bytes.toString('latin1')).not.toContain('SECRET')
    const jobs = ways(bytes).map((pieces) => async () => {
      const got = await ask({ pieces })
      const [first] = readResponses(got)
      if (first?.status !== 502) expect(first?.complete ?? false).toBe(false)
      expect(got.probe).not.toBe(got.connection)
      await closed(got.connection)
    })
    await pool(jobs, WIDTH)
  })
})

describe.each(['end', 'reset'] as const)('a server that breaks off by %s', (ending) => {
  test.each(cutOff)('%s: the client sees that it is not complete', async (_, bytes) => {
    for (const pieces of [[bytes], ...(ending === 'end' ? cuts(bytes) : [])]) {
      const got = await ask({ pieces, ending })
      expect(readResponses(got).filter(({ complete }) => complete)).toEqual([])
      expect(got.reset).toBe(true)
    }
    // HTTP/1.0 has no chunks: there the reset alone tells.
    expect((await ask({ pieces: [bytes], ending }, { version: 'HTTP/1.0' })).reset).toBe(true)
  })

  test.each(noResponse)('%s: 502', async (_, bytes) => {
    const got = readResponses(await ask({ pieces: [bytes], ending })).filter(
      ({ status }) => status === 0 || status >= 200,
    )
    expect(got.map(({ status, head }) => [status, fieldOf(head, 'x-weir-reason')])).toEqual([
      [502, 'server_closed'],
      [200, undefined],
    ])
  })
})

test('a body until close that is reset is not complete', async () => {
  const got = await ask({ pieces: ['HTTP/1.1 200 OK\r\n\r\n', 'part'], ending: 'reset' })
  expect(got.reset).toBe(true)
})

test('bytes on an idle connection go to nobody, and it is closed', async () => {
  const first = await ask({ pieces: ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'] })
  const idle = server.sockets[first.probe]!
  idle.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nSECRET')
  await closed(first.probe)
  const second = await ask({ pieces: ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'] })
  expect(second.bytes.toString('latin1')).not.toContain('SECRET')
  expect(second.connection).not.toBe(first.probe)
})

test('an answer before the end of the request reaches the client, and neither connection is used again', async () => {
  server.acts.set('/early', { pieces: ['HTTP/1.1 413 x\r\nContent-Length: 2\r\n\r\nno'] })
  const socket = connect({ port: plane.port, host: '127.0.0.1' })
  let got = ''
  socket.setEncoding('latin1').on('data', (text: string) => (got += text))
  socket.write('POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\npart')
  await new Promise((done) => socket.once('end', done))
  socket.destroy()
  expect(got).toBe('HTTP/1.1 413 x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno')
  await closed(server.seen.get('/early')!)
})

test('100 reaches a client that waits for it, and then the body reaches the server', async () => {
  server.acts.set('/expect', { pieces: ['HTTP/1.1 100 Continue\r\n\r\n'] })
  const body = 'GET /body HTTP/1.1\r\n\r\n' // the scripted server knows no bodies: it answers when this one is there
  const socket = connect({ port: plane.port, host: '127.0.0.1' })
  let got = ''
  socket.setEncoding('latin1').on('data', (text: string) => (got += text))
  socket.write(
    `POST /expect HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`,
  )
  while (got === '') await breath()
  expect(got).toBe('HTTP/1.1 100 Continue\r\n\r\n')
  socket.write(body)
  await new Promise((done) => socket.once('close', done))
  expect(got.slice(25)).toBe('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n/body')
})
