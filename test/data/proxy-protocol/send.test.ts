// PROXY headers that servers get: first on every connection, before TLS too, each for the client that it is about.
import { readFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { randomBytes } from 'node:crypto'
import type { ProxyHeader } from '../../../src/data/proxy-protocol/header.ts'
import { parseProxyHeader } from '../../../src/data/proxy-protocol/parse.ts'
import type { SendProxySpec } from '../../../src/messages/snapshot.ts'
import { ms } from '../../../src/model/units.ts'
import { certificateSpec, makeCertificate } from '../../support/certificates.ts'
import type { BackendWish, FrontendWish, TestPlane } from '../../support/data-plane.ts'
import { answering, deadPort, dial, eventually, fetchOnce, get, startPlane } from '../../support/peers.ts'
import { folder } from '../../support/programs.ts'
import { IPV4, tlv, v2 } from './vectors.ts'

const V1: SendProxySpec = { version: 1, tlvs: [] }
const V2: SendProxySpec = { version: 2, tlvs: [] }
const ALL: SendProxySpec = { version: 2, tlvs: ['sni', 'alpn', 'tls', 'unique_id'] }

interface HeaderServer {
  readonly port: number
  /** Of every connection, in order. */
  readonly headers: ProxyHeader[]
}

/** A server that wants a header first. @param secure it speaks TLS behind it */
async function startServer(
  serve: (socket: net.Socket) => void,
  secure: tls.TlsOptions | null = null,
): Promise<HeaderServer> {
  const headers: ProxyHeader[] = []
  const inner = secure === null ? net.createServer({ allowHalfOpen: true }, serve) : tls.createServer(secure, serve)
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    onTestFinished(() => void socket.destroy())
    let seen = Buffer.alloc(0)
    socket.on('readable', function read() {
      for (;;) {
        const header = parseProxyHeader(seen, seen.length)
        if (typeof header === 'object') {
          headers.push(header)
          socket.off('readable', read)
          inner.emit('connection', socket)
          return
        }
        if (header <= 0) throw new Error(`no header: ${seen.latin1Slice()}`)
        const piece = socket.read(Math.min(header, Math.max(1, socket.readableLength))) as Buffer | null
        if (piece === null) return
        seen = Buffer.concat([seen, piece])
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { port: (server.address() as net.AddressInfo).port, headers }
}

interface Stage {
  readonly plane: TestPlane
  readonly port: number
  readonly headers: ProxyHeader[]
  readonly lines: () => Record<string, unknown>[]
}
interface StageWish {
  readonly frontend?: FrontendWish
  readonly backend?: Partial<BackendWish>
  readonly secure?: tls.TlsOptions
}

async function stage(
  sendProxy: SendProxySpec,
  { frontend = {}, backend = {}, secure }: StageWish = {},
): Promise<Stage> {
  const mode = frontend.mode ?? 'http'
  const server = await startServer(answering('fine'), secure ?? null)
  const target = join(folder(), 'access.log')
  const there = { port: server.port, tls: secure ? { verify: false, ca: null, serverName: 'app.test' } : null }
  const plane = await startPlane({
    frontends: [frontend],
    backends: [{ mode, sendProxy, ...backend, servers: [...(backend.servers ?? []), there] }],
    snapshot: { accessLog: { format: 'json', target } },
  })
  const lines = (): Record<string, unknown>[] =>
    readFileSync(target, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  return { plane, port: plane.port, headers: server.headers, lines }
}

describe.each([
  ['version 1', V1],
  ['version 2', V2],
])('%s', (_, send) => {
  test.each(['http', 'tcp'] as const)('who the client is and where it connected to, in %s mode', async (mode) => {
    const { port, headers } = await stage(send, { frontend: { mode } })
    const client = await dial(port)
    await client.write(get()).until('fine')
    expect(headers).toHaveLength(1)
    expect(headers[0]).toMatchObject({
      version: send.version,
      source: { address: '127.0.0.1', port: client.socket.localPort },
      destination: { address: '127.0.0.1', port },
    })
  })

  test.each(['http', 'tcp'] as const)('before TLS, in %s mode', async (mode) => {
    const secure = await makeCertificate({ names: ['app.test'] })
    const { port, headers } = await stage(send, { frontend: { mode }, secure })
    const client = await dial(port)
    await client.write(get()).until('fine')
    expect(headers[0]).toMatchObject({ source: { address: '127.0.0.1', port: client.socket.localPort } })
  })

  test('a client of a unix socket has no address', async () => {
    const path = join(folder(), 'weir.sock')
    const { headers } = await stage(send, { frontend: { binds: [{ host: null, path }] } })
    await (await dial({ path })).write(get()).until('fine')
    expect(headers[0]).toMatchObject({ source: null, local: false })
  })

  test('the client of the tier above is passed on', async () => {
    const proxy = { mode: 'required', from: ['127.0.0.1'], timeout: ms(5000) } as const
    const { port, headers } = await stage(send, { frontend: { binds: [{ proxy }] } })
    const client = await dial(port)
    client.write(v2('21 11 LLLL', IPV4))
    await client.write(get()).until('fine')
    expect(headers[0]).toMatchObject({
      source: { address: '192.0.2.7', port: 56_004 },
      destination: { address: '198.51.100.1', port: 443 },
    })
  })
})

test('a connection serves one request: the next may be of another client', async () => {
  const { port, headers } = await stage(V2)
  const [one, two] = [await dial(port), await dial(port)]
  for (const client of [one, two, one]) await client.forget().write(get()).until('fine')
  expect(headers.map(({ source }) => source!.port)).toEqual([one, two, one].map(({ socket }) => socket.localPort))
})

test('a server that can not be reached, and another: it gets the header all the same', async () => {
  const { port, headers } = await stage(V1, { backend: { servers: [await deadPort(), await deadPort()] } })
  for (let i = 0; i < 3; i++) await (await dial(port)).write(get()).until('fine')
  expect(headers).toHaveLength(3)
})

test('a server with TLS that can not be reached is no failure of its TLS', async () => {
  const there = { port: await deadPort(), tls: { verify: false, ca: null, serverName: null } }
  const plane = await startPlane({ backends: [{ sendProxy: V2, retries: 0, servers: [there] }] })
  expect((await fetchOnce(plane.port)).text).toMatch(/^HTTP\/1.1 503 [^]*X-Weir-Reason: connect_refused\r\n/)
})

test('a request with a body larger than what is sent at once', async () => {
  const { port, headers } = await stage(V2)
  const client = await dial(port)
  const body = 'x'.repeat(300_000)
  // The server takes the body for the next heads, and answers nothing to it.
  client.write(`POST / HTTP/1.1\r\nHost: weir.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  await client.until('fine')
  expect(headers).toHaveLength(1)
})

describe('what is told besides', () => {
  const bind = async (more: object = {}) => ({
    tls: {
      certificates: [await certificateSpec({ names: ['weir.test'] })],
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
      ciphers: null,
      alpn: ['http/1.1'],
      ticketKeys: randomBytes(48),
    } as const,
    ...more,
  })

  test.each(['http', 'tcp'] as const)('of the TLS that Weir terminates, in %s mode', async (mode) => {
    const { port, headers, lines } = await stage(ALL, { frontend: { mode, binds: [await bind()] } })
    const client = await dial(port, { servername: 'weir.test', ALPNProtocols: ['http/1.1'], maxVersion: 'TLSv1.2' })
    await client.write(get('/', 'Connection: close')).until('fine')
    client.socket.end()
    expect(headers[0]!.tlvs).toMatchObject({
      authority: 'weir.test',
      alpn: 'http/1.1',
      tls: { encrypted: true, verified: false, version: 'TLSv1.2', cipher: expect.stringMatching(/^ECDHE-/) as string },
      uniqueId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
    })
    await eventually('logged', () => lines().length === 1)
    expect(lines()[0]).toMatchObject({ unique_id: headers[0]!.tlvs!.uniqueId })
  })

  test('without TLS only the id, and that is one for all of a client connection', async () => {
    const { port, headers } = await stage(ALL)
    const client = await dial(port)
    for (let i = 0; i < 2; i++) await client.forget().write(get()).until('fine')
    expect(headers.map(({ tlvs }) => [tlvs!.authority, tlvs!.alpn, tlvs!.tls])).toEqual([
      ['', '', null],
      ['', '', null],
    ])
    expect(headers[1]!.tlvs!.uniqueId).toBe(headers[0]!.tlvs!.uniqueId)
    await (await dial(port)).write(get()).until('fine')
    expect(headers[2]!.tlvs!.uniqueId).not.toBe(headers[0]!.tlvs!.uniqueId)
  })

  test('of what the tier above has told', async () => {
    const proxy = { mode: 'required', from: ['127.0.0.1'], timeout: ms(5000) } as const
    const { port, headers } = await stage(ALL, { frontend: { binds: [{ proxy }] } })
    const ssl = Buffer.from(`0100000001${tlv('21', 'TLSv1.3')}${tlv('23', 'TLS_AES_128_GCM_SHA256')}`, 'hex')
    const id = tlv('05', Buffer.from('c0ffee', 'hex'))
    const client = await dial(port)
    client.write(v2('21 11 LLLL', IPV4, tlv('01', 'h2'), tlv('02', 'above.test'), tlv('20', ssl), id))
    await client.write(get()).until('fine')
    expect(headers[0]!.tlvs).toMatchObject({
      alpn: 'h2',
      authority: 'above.test',
      uniqueId: 'c0ffee',
      tls: { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256' },
    })
  })
})
