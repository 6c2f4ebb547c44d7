// Keys as clients see them: TLS that passes through goes by the name that real clients send, and requests go by what they
// carry, whichever connection or try they come on.
import { spawn } from 'node:child_process'
import { beforeAll, expect, test } from 'vitest'
import type { KeyPart } from '../../src/model/balancers.ts'
import { HEALTH_DOWN, HEALTH_UP } from '../../src/model/states.ts'
import { makeCertificate, type CertificateAndKey } from '../support/certificates.ts'
import { keyPart } from '../support/key-parts.ts'
import { answering, deadPort, dial, fetchOnce, get, startPlane, startServer } from '../support/peers.ts'
import { balanceSpec } from '../support/specs.ts'

let certificate: CertificateAndKey
beforeAll(async () => {
  certificate = await makeCertificate({ names: ['*.weir.test'] })
})

const secure = (name: string) => startServer(answering(name), { tls: certificate })
const names = Array.from({ length: 12 }, (_, i) => `shop${i}.weir.test`)

/** What openssl s_client is answered. */
function askOpenssl(port: number, name: string): Promise<string> {
  const program = spawn('openssl', ['s_client', '-quiet', '-connect', `127.0.0.1:${port}`, '-servername', name])
  program.stdin.write(get('/', 'Connection: close'))
  return new Promise((resolve, reject) => {
    let text = ''
    program.on('error', reject)
    program.stdout.on('data', (chunk) => {
      text += String(chunk)
      if (text.endsWith('one') || text.endsWith('two')) program.kill()
    })
    program.on('close', () => resolve(text.slice(-3)))
  })
}

test('TLS that passes through: one name, one server, for Node and for openssl', async () => {
  const servers = [(await secure('one')).port, (await secure('two')).port]
  const plane = await startPlane({
    frontends: [{ mode: 'tcp' }],
    backends: [{ mode: 'tcp', servers, balance: balanceSpec('hash', { key: [keyPart('sni')] }) }],
  })
  const ask = async (name: string): Promise<string> => {
    const client = await dial(plane.port, { servername: name, ALPNProtocols: ['http/1.1'] })
    await client.write(get()).until('\r\n\r\n')
    await client.until(client.text.includes('one') ? 'one' : 'two')
    client.socket.end()
    return client.text.slice(-3)
  }
  const answers: string[] = []
  for (const name of names) answers.push(await ask(name))
  expect(new Set(answers)).toEqual(new Set(['one', 'two']))
  for (const [i, name] of names.entries()) expect(await ask(name)).toBe(answers[i])
  for (const [i, name] of names.slice(0, 6).entries()) expect(await askOpenssl(plane.port, name)).toBe(answers[i])
})

const texts = ['one', 'two', 'six']

async function planeByKey(...key: readonly KeyPart[]) {
  const servers: number[] = []
  for (const text of texts) servers.push((await startServer(answering(text))).port)
  const plane = await startPlane({ backends: [{ servers, balance: balanceSpec('hash', { key }) }] })
  const ask = async (path: string, ...lines: readonly string[]): Promise<string> =>
    (await fetchOnce(plane.port, get(path, ...lines, 'Connection: close'))).text.slice(-3)
  return { plane, ask }
}

test('requests with one cookie share a server over connections; those without one spread', async () => {
  const { plane, ask } = await planeByKey(keyPart('cookie', { name: 'sid' }))
  const answers: string[] = []
  for (let i = 0; i < 24; i++) answers.push(await ask(`/${i}`, `Cookie: a=${i}; sid=s${i}`))
  expect(new Set(answers).size).toBe(3)
  const kept = await dial(plane.port) // keys change from request to request of one connection
  for (let i = 0; i < 24; i++) {
    await kept
      .forget()
      .write(get('/', `Cookie: sid=s${i}`))
      .until(answers[i]!)
  }
  const others = new Set<string>()
  for (let i = 0; i < 100 && others.size < 3; i++) others.add(await ask('/'))
  expect(others.size).toBe(3)
})

test('a server that is down gives away its own keys, and has them back when it is up', async () => {
  const { plane, ask } = await planeByKey(keyPart('path', { depth: 1 }))
  const paths = Array.from({ length: 24 }, (_, i) => `/user${i}`)
  const answers = await Promise.all(paths.map((path) => ask(`${path}/a?b`)))
  plane.set(0, 'health', HEALTH_DOWN)
  const without = await Promise.all(paths.map((path) => ask(`${path}/c`)))
  plane.set(0, 'health', HEALTH_UP)
  for (const [i, before] of answers.entries()) {
    if (before === 'one') expect(without[i]).not.toBe('one')
    else expect(without[i]).toBe(before)
  }
  expect(await Promise.all(paths.map((path) => ask(path)))).toEqual(answers)
})

test('a further try has the same key as the first', async () => {
  const servers = [await deadPort()]
  for (const text of texts) servers.push((await startServer(answering(text))).port)
  const key = [keyPart('header', { name: 'x-user' })]
  const plane = await startPlane({ backends: [{ servers, balance: balanceSpec('hash', { key }) }] })
  const ask = async (user: string) =>
    (await fetchOnce(plane.port, get('/', `X-User: ${user}`, 'Connection: close'))).text.slice(-3)
  const answers: string[] = []
  for (let i = 0; i < 24; i++) answers.push(await ask(`user${i}`))
  for (const [i, answer] of answers.entries()) expect(await ask(`user${i}`)).toBe(answer)
  const { redispatches } = plane.board.rows[0]!.counters.backend
  expect(redispatches[0]).toBeGreaterThan(0) // some of them were tried on the dead one first
})
