// The other implementation of the protocol, that of its inventors, on either side of Weir.
import { readFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import net from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { ProxyTlv } from '../../../src/messages/snapshot.ts'
import { ms } from '../../../src/model/units.ts'
import { certificateSpec, makeCertificate } from '../../support/certificates.ts'
import {
  answering,
  deadPort,
  dial,
  eventually,
  get,
  reasonCount,
  startPlane,
  startServer,
} from '../../support/peers.ts'
import { files, folder, program } from '../../support/programs.ts'
import { randomBytes } from 'node:crypto'

const haproxy = program('haproxy')

/** Runs HAProxy until the test is over. @param ports that it listens on */
async function runHaproxy(config: string, ports: readonly number[]): Promise<void> {
  const text = `
global
  log stderr format raw local0
defaults
  timeout connect 5s
  timeout client 5s
  timeout server 5s
${config}`
  const child = spawn(haproxy!, ['-db', '-f', files({ 'haproxy.cfg': text })['haproxy.cfg']], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (chunk) => (said += String(chunk)))
  const gone = new Promise((resolve) => child.on('close', resolve))
  onTestFinished(async () => {
    child.kill('SIGTERM')
    await gone
  })
  for (const port of ports) {
    let listens = false
    const knock = (): void => {
      const socket = net.connect(port, '127.0.0.1', () => (listens = true))
      socket.on('error', () => void setTimeout(knock, 20)).on('connect', () => socket.destroy())
    }
    knock()
    await eventually(`listening: ${said}`, () => listens)
  }
}

describe.skipIf(haproxy === null)('HAProxy in front', () => {
  const proxy = { mode: 'required', from: ['127.0.0.1'], timeout: ms(5000) } as const

  async function stage() {
    const target = join(folder(), 'access.log')
    const { port } = await startServer(answering('fine'))
    const plane = await startPlane({
      frontends: [{ binds: [{ proxy }] }],
      backends: [{ servers: [port] }],
      snapshot: { accessLog: { format: 'json', target } },
    })
    const lines = (): Record<string, unknown>[] =>
      readFileSync(target, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    return { plane, lines }
  }

  test.each(['send-proxy', 'send-proxy-v2', 'send-proxy-v2 proxy-v2-options crc32c,unique-id'])(
    '%s, and its health checks, which are nobody and no error',
    async (option) => {
      const { plane, lines } = await stage()
      const port = await deadPort()
      const id = option.includes('unique-id') ? 'unique-id-format %{+X}o\\ %ci:%cp' : ''
      const backend = `server weir 127.0.0.1:${plane.port} ${option} check inter 20ms`
      await runHaproxy(
        `frontend in\n  mode tcp\n  bind 127.0.0.1:${port}\n  ${id}\n  default_backend out\nbackend out\n  mode tcp\n  ${backend}\n`,
        [port],
      )
      const client = await dial(port)
      await client.write(get()).until('fine')
      await eventually('logged', () => lines().length > 0)
      expect(lines()).toHaveLength(1)
      expect(lines()[0]).toMatchObject({
        client: '127.0.0.1',
        client_port: client.socket.localPort,
        proxy: '127.0.0.1',
      })
      if (id !== '') expect(lines()[0]!['unique_id']).toMatch(/^[0-9a-f]+$/)
      const connects = plane.board.rows[0]!.counters.frontend.connects
      await eventually('checked', () => connects[0]! > 4)
      expect(reasonCount(plane, 'bad_proxy_header')).toBe(0)
      expect(lines()).toHaveLength(1)
    },
  )

  test('what it tells of the TLS that it terminates', async () => {
    const { plane, lines } = await stage()
    const port = await deadPort()
    const { cert, key } = await makeCertificate({ names: ['above.test'] })
    const pem = files({ 'site.pem': cert + key })['site.pem']
    await runHaproxy(
      `listen in\n  mode tcp\n  bind 127.0.0.1:${port} ssl crt ${pem} alpn http/1.1\n` +
        `  server weir 127.0.0.1:${plane.port} send-proxy-v2 proxy-v2-options ssl,ssl-cipher,authority,crc32c\n`,
      [port],
    )
    const client = await dial(port, { servername: 'above.test', ALPNProtocols: ['http/1.1'] })
    await client.write(get()).until('fine')
    await eventually('logged', () => lines().length === 1)
    expect(lines()[0]).toMatchObject({
      client_port: client.socket.localPort,
      authority: 'above.test',
      tls_version: 'TLSv1.3',
      tls_cipher: expect.stringMatching(/^TLS_/) as string,
    })
  })
})

describe.skipIf(haproxy === null)('HAProxy behind', () => {
  const tlvs: readonly ProxyTlv[] = ['sni', 'alpn', 'tls', 'unique_id']
  const answer =
    'http-request return status 200 content-type text/plain lf-string ' +
    '"%[src] %[src_port] %[dst] %[dst_port] %[fc_rcvd_proxy] (%[fc_pp_authority]) (%[fc_pp_unique_id,hex])."'

  test.each([
    ['version 1', { version: 1, tlvs: [] }],
    ['version 2', { version: 2, tlvs: [] }],
    ['version 2 with all that can be told', { version: 2, tlvs }],
  ] as const)('%s', async (_, sendProxy) => {
    const behind = await deadPort()
    await runHaproxy(`frontend in\n  mode http\n  bind 127.0.0.1:${behind} accept-proxy\n  ${answer}\n`, [behind])
    const tls = {
      certificates: [await certificateSpec({ names: ['weir.test'] })],
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
      ciphers: null,
      alpn: ['http/1.1'],
      ticketKeys: randomBytes(48),
    } as const
    const plane = await startPlane({ frontends: [{ binds: [{ tls }] }], backends: [{ sendProxy, servers: [behind] }] })
    const client = await dial(plane.port, { servername: 'weir.test', ALPNProtocols: ['http/1.1'] })
    const told = sendProxy.tlvs.length > 0 ? String.raw`\(weir\.test\) \([0-9A-F]{32}\)` : String.raw`\(\) \(\)`
    for (let i = 0; i < 2; i++) {
      await client.forget().write(get()).until(').')
      expect(client.text).toMatch(
        new RegExp(`\r\n\r\n127\\.0\\.0\\.1 ${client.socket.localPort} 127\\.0\\.0\\.1 ${plane.port} 1 ${told}\\.$`),
      )
    }
  })
})
