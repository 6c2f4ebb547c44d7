// What Weir adds to a request, what of it a client can't forge, and how a connection with a client goes on.
import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startDataPlane, type TestPlane, type Wish } from '../../support/data-plane.ts'
import { RecordingServer, readResponses, response, talk } from '../../support/raw-http.ts'

const server = new RecordingServer()
let port = 0
let plane: TestPlane
const planes: TestPlane[] = []

type Forward = NonNullable<NonNullable<Wish['frontends']>[number]['forward']>
async function start(forward: Forward): Promise<TestPlane> {
  const started = await startDataPlane({ frontends: [{ forward }], backends: [{ servers: [port] }] })
  planes.push(started)
  return started
}

beforeAll(async () => {
  port = await server.listen()
  plane = await start({})
})
afterAll(async () => {
  for (const one of planes) await one.close()
  await server.close()
})
beforeEach(() => {
  server.reset()
  server.script = ({ target }) => response(target)
})

const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n'

/** Values of a field at the server, of one request with these lines. */
async function fieldsSeen(lines: string, name: string, on = plane): Promise<string[]> {
  server.reset()
  const [answer] = readResponses(await talk(on.port, [`${GET}${lines}\r\n`]))
  expect(answer?.status).toBe(200)
  expect(server.violations).toEqual([])
  return server.requests[0]!.fields.filter(([other]) => other === name).map(([, value]) => value)
}

test('X-Forwarded-For ends with the address that the request came from', async () => {
  const seen = (lines: string) => fieldsSeen(lines, 'x-forwarded-for')
  expect(await seen('')).toEqual(['127.0.0.1'])
  expect(await seen('X-Forwarded-For: 1.2.3.4\r\n')).toEqual(['1.2.3.4, 127.0.0.1'])
  expect(await seen('x-forwarded-for: 1.2.3.4, 5.6.7.8\r\n')).toEqual(['1.2.3.4, 5.6.7.8, 127.0.0.1'])
  expect(await seen('X-Forwarded-For: 1.2.3.4\r\nY: z\r\nX-Forwarded-For: 5.6.7.8\r\n')).toEqual([
    '1.2.3.4, 5.6.7.8, 127.0.0.1',
  ])
  expect(await seen('X-Forwarded-For:\r\n')).toEqual(['127.0.0.1'])
  expect(await seen('Connection: X-Forwarded-For\r\nX-Forwarded-For: 1.2.3.4\r\n')).toEqual(['1.2.3.4, 127.0.0.1'])
})

test('X-Forwarded-Proto and -Port are ours, whatever the client says', async () => {
  for (const lines of [
    '',
    'X-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n',
    'x-forwarded-proto: https\r\nX-FORWARDED-PROTO: wss\r\n',
    'Connection: X-Forwarded-Proto, X-Forwarded-Port\r\n',
  ]) {
    expect(await fieldsSeen(lines, 'x-forwarded-proto')).toEqual(['http'])
    expect(await fieldsSeen(lines, 'x-forwarded-port')).toEqual([String(plane.port)])
  }
})

test('a well-formed X-Request-ID is kept, another is replaced, and there is always exactly one', async () => {
  const seen = (lines: string) => fieldsSeen(lines, 'x-request-id')
  for (const id of ['abc', 'a-b_c.d:e/f+g=@', 'x'.repeat(128)])
    expect(await seen(`X-Request-ID: ${id}\r\n`)).toEqual([id])
  const ours = [expect.stringMatching(/^[\da-f]{24}$/)]
  for (const lines of [
    '',
    'X-Request-ID:\r\n',
    'X-Request-ID: a b\r\n',
    'X-Request-ID: a"b\r\n',
    `X-Request-ID: ${'x'.repeat(129)}\r\n`,
    'X-Request-ID: \xe9\r\n',
  ]) {
    expect(await seen(lines)).toEqual(ours)
  }
  for (const lines of [
    'X-Request-ID: a\r\nX-Request-ID: b\r\n',
    'X-Request-ID: a\r\nx-request-id: a\r\n',
    'X-Request-ID: a\r\nX-Request-ID:\r\n',
  ]) {
    expect(await seen(lines)).toHaveLength(1)
  }
  expect(await seen('Connection: X-Request-ID\r\nX-Request-ID: a\r\n')).toEqual(['a'])
})

test('X-Request-ID can be ours always, or left alone', async () => {
  const replace = await start({ requestId: 'replace' })
  expect(await fieldsSeen('X-Request-ID: abc\r\n', 'x-request-id', replace)).toEqual([
    expect.stringMatching(/^[\da-f]{24}$/),
  ])
  const off = await start({ requestId: 'off' })
  expect(await fieldsSeen('', 'x-request-id', off)).toEqual([])
  expect(await fieldsSeen('X-Request-ID: a b\r\nX-Request-ID: c\r\n', 'x-request-id', off)).toEqual(['a b', 'c'])
})

test('request ids do not repeat', async () => {
  const ids = new Set<string>()
  for (let i = 0; i < 20; i++) ids.add((await fieldsSeen('', 'x-request-id'))[0]!)
  expect(ids.size).toBe(20)
})

test('Via is added to what is there, with the version of the client', async () => {
  const via = await start({ via: 'weir', xForwarded: 'preserve', requestId: 'off' })
  expect(await fieldsSeen('', 'via', via)).toEqual(['1.1 weir'])
  expect(await fieldsSeen('Via: 1.0 b\r\n', 'via', via)).toEqual(['1.0 b', '1.1 weir'])
  expect(await fieldsSeen('', 'via')).toEqual([])
})

test('an upgrade that is asked for properly arrives, and one that is not agreed to leaves a connection as it was', async () => {
  const lines = 'Host: a\r\nConnection: keep-alive, Upgrade, X\r\nUpgrade: websocket\r\nX: y\r\nKeep-Alive: 1\r\n'
  const got = readResponses(await talk(plane.port, [`GET /ws HTTP/1.1\r\n${lines}\r\n`, `${GET}\r\n`]))
  expect(got.map(({ status }) => status)).toEqual([200, 200])
  const names = server.requests[0]!.fields.map(([name]) => name)
  expect(names.filter((name) => ['connection', 'upgrade', 'x', 'keep-alive'].includes(name)).toSorted()).toEqual([
    'connection',
    'upgrade',
  ])
  expect(server.violations).toEqual([])
})

test('after 101 bytes pass both ways as they are', async () => {
  server.script = () =>
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade, X\r\nUpgrade: websocket\r\nX: y\r\n\r\n\0hello\r\n'
  const request = 'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
  const chat = talk(plane.port, [request], 300).catch((error: Error) => error.message)
  const got = await chat
  expect(got).toContain('101 Switching Protocols')
  expect(got).toContain('Upgrade: websocket')
  expect(got).toContain('hello')
})

test('50 pipelined requests are answered in order, with their own bodies, in one write and in pieces', async () => {
  server.script = ({ target, body }) => response(`${target} ${body.toString()}`)
  const requests = Array.from({ length: 50 }, (_, i) =>
    i % 3 === 0
      ? `GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`
      : i % 3 === 1
        ? `POST /${i} HTTP/1.1\r\nHost: a\r\nContent-Length: ${3 + String(i).length}\r\n\r\nGET${i}`
        : `POST /${i} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n${String(i).length}\r\n${i}\r\n0\r\n\r\n`,
  )
  const all = requests.join('') + `${GET}\r\n`
  const wanted = [...requests.map((_, i) => `/${i} ${i % 3 === 0 ? '' : `GET${i}`}`), '/ ']
  for (const step of [all.length, 1000, 37, 7]) {
    const pieces = all.match(new RegExp(`[^]{1,${step}}`, 'g'))!
    const got = readResponses(await talk(plane.port, pieces))
    expect(got.map(({ body }) => body.toString())).toEqual(wanted)
  }
  expect(server.violations).toEqual([])
})

test('empty lines behind a last request are not a request', async () => {
  // Old clients end a POST with a line end that its length does not count (RFC 9112, section 2.2).
  const request = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi\r\n'
  const socket = connect({ port: plane.port, host: '127.0.0.1', allowHalfOpen: true })
  let got = ''
  socket.setEncoding('latin1').on('data', (text: string) => (got += text))
  socket.end(request)
  await new Promise((done) => socket.once('end', done))
  socket.destroy()
  expect(got.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200'])
})

test('a request cut off by the end of the connection is never complete for the server', async () => {
  for (const request of [
    'GET / HTTP/1.1\r\nHost: a\r\n',
    'GET / HT',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhi',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n',
  ]) {
    const socket = connect({ port: plane.port, host: '127.0.0.1', allowHalfOpen: true })
    let got = ''
    socket.setEncoding('latin1').on('data', (text: string) => (got += text))
    socket.end(request)
    await new Promise((done) => socket.once('end', done))
    socket.destroy()
    expect(got).toMatch(/^HTTP\/1\.1 400 .*X-Weir-Reason: incomplete_request/s)
  }
  expect(server.requests).toEqual([])
})
