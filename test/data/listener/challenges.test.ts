// The challenge TLS-ALPN-01 (RFC 8737) as an authority sees it: for a name that is to be proved it gets the certificate made for
// that, by the protocol of ACME and nothing else, and no data. Nobody else sees that certificate.
import { X509Certificate } from 'node:crypto'
import type tls from 'node:tls'
import { describe, expect, test } from 'vitest'
import type { Challenges } from '../../../src/messages/tls.ts'
import { ms } from '../../../src/model/units.ts'
import { certificateSpec, makeCertificate } from '../../support/certificates.ts'
import type { TestPlane } from '../../support/data-plane.ts'
import { dial, eventually, get, leftovers, reasonCount, startPlane, startServer } from '../../support/peers.ts'
import { program, run } from '../../support/programs.ts'
import { helloOfNode } from '../tls/hellos.ts'
import { bothWays, nameOf, passedThrough, secureClient, shownTo } from './both-ways.ts'

const ACME = 'acme-tls/1'
const openssl = program('openssl')

const challengeFor = async (...names: readonly string[]): Promise<Challenges['tls']> =>
  Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await makeCertificate({ names: [name] })] as const)),
  )

const setChallenges = ({ plane }: TestPlane, tlsChallenges: Challenges['tls']): void => {
  plane.tls.challenges = { http: {}, tls: tlsChallenges }
}

async function web(more: Parameters<typeof bothWays>[0] = {}) {
  const stage = await bothWays({ ...more, tls: { passthrough: [], ...more?.tls } })
  return { ...stage, handshakes: () => stage.plane.board.rows[0]!.counters.frontend.handshakes[0]! }
}

describe('openssl s_client', () => {
  const look = async (port: number, name: string, alpn: string, ...more: readonly string[]) => {
    const options = ['-connect', `127.0.0.1:${port}`, '-servername', name, '-alpn', alpn, ...more]
    const { stdout, stderr } = await run(openssl!, ['s_client', ...options])
    const pem = /-----BEGIN[^]*END CERTIFICATE-----/.exec(stdout)
    return {
      shown: pem === null ? null : nameOf(new X509Certificate(pem[0])),
      protocol: /^ALPN protocol: (.*)$/m.exec(stdout)?.[1] ?? null,
      said: stdout + stderr,
    }
  }

  test.skipIf(openssl === null).each(['-tls1_3', '-tls1_2'])('%s', async (version) => {
    const { plane, port } = await web()
    setChallenges(plane, await challengeFor('new.test', 'web.test'))
    expect(await look(port, 'new.test', ACME, version)).toMatchObject({ shown: 'new.test', protocol: ACME })
    expect(await look(port, 'NEW.test', ACME, version)).toMatchObject({ shown: 'new.test', protocol: ACME })
    const ours = await look(port, 'web.test', 'http/1.1', version)
    expect(ours).toMatchObject({ shown: 'web.test', protocol: 'http/1.1' })
    await eventually('over', () => leftovers(plane) === '')
    expect(reasonCount(plane, 'tls_handshake')).toBe(0)
  })

  test.skipIf(openssl === null)('for a name that nothing is to be proved of, there is no such protocol', async () => {
    const { plane, port } = await web()
    for (const challenges of [{}, await challengeFor('new.test')]) {
      setChallenges(plane, challenges)
      const { shown, said } = await look(port, 'web.test', ACME)
      expect(shown).toBe(null)
      expect(said).toMatch(/alert number 120|no application protocol/)
    }
  })
})

/** As an authority asks, to the end of the connection. */
async function validate(
  port: number,
  name: string,
): Promise<{ shown: string; alpn: string | false | null; data: number }> {
  const client = await secureClient(port, name, ACME)
  const shown = shownTo(client)
  const alpn = (client.socket as tls.TLSSocket).alpnProtocol
  await client.over()
  return { shown, alpn, data: client.received.length }
}

test('the connection is closed in order when the handshake is done, and no data is taken', async () => {
  const { plane, port, handshakes } = await web()
  setChallenges(plane, await challengeFor('new.test'))
  expect(await validate(port, 'new.test')).toEqual({ shown: 'new.test', alpn: ACME, data: 0 })
  const client = await secureClient(port, 'new.test', ACME)
  await client.write(get()).over()
  expect(client.received.length).toBe(0)
  await eventually('over', () => leftovers(plane) === '')
  expect([handshakes(), reasonCount(plane, 'tls_handshake')]).toEqual([2, 0])
  expect(plane.board.rows[0]!.counters.frontend.requests[0]).toBe(0)
})

test('who offers another protocol too is no authority', async () => {
  const { plane, port } = await web()
  setChallenges(plane, await challengeFor('web.test'))
  const client = await secureClient(port, 'web.test', ACME, 'http/1.1')
  expect([(client.socket as tls.TLSSocket).alpnProtocol]).toEqual(['http/1.1'])
  await client.write(get()).until('from the web')
})

test('what a challenge shows is as new as its certificate, and gone with it', async () => {
  const { plane, port } = await web()
  const fingerprint = async (): Promise<string> => {
    const client = await secureClient(port, 'new.test', ACME)
    return (client.socket as tls.TLSSocket).getPeerX509Certificate()!.fingerprint256
  }
  const fingerprints: string[] = []
  for (let i = 0; i < 2; i++) {
    const challenges = await challengeFor('new.test')
    setChallenges(plane, challenges)
    fingerprints.push(await fingerprint(), new X509Certificate(challenges['new.test']!.cert).fingerprint256)
  }
  expect(fingerprints[0]).toBe(fingerprints[1])
  expect(fingerprints[2]).toBe(fingerprints[3])
  expect(fingerprints[2]).not.toBe(fingerprints[0])
  setChallenges(plane, {})
  await expect(secureClient(port, 'new.test', ACME)).rejects.toThrow()
})

test('a challenge comes before a rule of passthrough; without one the rule counts', async () => {
  const passthrough = [{ names: [], protocols: [ACME], backend: 1 }]
  const { certificates } = (await bothWays()).wish.frontends![0]!.binds![0]!.tls!
  const { cert, key } = await certificateSpec({ names: ['behind.test'] })
  const behind = await startServer((socket) => socket.end('behind'), { tls: { cert, key, ALPNProtocols: [ACME] } })
  const plane = await startPlane({
    frontends: [{ binds: [{ tls: { certificates, passthrough } }] }],
    backends: [{ servers: [behind.port] }, { mode: 'tcp', servers: [behind.port] }],
  })
  setChallenges(plane, await challengeFor('new.test'))
  expect((await validate(plane.port, 'new.test')).shown).toBe('new.test')
  expect(await validate(plane.port, 'other.test')).toEqual({ shown: 'behind.test', alpn: ACME, data: 6 })
  expect(passedThrough(plane)).toBe(1)
})

test('a tcp frontend answers challenges too', async () => {
  const { plane, port } = await web({ frontend: { mode: 'tcp' } })
  setChallenges(plane, await challengeFor('new.test'))
  expect(await validate(port, 'new.test')).toEqual({ shown: 'new.test', alpn: ACME, data: 0 })
  const client = await secureClient(port, 'web.test')
  await client.write(get()).until('from the web')
})

test('an authority that stalls in its handshake is closed when the time for one is over', async () => {
  const { plane, port } = await web({ frontend: { timeouts: { tlsHandshake: ms(400) } } })
  setChallenges(plane, await challengeFor('new.test'))
  const client = await dial(port)
  client.write(await helloOfNode({ servername: 'new.test', ALPNProtocols: [ACME] }))
  await client.over()
  expect(client.received.length).toBeGreaterThan(100) // our side of it
  await eventually('over', () => leftovers(plane) === '')
  expect(reasonCount(plane, 'tls_handshake')).toBe(1)
})

test('a certificate that OpenSSL does not take is no answer, and does no harm', async () => {
  const { plane, port } = await web()
  const good = await challengeFor('good.test')
  setChallenges(plane, { ...good, 'bad.test': { cert: 'no PEM', key: 'none' } })
  await expect(secureClient(port, 'bad.test', ACME)).rejects.toThrow()
  expect((await validate(port, 'good.test')).shown).toBe('good.test')
})

test('what every object has is no challenge', async () => {
  const { plane, port } = await web()
  setChallenges(plane, await challengeFor('new.test'))
  for (const name of ['constructor', '__proto__', 'other.test']) {
    const refused = { code: expect.stringContaining('NO_APPLICATION_PROTOCOL') as string }
    await expect(secureClient(port, name, ACME)).rejects.toMatchObject(refused)
  }
})
