// TLS of checks: as strict as that of the requests, so that a server does not pass its checks and fail all else.
import { createServer, type TlsOptions } from 'node:tls'
import type { AddressInfo } from 'node:net'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { httpProbe } from '../../../src/control/health/probe-http.ts'
import { tcpProbe } from '../../../src/control/health/probe-tcp.ts'
import type { Probe, ProbeResult, Target } from '../../../src/control/health/probe.ts'
import type { ServerTlsSpec } from '../../../src/messages/tls.ts'
import { ms } from '../../../src/model/units.ts'
import { makeAuthority, makeCertificate, pinOf, type CertificateAndKey } from '../../support/certificates.ts'
import { serverTlsSpec } from '../../support/tls.ts'
import { httpCheck } from './fixtures.ts'

let ca: CertificateAndKey
let app: CertificateAndKey
let byAddress: CertificateAndKey
beforeAll(async () => {
  ca = await makeAuthority()
  app = await makeCertificate({ names: ['app.test'], ca })
  byAddress = await makeCertificate({ names: ['192.0.2.1'], ca })
})

interface Served {
  readonly port: number
  /** What came of every connection whose handshake succeeded, with the subject of the client. */
  readonly heard: string[]
}

async function serve(options: TlsOptions): Promise<Served> {
  const heard: string[] = []
  const server = createServer(options, (socket) => {
    const who = socket.getPeerX509Certificate()?.subject ?? 'nobody'
    const i = heard.push(`${who}: `) - 1
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      heard[i] = `${who}: ${bytes.toString('latin1').split('\r\n')[0]}`
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    })
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { port: (server.address() as AddressInfo).port, heard }
}

const never = new AbortController().signal
const kinds = {
  tcp: (target: Target) => tcpProbe(target, ms(5000)),
  http: (target: Target) => httpProbe(target, httpCheck(), ms(5000)),
} satisfies Record<string, (target: Target) => Probe>

describe.each(Object.entries(kinds))('a check by %s', (kind, probe) => {
  const check = ({ port }: Served, tls: Partial<ServerTlsSpec>): Promise<ProbeResult> =>
    probe({ host: '127.0.0.1', port, path: null, tls: serverTlsSpec({ ca: ca.cert, serverName: 'app.test', ...tls }) })(
      never,
    )

  test('passes with the key that is pinned, verified or not', async () => {
    const server = await serve(app)
    expect(await check(server, { pins: [pinOf(ca), pinOf(app)] })).toMatchObject({ passed: true })
    expect(await check(server, { verify: false, ca: null, pins: [pinOf(app)] })).toMatchObject({ passed: true })
  })

  test('fails with another key, and the server hears nothing', async () => {
    const server = await serve(app)
    for (const verify of [true, false]) {
      const result = await check(server, { verify, pins: [pinOf(ca)] })
      expect(result).toEqual({ passed: false, text: 'the public key of the server is not pinned' })
    }
    expect(server.heard.filter((each) => each !== 'nobody: ')).toEqual([])
  })

  test('a pin does not stand in for the name or the authority', async () => {
    const server = await serve(app)
    const pins = [pinOf(app)]
    expect((await check(server, { pins, serverName: 'other.test' })).text).toMatch(/altnames/)
    expect((await check(server, { pins, ca: null })).passed).toBe(false)
  })

  test('shows the certificate of its own that is configured', async () => {
    const own = await makeCertificate({ names: ['weir'], usage: 'client', ca })
    const server = await serve({
      ...app,
      requestCert: true,
      rejectUnauthorized: true,
      ca: ca.cert,
      maxVersion: 'TLSv1.2',
    })
    expect(await check(server, { certificate: own })).toMatchObject({ passed: true })
    expect(server.heard[0]).toBe(kind === 'http' ? 'CN=weir: GET /health HTTP/1.1' : 'CN=weir: ')
    expect(await check(server, {})).toMatchObject({ passed: false })
  })

  test('an address as the name is looked for in the certificate', async () => {
    const server = await serve(byAddress)
    expect(await check(server, { serverName: '192.0.2.1' })).toMatchObject({ passed: true })
    expect((await check(server, { serverName: '192.0.2.2' })).text).toMatch(/192\.0\.2\.2/)
  })

  test('a server that speaks nothing newer than TLS 1.1 fails, as its requests would', async () => {
    const server = await serve({ ...app, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' })
    expect((await check(server, {})).passed).toBe(false)
  })
})
