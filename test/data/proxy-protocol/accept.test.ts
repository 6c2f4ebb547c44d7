// Binds that read a PROXY header, with real connections: who the client is then, what is refused, and that nothing behind the
// header is lost, whatever it is and however the bytes come.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { ProxyBindSpec } from '../../../src/messages/snapshot.ts'
import type { TlsWish } from '../../support/tls.ts'
import { ms } from '../../../src/model/units.ts'
import { certificateSpec } from '../../support/certificates.ts'
import type { BackendWish, FrontendWish, TestPlane } from '../../support/data-plane.ts'
import {
  RawClient,
  dial,
  dialInVain,
  eventually,
  get,
  onHead,
  pause,
  reasonCount,
  startPlane,
  startServer,
} from '../../support/peers.ts'
import { folder } from '../../support/programs.ts'
import { openFrontend } from '../../support/specs.ts'
import { IPV4, IPV6, tlv, v2 } from './vectors.ts'

const proxy = (more: Partial<ProxyBindSpec> = {}): ProxyBindSpec => ({
  mode: 'required',
  from: ['127.0.0.0/8'],
  timeout: ms(5000),
  ...more,
})
const optional = (more: Partial<ProxyBindSpec> = {}): ProxyBindSpec => proxy({ mode: 'optional', ...more })
const stranger = { from: ['192.0.2.0/24'] }

const tlsSpec = async (): Promise<TlsWish> => ({
  certificates: [await certificateSpec({ names: ['weir.test'] })],
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  ciphers: null,
  alpn: ['http/1.1'],
  ticketKeys: randomBytes(48),
})

/** Answers with the head that it got. */
const mirror = (socket: net.Socket): void =>
  onHead(socket, (head) => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${head.length}\r\n\r\n${head}`))
const echo = (socket: net.Socket): void =>
  void socket.on('end', () => socket.end()).on('data', (chunk) => socket.write(chunk))

interface Stage {
  readonly plane: TestPlane
  readonly port: number
  /** Lines of the access log so far. */
  readonly lines: () => Record<string, unknown>[]
}

async function stage(spec: ProxyBindSpec, more: FrontendWish = {}, backend: Partial<BackendWish> = {}): Promise<Stage> {
  const log = join(folder(), 'access.log')
  const mode = more.mode ?? 'http'
  const server = await startServer(mode === 'tcp' ? echo : mirror)
  const bind = more.binds?.[0] ?? {}
  const plane = await startPlane({
    frontends: [{ ...more, binds: [{ ...bind, proxy: spec }] }],
    backends: [{ mode, servers: [server.port], ...backend }],
    snapshot: { accessLog: { format: 'json', target: log } },
  })
  const lines = (): Record<string, unknown>[] =>
    readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  return { plane, port: plane.port, lines }
}

const V1 = 'PROXY TCP4 192.0.2.7 198.51.100.1 56004 443\r\n'
const V2 = v2('21 11 LLLL', IPV4)
const LOCAL = v2('20 00 LLLL')
const closing = get('/', 'Connection: close')

/** A request behind a header. */
async function ask(port: number, header: string | Buffer, request = closing): Promise<RawClient> {
  const client = await dial(port)
  client.write(Buffer.concat([Buffer.from(header as string, 'latin1'), Buffer.from(request)]))
  return client.over()
}

/** TLS behind a header, or behind none. */
async function secure(port: number, header: string | Buffer | null): Promise<RawClient> {
  const raw = net.connect(port, '127.0.0.1')
  if (header !== null) raw.write(header)
  const socket = tls.connect({ socket: raw, rejectUnauthorized: false, servername: 'weir.test' })
  onTestFinished(() => void raw.destroy())
  const client = new RawClient(socket)
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  return client
}

describe('the client of the header is the client', () => {
  test.each([
    ['version 1', V1, '192.0.2.7'],
    ['version 2', V2, '192.0.2.7'],
    ['version 2, IPv6', v2('21 21 LLLL', IPV6), '2001:db8::7'],
    ['version 2 with much in it', v2('21 11 LLLL', IPV4, tlv('04', Buffer.alloc(4000))), '192.0.2.7'],
  ])('%s', async (_, header, address) => {
    const { port, lines } = await stage(proxy())
    expect((await ask(port, header)).text).toContain(`X-Forwarded-For: ${address}\r\n`)
    await eventually('logged', () => lines().length === 1)
    expect(lines()[0]).toMatchObject({ client: address, client_port: 56_004, proxy: '127.0.0.1' })
  })

  test.each([
    ['version 1', Buffer.from(V1)],
    ['version 2', V2],
  ])('%s, byte by byte, the request too', async (_, header) => {
    const { port } = await stage(proxy())
    const client = await dial(port)
    client.socket.setNoDelay(true)
    for (const byte of Buffer.concat([header, Buffer.from(closing)])) {
      client.write(Buffer.of(byte))
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect((await client.over()).text).toContain('X-Forwarded-For: 192.0.2.7\r\n')
  })

  test('cut at every byte in two', async () => {
    const { port } = await stage(proxy())
    for (const header of [Buffer.from(V1), V2]) {
      for (let at = 1; at <= header.length; at += 3) {
        const client = await dial(port)
        client.socket.setNoDelay(true)
        client.write(header.subarray(0, at))
        await pause(2)
        client.write(Buffer.concat([header.subarray(at), Buffer.from(closing)]))
        expect((await client.over()).text).toContain('X-Forwarded-For: 192.0.2.7\r\n')
      }
    }
  })

  test('for all requests of a connection', async () => {
    const { port } = await stage(proxy())
    const client = await dial(port)
    client.write(Buffer.concat([V2, Buffer.from(get('/one'))]))
    await client.until('GET /one')
    client.write(get('/two'))
    await client.until('GET /two')
    expect(client.text.match(/X-Forwarded-For: 192\.0\.2\.7\r\n/g)).toHaveLength(2)
  })

  test.each([
    ['version 1', V1],
    ['version 2', V2],
  ])('%s before TLS', async (_, header) => {
    const { port, lines } = await stage(proxy(), { binds: [{ tls: await tlsSpec() }] })
    const client = await secure(port, header)
    client.write(get('/one'))
    await client.until('GET /one')
    client.write(closing)
    expect((await client.over()).text).toContain('X-Forwarded-For: 192.0.2.7\r\n')
    await eventually('logged', () => lines().length === 2)
    expect(lines()[0]).toMatchObject({ client: '192.0.2.7', tls: true })
  })

  test('in tcp mode', async () => {
    const { port, lines } = await stage(proxy(), { mode: 'tcp' })
    const client = await dial(port)
    client.write(Buffer.concat([V2, Buffer.from('hello')]))
    await client.until('hello')
    client.socket.end()
    await client.over()
    expect(client.text).toBe('hello')
    await eventually('logged', () => lines().length === 1)
    expect(lines()[0]).toMatchObject({ client: '192.0.2.7', client_port: 56_004, bytes_in: 5 })
  })

  test('what else a header tells is logged', async () => {
    const { port, lines } = await stage(proxy())
    const ssl = Buffer.from(`0100000001${tlv('21', 'TLSv1.3')}${tlv('23', 'TLS_AES_128_GCM_SHA256')}`, 'hex')
    const endpoint = tlv('ea', '\x01vpce-08d2bf15fac5001c9')
    const id = tlv('05', Buffer.from('c0ffee', 'hex'))
    await ask(port, v2('21 11 LLLL', IPV4, tlv('02', 'a"b'), tlv('20', ssl), endpoint, id))
    await eventually('logged', () => lines().length === 1)
    expect(lines()[0]).toMatchObject({
      authority: 'a"b',
      tls_version: 'TLSv1.3',
      tls_cipher: 'TLS_AES_128_GCM_SHA256',
      vpc_endpoint: 'vpce-08d2bf15fac5001c9',
      unique_id: 'c0ffee',
    })
  })

  test('a client of a unix socket has no address', async () => {
    const { port } = await stage(proxy())
    expect((await ask(port, v2('21 31 LLLL', ''.padEnd(432, '0')))).text).toContain('X-Forwarded-For: unknown\r\n')
  })

  test('UNKNOWN: the address of the connection', async () => {
    const { port } = await stage(proxy())
    expect((await ask(port, 'PROXY UNKNOWN\r\n')).text).toContain('X-Forwarded-For: 127.0.0.1\r\n')
    expect((await ask(port, v2('21 00 LLLL'))).text).toContain('X-Forwarded-For: 127.0.0.1\r\n')
  })

  test('over a unix socket, whoever may open it is believed', async () => {
    const path = join(folder(), 'weir.sock')
    await stage(proxy({ from: [] }), { binds: [{ host: null, path }] })
    const client = await dial({ path })
    client.write(Buffer.concat([V2, Buffer.from(closing)]))
    expect((await client.over()).text).toContain('X-Forwarded-For: 192.0.2.7\r\n')
  })
})

describe('rules are about the client of the header', () => {
  const clients = (rules: Partial<typeof openFrontend.clients>): FrontendWish => ({
    clients: { ...openFrontend.clients, ...rules },
  })

  test('networks', async () => {
    const { plane, port } = await stage(proxy(), clients({ deny: ['192.0.2.0/24'] } as never))
    expect((await ask(port, V2)).text).toMatch(/^HTTP\/1.1 403 [^]*X-Weir-Reason: source_denied\r\n/)
    expect((await ask(port, v2('21 21 LLLL', IPV6))).text).toMatch(/^HTTP\/1.1 200 /)
    expect(reasonCount(plane, 'source_denied')).toBe(1)
  })

  test('connections per source', async () => {
    const { port } = await stage(proxy(), clients({ connections: 1 } as never))
    const first = await dial(port)
    first.write(Buffer.concat([V2, Buffer.from(get('/one'))]))
    await first.until('GET /one')
    expect((await ask(port, V2)).text).toMatch(/^HTTP\/1.1 429 [^]*X-Weir-Reason: source_full\r\n/)
    expect((await ask(port, v2('21 21 LLLL', IPV6))).text).toMatch(/^HTTP\/1.1 200 /)
  })

  test('who waits for a place keeps his name, and what he has sent', async () => {
    const { port } = await stage(proxy(), { maxConnections: 1 })
    const first = await dial(port)
    first.write(Buffer.concat([V2, Buffer.from(get('/one'))]))
    await first.until('GET /one')
    const second = await dial(port)
    second.write(Buffer.concat([v2('21 21 LLLL', IPV6), Buffer.from(closing)]))
    await pause(100)
    expect(second.text).toBe('')
    first.socket.end()
    expect((await second.over()).text).toContain('X-Forwarded-For: 2001:db8::7\r\n')
  })
})

describe('required', () => {
  const refused = (plane: TestPlane, n: number): Promise<void> =>
    eventually('counted', () => reasonCount(plane, 'bad_proxy_header') === n)

  test.each([
    ['no header', ''],
    ['a bad one', 'PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n'],
    ['one for datagrams', v2('21 12 LLLL', IPV4)],
  ])('%s: closed without a word', async (_, header) => {
    const { plane, port, lines } = await stage(proxy())
    expect((await ask(port, header)).text).toBe('')
    await refused(plane, 1)
    expect(lines()).toEqual([])
  })

  test('a header from a network that is not listed', async () => {
    const { plane, port } = await stage(proxy(stranger))
    await dialInVain(port)
    await refused(plane, 1)
  })

  test('half a header, and no more', async () => {
    const { plane, port } = await stage(proxy({ timeout: ms(200) }))
    const client = await dial(port)
    client.write(V2.subarray(0, 20))
    await client.over()
    await refused(plane, 1)
  })

  test('half a header, and the end', async () => {
    const { plane, port } = await stage(proxy())
    const client = await dial(port)
    client.socket.end(V2.subarray(0, 20))
    await client.over()
    await refused(plane, 1)
  })

  test('silence', async () => {
    const { plane, port } = await stage(proxy({ timeout: ms(200) }))
    await (await dial(port)).over()
    await refused(plane, 1)
  })

  test('a stop does not wait for one for long', async () => {
    const { plane, port } = await stage(proxy({ timeout: ms(60_000) }))
    const client = await dial(port)
    await eventually('accepted', () => plane.board.rows[0]!.counters.frontend.connects[0] === 1)
    void plane.close()
    await client.over()
    expect(reasonCount(plane, 'bad_proxy_header')).toBe(0)
  })

  test('who connects and leaves is nobody', async () => {
    const { plane, port } = await stage(proxy())
    const client = await dial(port)
    client.socket.end()
    await client.over()
    expect(reasonCount(plane, 'bad_proxy_header')).toBe(0)
  })
})

describe('optional', () => {
  test.each([
    ['a request', closing],
    ['a request that begins like a header', closing.replace('GET', 'PATCH')],
    ['a request behind an empty line', `\r\n${closing}`],
  ])('%s without a header is taken as it is', async (_, request) => {
    const { port } = await stage(optional())
    expect((await ask(port, '', request)).text).toContain('X-Forwarded-For: 127.0.0.1\r\n')
  })

  test('byte by byte', async () => {
    const { port } = await stage(optional())
    const client = await dial(port)
    client.socket.setNoDelay(true)
    for (const character of closing.replace('GET', 'PUT')) {
      client.write(character)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect((await client.over()).text).toContain('X-Forwarded-For: 127.0.0.1\r\n')
  })

  test('TLS without a header, and with one', async () => {
    const { port } = await stage(optional(), { binds: [{ tls: await tlsSpec() }] })
    for (const [header, address] of [
      [null, '127.0.0.1'],
      [V2, '192.0.2.7'],
    ] as const) {
      const client = await secure(port, header)
      client.write(closing)
      expect((await client.over()).text).toContain(`X-Forwarded-For: ${address}\r\n`)
    }
  })

  test('a header that is believed', async () => {
    const { port } = await stage(optional())
    expect((await ask(port, V1)).text).toContain('X-Forwarded-For: 192.0.2.7\r\n')
  })

  test('a header of a stranger is a request, and a bad one', async () => {
    const { plane, port } = await stage(optional(stranger))
    expect((await ask(port, V1)).text).toMatch(/^HTTP\/1.1 400 /)
    expect((await ask(port, '')).text).toContain('X-Forwarded-For: 127.0.0.1\r\n')
    expect(reasonCount(plane, 'bad_proxy_header')).toBe(0)
  })

  test('a bad header is no request', async () => {
    const { plane, port } = await stage(optional())
    expect((await ask(port, 'PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n')).text).toBe('')
    expect(reasonCount(plane, 'bad_proxy_header')).toBe(1)
  })

  test('in tcp mode, a client that waits for the server to speak gets it in the end', async () => {
    const greeting = await startServer((socket) => void socket.on('end', () => socket.end()).write('welcome'))
    const { port } = await stage(optional({ timeout: ms(200) }), { mode: 'tcp' }, { servers: [greeting.port] })
    const client = await dial(port)
    await client.until('welcome')
    client.socket.end()
    await client.over()
  })

  test('in tcp mode, bytes that were no header come first', async () => {
    const { port } = await stage(optional({ timeout: ms(200) }), { mode: 'tcp' })
    const client = await dial(port)
    client.write('PROX')
    await client.until('PROX')
    client.write('Y or not')
    await client.until('PROXY or not')
    client.socket.end()
    await client.over()
  })
})

describe('LOCAL', () => {
  test('asks as itself', async () => {
    const { port, lines } = await stage(proxy())
    expect((await ask(port, LOCAL)).text).toContain('X-Forwarded-For: 127.0.0.1\r\n')
    await eventually('logged', () => lines().length === 1)
    expect(lines()[0]).toMatchObject({ client: '127.0.0.1' })
  })

  test.each(['http', 'tcp'] as const)('without a word is neither an error nor logged (%s)', async (mode) => {
    const { plane, port, lines } = await stage(proxy(), { mode })
    const client = await dial(port)
    client.write(LOCAL)
    await pause(50)
    client.socket.end()
    await client.over()
    const next = await dial(port)
    next.write(V2)
    next.socket.end(closing)
    await next.over()
    await eventually('logged', () => lines().length > 0)
    expect(lines()).toHaveLength(1)
    expect(plane.board.rows[0]!.tables.frontend.reasons.every((n) => n === 0)).toBe(true)
  })

  test('without a handshake either', async () => {
    const { plane, port } = await stage(proxy(), { binds: [{ tls: await tlsSpec() }] })
    const client = await dial(port)
    client.write(LOCAL)
    await pause(50)
    client.socket.end()
    await client.over()
    expect(plane.board.rows[0]!.tables.frontend.reasons.every((n) => n === 0)).toBe(true)
  })
})
