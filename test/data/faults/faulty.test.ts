// Every way in which the faulty server of the chaos test fails, one at a time: what its client gets, alone and with a good
// server beside it, and that both are whole again when it is. http and tcp.
import { expect, onTestFinished, test } from 'vitest'
import type { ReasonCode } from '../../../src/model/reasons.ts'
import { ms } from '../../../src/model/units.ts'
import { blackHole } from '../../support/black-hole.ts'
import { FaultyServer, type Behaviour } from '../../support/faulty-server.ts'
import { bytesOf, sumOf } from '../../support/numbered-bytes.ts'
import { dial, pause, startPlane } from '../../support/peers.ts'

const timeouts = { connect: ms(1000), serverResponse: ms(1000), serverIdle: ms(3000) }

async function faulty(behaviour: Behaviour, mode: 'http' | 'tcp' = 'http'): Promise<FaultyServer> {
  const server = await new FaultyServer(mode).start()
  onTestFinished(() => server.close())
  await server.behave(behaviour)
  return server
}

let numbers = 0
const request = (number: number, method = 'GET', body: Buffer = Buffer.alloc(0)): Buffer =>
  Buffer.concat([
    Buffer.from(
      `${method} /r/${number}?reply=5000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n` +
        `Content-Length: ${body.length}\r\n\r\n`,
    ),
    body,
  ])

/** @returns status and reason; a right answer is 'right' */
async function ask(port: number, method = 'GET', body: Buffer = Buffer.alloc(0)): Promise<string> {
  const number = ++numbers
  const client = await dial(port)
  const { text, received, error } = await client.write(request(number, method, body)).over()
  const reason = /\r\nX-Weir-Reason: (\w+)/.exec(text)?.[1]
  if (reason !== undefined) return `${text.slice(9, 12)} ${reason}`
  if (error !== null || text === '') return 'broken off'
  expect(text).toContain(`\r\nX-Request-Number: ${number}\r\nX-Body-Sum: ${sumOf(body)}\r\n`)
  const whole = bytesOf(number, 5000).latin1Slice()
  expect(received.latin1Slice().includes(whole)).toBe(true)
  return text.startsWith('HTTP/1.1 200') ? 'right' : text.slice(9, 12)
}

const alone: Record<Exclude<Behaviour, 'flap'>, `${number} ${ReasonCode}` | 'right' | 'broken off' | '503' | RegExp> = {
  ok: 'right',
  refuse: '503 connect_refused',
  silent: '504 response_timeout',
  deaf: '504 response_timeout',
  'reset-on-accept': /502 server_closed|503 connect_refused/,
  'reset-in-request': '502 server_closed',
  'reset-in-head': '502 server_closed',
  'reset-in-body': 'broken off',
  'close-unanswered': '502 server_closed',
  trickle: 'right',
  garbage: '502 bad_response',
  'idle-close': 'right',
  unavailable: '503',
  slow: 'right',
}

for (const [behaviour, expected] of Object.entries(alone) as [Behaviour, string | RegExp][]) {
  test(`a server that does "${behaviour}", alone: ${String(expected)}; and right when it is well again`, async () => {
    const server = await faulty(behaviour)
    server.delay = 100
    const plane = await startPlane({ backends: [{ servers: [server.port], timeouts }] })
    expect(await ask(plane.port)).toMatch(expected)
    await server.behave('ok')
    expect(await ask(plane.port)).toBe('right')
    expect(await ask(plane.port, 'POST', bytesOf(7, 100_000))).toBe('right')
  })
}

const savable = ['refuse', 'reset-on-accept', 'reset-in-request', 'reset-in-head', 'close-unanswered', 'flap'] as const
for (const behaviour of savable) {
  test(`a server that does "${behaviour}" beside a good one: no GET is lost`, async () => {
    const [bad, good] = [await faulty(behaviour), await faulty('ok')]
    const plane = await startPlane({ backends: [{ servers: [bad.port, good.port], timeouts }] })
    for (let i = 0; i < 20; i++) expect(await ask(plane.port)).toBe('right')
  })
}

test('a POST that a server has seen is never sent to another one', async () => {
  const servers = await Promise.all([faulty('reset-in-request'), faulty('close-unanswered'), faulty('ok')])
  const plane = await startPlane({ backends: [{ servers: servers.map(({ port }) => port), timeouts }] })
  const first = numbers + 1
  for (let i = 0; i < 30; i++) expect(await ask(plane.port, 'POST', bytesOf(i, 100))).toMatch(/right|502/)
  for (let number = first; number <= numbers; number++) {
    expect(servers.reduce((sum, { seen }) => sum + (seen.get(number) ?? 0), 0)).toBe(1)
  }
})

test('a PUT whose body comes while its server is not reached: it follows to the other one, on a kept-alive connection', async () => {
  const good = await faulty('ok')
  const plane = await startPlane({ backends: [{ servers: [await blackHole(), good.port], timeouts }] })
  for (let i = 0; i < 3; i++) {
    const number = ++numbers
    const body = bytesOf(number, 3000)
    const bytes = request(number, 'PUT', body)
    const client = await dial(plane.port)
    client.write(bytes.subarray(0, -2000))
    await pause(50)
    client.write(bytes.subarray(-2000, -1000))
    await pause(50)
    client.write(bytes.subarray(-1000))
    await client.until(sumOf(body))
  }
})

test('tcp: servers that refuse are passed over, and what passes is whole', async () => {
  const [bad, good] = [await faulty('refuse', 'tcp'), await faulty('ok', 'tcp')]
  const plane = await startPlane({
    frontends: [{ mode: 'tcp' }],
    backends: [{ mode: 'tcp', servers: [bad.port, good.port], timeouts }],
  })
  for (let i = 1; i <= 10; i++) {
    const client = await dial(plane.port)
    const body = bytesOf(i, 20_000 * i)
    client.write(Buffer.concat([Buffer.from(`${i} ${body.length}\n`), body]))
    await client.until(`${i} ${sumOf(body)}\n`)
    client.socket.end()
  }
})

test('tcp: a server that resets in the middle: so does Weir', async () => {
  const server = await faulty('reset-in-body', 'tcp')
  const plane = await startPlane({
    frontends: [{ mode: 'tcp' }],
    backends: [{ mode: 'tcp', servers: [server.port], timeouts }],
  })
  const client = await dial(plane.port)
  client.write('1 3\nabc')
  await client.over()
  expect(client.error?.code).toBe('ECONNRESET')
})
