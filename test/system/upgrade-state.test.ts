// What clients have at a process, after another has taken its place: sessions in tables lead to the same servers, also one that
// the old process made at its very end, and TLS sessions are resumed.
import type { Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { makeCertificate } from '../support/certificates.ts'
import { dial, eventually, get, onHead, startServer, type RawClient } from '../support/peers.ts'
import { files, program, run, startWeir } from '../support/programs.ts'
import { ask } from '../support/tls-client.ts'
import { gone, Service } from './successor.ts'

const HOSTS = Array.from({ length: 9 }, (_, i) => `127.0.0.${i + 11}`)

/** Servers that say their name; they set a cookie for /login, and answer /slow when they may. */
async function farm(): Promise<{ servers: string; slow: () => number; release: () => void }> {
  const { promise, resolve } = Promise.withResolvers<void>()
  onTestFinished(() => resolve())
  let logins = 0
  let slow = 0
  const serve = (name: string) => (socket: Socket) =>
    onHead(socket, (head) => {
      const cookie = head.startsWith('GET /login ') ? `Set-Cookie: JSESSIONID=${name}${++logins}\r\n` : ''
      const text = `HTTP/1.1 200 OK\r\n${cookie}Content-Length: 7\r\n\r\nserver${name}`
      if (!head.startsWith('GET /slow ')) return void socket.write(text)
      slow++
      void promise.then(() => socket.write(text))
    })
  const servers: string[] = []
  for (const name of 'abc') servers.push(`${name}: '127.0.0.1:${(await startServer(serve(name))).port}'`)
  return { servers: servers.join(', '), slow: () => slow, release: resolve }
}

/** Asks once, on a connection of its own. @returns the name of the server, and the answer */
async function visit(port: number, lines: readonly string[] = [], { path = '/', from = '127.0.0.1' } = {}) {
  const client = await dial({ port, host: '127.0.0.1', localAddress: from })
  await client.write(get(path, 'Connection: close', ...lines)).until('server')
  client.socket.destroy() // a tcp connection would stay
  return { name: /server(\w)/.exec(client.text)![1]!, text: client.text }
}

const byUser = (user: string): string[] => [`X-User: ${user}`]

test('sessions in tables go on at the same servers, through two upgrades', { timeout: 120_000 }, async () => {
  const { servers, slow, release } = await farm()
  const backend = (persistence: string, mode = 'http'): string =>
    `{ mode: ${mode}, health_check: off, balance: random, persistence: ${persistence}, servers: { ${servers} } }`
  const weir = await startWeir(`
global: { workers: 2, admin: off, control_socket: CONTROL, overload: { loop_delay: 0s }, shutdown_timeout: 30s }
frontends:
  api: { bind: '127.0.0.1:0', backend: api }
  shop: { bind: '127.0.0.1:0', backend: shop }
  mail: { mode: tcp, bind: '127.0.0.1:0', backend: mail }
backends:
  api: ${backend('{ table: header:X-User }')}
  shop: ${backend('{ app_cookie: JSESSIONID }')}
  mail: ${backend('{ table: client }', 'tcp')}
`)
  const service = new Service(weir)
  const [api, shop, mail] = [weir.port('api'), weir.port('shop'), weir.port('mail')]

  /** Every client, and where it belongs. */
  const clients = new Map<() => Promise<{ name: string }>, string>()
  for (const host of HOSTS) {
    const users = () => visit(api, byUser(host))
    clients.set(users, (await users()).name)
    const peers = () => visit(mail, [], { from: host })
    clients.set(peers, (await peers()).name)
    const { name, text } = await visit(shop, [], { path: '/login' })
    const cookie = /Set-Cookie: (\S+)/.exec(text)![1]!
    clients.set(() => visit(shop, [`Cookie: ${cookie}`]), name)
  }
  expect(new Set(clients.values()).size).toBe(3)
  const check = async (when: string): Promise<void> => {
    for (const [client, home] of clients) expect((await client()).name, when).toBe(home)
  }
  await check('before')

  const late = new Map<string, RawClient>() // so many that no chance leads all of them back
  for (const host of HOSTS) late.set(`late ${host}`, (await dial(api)).write(get('/slow', ...byUser(`late ${host}`))))
  await eventually('at their servers', () => slow() === late.size, 20_000)
  process.kill(service.pid, 'SIGUSR2')
  await service.succeeded()
  await check('while the old process finishes')
  release() // an answer of the old process, when the new one serves
  for (const client of late.values()) await client.until('server')
  await gone(weir.pid)
  await eventually('told the rest', () => weir.log().includes('the process before has ended'), 20_000)
  for (const [user, { text }] of late) {
    const client = () => visit(api, byUser(user))
    clients.set(client, /server(\w)/.exec(text)![1]!)
  }
  await check('after the first upgrade')
  expect(weir.log()).toMatch(/taken over from the process before: 27 sessions in tables/)

  process.kill(service.pid, 'SIGUSR2')
  await service.succeeded()
  await gone(service.pids[1]!)
  await check('after the second upgrade')
})

test('TLS sessions of before an upgrade are resumed after it', { timeout: 120_000 }, async () => {
  const { servers } = await farm()
  const { cert, key } = await makeCertificate({ names: ['www.test'] })
  const { pem } = files({ pem: cert + key })
  const weir = await startWeir(`
global: { workers: 2, admin: off, control_socket: CONTROL, overload: { loop_delay: 0s }, shutdown_timeout: 5s }
frontends: { web: { bind: '127.0.0.1:0', tls: ${pem}, backend: app } }
backends: { app: { health_check: off, servers: { ${servers} } } }
`)
  const service = new Service(weir)
  const port = weir.port('web')
  const versions = ['TLSv1.2', 'TLSv1.3'] as const
  const visits = async (maxVersion: (typeof versions)[number], session?: Buffer) =>
    ask(port, { servername: 'www.test', maxVersion, minVersion: maxVersion, ...(session && { session }) })
  const sessions = new Map<(typeof versions)[number], Buffer>()
  for (const version of versions) sessions.set(version, (await visits(version)).session!)

  const openssl = program('openssl')
  const { ticket } = files({ ticket: '' })
  const client = ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'www.test', '-ign_eof']
  const request = get('/', 'Connection: close')
  if (openssl !== null) await run(openssl, [...client, '-sess_out', ticket], request)

  for (const step of ['first', 'second']) {
    process.kill(service.pid, 'SIGUSR2')
    await service.succeeded()
    await gone(service.pids.at(-2)!)
    for (const [version, session] of sessions) {
      for (let i = 0; i < 6; i++) {
        const seen = await visits(version, session) // six times, so that every worker is asked
        expect(seen, `${version} after the ${step} upgrade`).toMatchObject({ answered: true, reused: true })
      }
    }
    if (openssl === null) continue
    const { stdout } = await run(openssl, [...client, '-sess_in', ticket], request)
    expect(stdout).toContain('Reused, TLSv1.3')
  }
})
