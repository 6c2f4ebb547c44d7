// TLS of a bind as its clients see it: curl, openssl s_client and Node's own, names and key types, resumption, and what
// is not TLS at all.
import { randomBytes } from 'node:crypto'
import tls from 'node:tls'
import { beforeAll, expect, test } from 'vitest'
import type { TlsWish } from '../../support/tls.ts'
import type { Certificate } from '../../../src/config/certificate.ts'
import { certificateSpec, makeAuthority } from '../../support/certificates.ts'
import type { BindWish, TestPlane, Wish } from '../../support/data-plane.ts'
import {
  answering,
  dial,
  eventually,
  get,
  leftovers,
  onHead,
  pause,
  reasonCount,
  startPlane,
  startServer,
} from '../../support/peers.ts'
import { files, program, run } from '../../support/programs.ts'

const curl = program('curl')
const openssl = program('openssl')
let certificates: { main: Certificate; mainRsa: Certificate; other: Certificate; wild: Certificate }
beforeAll(async () => {
  certificates = {
    main: await certificateSpec({ names: ['main.test'] }),
    mainRsa: await certificateSpec({ names: ['main.test'], keyType: 'rsa' }),
    other: await certificateSpec({ names: ['other.test'] }),
    wild: await certificateSpec({ names: ['*.wild.test'] }),
  }
})

const ticketKeys = randomBytes(48)
const tlsSpec = (list: readonly Certificate[], more: Partial<TlsWish> = {}): TlsWish => ({
  certificates: list,
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  ciphers: null,
  alpn: ['http/1.1'],
  ticketKeys,
  ...more,
})

async function wishFor(spec: TlsWish, bind: Omit<BindWish, 'tls'> = {}): Promise<Wish> {
  const server = await startServer((socket) =>
    onHead(socket, (head) => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${head.length}\r\n\r\n${head}`)),
  )
  return { frontends: [{ binds: [{ tls: spec, ...bind }] }], backends: [{ servers: [server.port] }] }
}
const serve = async (spec: TlsWish): Promise<TestPlane> => startPlane(await wishFor(spec))
const handshakes = (plane: TestPlane): number => plane.board.rows[0]!.counters.frontend.handshakes[0]!

test.skipIf(curl === null).each([
  ['1.2', ['--tls-max', '1.2']],
  ['1.3', ['--tlsv1.3']],
])('curl with TLS %s, verifying name and authority; the server hears of https', async (version, args) => {
  const ca = await makeAuthority()
  const leaf = await certificateSpec({ names: ['main.test'], ca })
  const plane = await serve(tlsSpec([leaf]))
  const { 'ca.pem': path } = files({ 'ca.pem': ca.cert })
  const { port } = plane
  const { stdout, stderr, code } = await run(curl!, [
    '-sv',
    ...args,
    '--cacert',
    path,
    '--resolve',
    `main.test:${port}:127.0.0.1`,
    `https://main.test:${port}/a`,
    `https://main.test:${port}/b`,
  ])
  expect(code).toBe(0)
  expect(stderr).toContain(`SSL connection using TLSv${version}`)
  expect(stderr).toContain('http/1.1')
  expect(stdout).toContain('GET /a HTTP/1.1')
  expect(stdout).toContain('GET /b HTTP/1.1')
  expect(stdout).toContain('X-Forwarded-Proto: https')
  expect(handshakes(plane)).toBe(1) // two requests on one connection
})

test('each name gets its certificate; what has none gets the first', async () => {
  const plane = await serve(tlsSpec([certificates.main, certificates.other, certificates.wild]))
  const nameFor = async (servername?: string): Promise<string> => {
    const client = await dial(plane.port, servername === undefined ? {} : { servername })
    return String((client.socket as tls.TLSSocket).getPeerCertificate().subject.CN)
  }
  expect(await nameFor('main.test')).toBe('main.test')
  expect(await nameFor('OTHER.test')).toBe('other.test')
  expect(await nameFor('a.wild.test')).toBe('*.wild.test')
  expect(await nameFor('a.b.wild.test')).toBe('main.test')
  expect(await nameFor('unknown.test')).toBe('main.test')
  expect(await nameFor()).toBe('main.test')
})

test.skipIf(openssl === null)('ECDSA and RSA side by side: each client gets what it can verify', async () => {
  const plane = await serve(tlsSpec([certificates.main, certificates.mainRsa]))
  const keyFor = async (...args: string[]): Promise<string> => {
    const { stdout } = await run(openssl!, [
      's_client',
      '-connect',
      `127.0.0.1:${plane.port}`,
      '-servername',
      'main.test',
      ...args,
    ])
    return /Peer signature type: (\S+)/.exec(stdout)?.[1] ?? stdout
  }
  expect(await keyFor()).toMatch(/ecdsa/i)
  expect(await keyFor('-tls1_2', '-sigalgs', 'ECDSA+SHA256')).toMatch(/ecdsa/i)
  expect(await keyFor('-tls1_2', '-sigalgs', 'RSA+SHA256:RSA-PSS+SHA256')).toMatch(/rsa/i)
  expect(await keyFor('-tls1_3', '-sigalgs', 'RSA-PSS+SHA256')).toMatch(/rsa/i)
})

test.skipIf(openssl === null)(
  'versions and protocols that are not offered are refused, and the bind goes on',
  async () => {
    const plane = await serve(tlsSpec([certificates.main], { minVersion: 'TLSv1.3' }))
    const target = ['s_client', '-connect', `127.0.0.1:${plane.port}`]
    expect((await run(openssl!, [...target, '-tls1_2'])).stderr).toMatch(/alert protocol version|wrong version/i)
    expect((await run(openssl!, [...target, '-alpn', 'h2'])).stderr).toMatch(/no application protocol/i)
    expect((await run(openssl!, [...target, '-alpn', 'h2,http/1.1'])).stdout).toContain('ALPN protocol: http/1.1')
    await (await dial(plane.port, {})).write(get()).until('200 OK')
    expect(reasonCount(plane, 'tls_handshake')).toBe(2)
  },
)

test.each(['TLSv1.2', 'TLSv1.3'] as const)('a session of %s from one worker is resumed at another', async (version) => {
  const wish = { ...(await wishFor(tlsSpec([certificates.main], { maxVersion: version }))), workers: 2 }
  const one = await startPlane(wish)
  const two = await startPlane({ ...wish, board: one.board, worker: 1 })
  const first = await dial(one.port, { servername: 'main.test' })
  let session: Buffer | undefined
  first.socket.on('session', (ticket: Buffer) => (session = ticket))
  await first.write(get()).until('200 OK')
  session ??= (first.socket as tls.TLSSocket).getSession() // with TLS 1.2 it is a part of the handshake
  const second = await dial(two.port, { servername: 'main.test', session })
  expect((second.socket as tls.TLSSocket).isSessionReused()).toBe(true)
  await second.write(get()).until('200 OK')
  expect(one.board.rows[1]!.counters.frontend.resumed[0]).toBe(1)
})

test('plain HTTP, garbage, and a handshake that breaks off: closed and counted, and the bind goes on', async () => {
  const plane = await serve(tlsSpec([certificates.main]))
  const plain = await dial(plane.port)
  await plain.write(get()).over()
  expect(plain.text).not.toContain('HTTP')
  const garbage = await dial(plane.port)
  await garbage.write(randomBytes(2000)).over()
  const first = await dial(plane.port)
  first.write(Buffer.from('16030100c8010000c4', 'hex'))
  const silent = await dial(plane.port)
  await pause(50)
  first.socket.resetAndDestroy()
  silent.socket.end()
  await eventually('counted', () => reasonCount(plane, 'tls_handshake') === 4 && leftovers(plane) === '')
  expect(handshakes(plane)).toBe(0)
  await (await dial(plane.port, {})).write(get()).until('200 OK')
  expect(handshakes(plane)).toBe(1)
})

test('garbage after the handshake ends that connection alone', async () => {
  const plane = await serve(tlsSpec([certificates.main]))
  const client = await dial(plane.port, {})
  await client.write(get()).until('200 OK')
  const raw = await dial(plane.port)
  const secure = tls.connect({ socket: raw.socket, rejectUnauthorized: false })
  secure.on('error', () => {})
  await new Promise((resolve) => secure.once('secureConnect', resolve))
  raw.socket.write(Buffer.concat([Buffer.from([0x17, 3, 3, 0, 40]), randomBytes(40)]))
  await eventually('closed', () => raw.closed || raw.ended)
  client.forget()
  await client.write(get()).until('200 OK')
  secure.destroy()
})

test('an answer that breaks off is not ended in order: no close_notify, and the worker goes on', async () => {
  const server = await startServer((socket) =>
    onHead(socket, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\nuntil the end')
      setTimeout(() => socket.resetAndDestroy(), 80)
    }),
  )
  const plane = await startPlane({
    frontends: [{ binds: [{ tls: tlsSpec([certificates.main]) }] }],
    backends: [{ servers: [server.port] }],
  })
  if (openssl !== null) {
    const child = await run(openssl, ['s_client', '-quiet', '-ign_eof', '-connect', `127.0.0.1:${plane.port}`], get())
    expect(child.stdout).toContain('until the end')
    expect(child.stderr).toMatch(/unexpected eof/i)
  }
  const client = await dial(plane.port, {})
  await client.write(get()).until('until the end')
  await client.over()
  await eventually('freed', () => leftovers(plane) === '')
  expect(reasonCount(plane, 'server_aborted')).toBeGreaterThan(0)
})

test('pipelined requests and a half-close over TLS: every answer, and then close_notify', async () => {
  const server = await startServer(answering('fine'))
  const plane = await startPlane({
    frontends: [{ binds: [{ tls: tlsSpec([certificates.main]) }] }],
    backends: [{ servers: [server.port] }],
  })
  const client = await dial(plane.port, { allowHalfOpen: true } as tls.ConnectionOptions)
  client.socket.end(get('/1') + get('/2') + get('/3'))
  await client.over()
  expect(client.text.match(/fine/g)?.length).toBe(3)
  expect(client.error).toBe(null)
})
