// Tickets and their secrets: good at all workers, over a change of the secret, and not without it; and none where there are to
// be none.
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import type { CertificateSpec, TicketKeys } from '../../../src/messages/tls.ts'
import { TICKET_KEY_LENGTH, TicketSecrets } from '../../../src/data/tls/tickets.ts'
import { certificateSpec } from '../../support/certificates.ts'
import type { TestPlane } from '../../support/data-plane.ts'
import { answering, startPlane, startServer } from '../../support/peers.ts'
import { files, program, run } from '../../support/programs.ts'
import { ask } from '../../support/tls-client.ts'
import { bindTls, type TlsWish } from '../../support/tls.ts'

const openssl = program('openssl')
let main: Omit<CertificateSpec, 'id'>
let other: Omit<CertificateSpec, 'id'>
beforeAll(async () => {
  main = await certificateSpec({ names: ['main.test'] })
  other = await certificateSpec({ names: ['other.test'] })
})

const key = (): Uint8Array => randomBytes(TICKET_KEY_LENGTH)

async function serve(keys: TicketKeys, more: Partial<TlsWish> = {}): Promise<TestPlane> {
  const behind = await startServer(answering('fine'))
  const plane = await startPlane({
    frontends: [{ binds: [{ tls: { certificates: [main, other], ...more } }] }],
    backends: [{ servers: [behind.port] }],
  })
  plane.plane.tls.ticketKeys = keys
  return plane
}

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('%s', (maxVersion) => {
  const names = ['main.test', 'other.test', 'unknown.test']

  test('a change of the secret costs no client its ticket, as long as the one before is kept', async () => {
    const [a, b, c] = [key(), key(), key()]
    const plane = await serve([a])
    for (const servername of names) {
      plane.plane.tls.ticketKeys = [a]
      const { session: fromA } = await ask(plane.port, { servername, maxVersion })
      plane.plane.tls.ticketKeys = [b, a]
      const renewed = await ask(plane.port, { servername, maxVersion, session: fromA! })
      expect([servername, renewed.reused]).toEqual([servername, true])
      expect(renewed.session).toBeDefined() // made with b
      plane.plane.tls.ticketKeys = [c, b]
      expect((await ask(plane.port, { servername, maxVersion, session: renewed.session! })).reused).toBe(true)
      expect((await ask(plane.port, { servername, maxVersion, session: fromA! })).reused).toBe(false)
    }
  })

  test("machines with equal secrets take each other's tickets, in whatever order they know them", async () => {
    const [a, b] = [key(), key()]
    const machines = [await serve([a]), await serve([a, b]), await serve([b, a])]
    for (const from of machines) {
      const { session } = await ask(from.port, { servername: 'main.test', maxVersion })
      for (const to of machines) {
        const knows = to !== machines[0] || from !== machines[2]
        expect((await ask(to.port, { servername: 'main.test', maxVersion, session: session! })).reused).toBe(knows)
      }
    }
  })

  test.each([1, 2])('none are made or taken where there are to be none (%i secrets)', async (count) => {
    const keys = Array.from({ length: count }, key)
    const { session } = await ask((await serve(keys)).port, { servername: 'main.test', maxVersion })
    const plane = await serve(keys, { tickets: false })
    const first = await ask(plane.port, { servername: 'main.test', maxVersion })
    expect([first.answered, first.tickets]).toEqual([true, 0])
    expect(await ask(plane.port, { servername: 'main.test', maxVersion, session: session! })).toMatchObject({
      answered: true,
      reused: false,
    })
  })

  test.skipIf(openssl === null)('a ticket that was tampered with is a full handshake', async () => {
    const plane = await serve([key(), key()])
    const flag = maxVersion === 'TLSv1.3' ? '-tls1_3' : '-tls1_2'
    const { ticket } = files({ ticket: '' })
    const client = ['s_client', '-connect', `127.0.0.1:${plane.port}`, flag, '-servername', 'main.test', '-ign_eof']
    const request = 'GET / HTTP/1.1\r\nHost: main.test\r\nConnection: close\r\n\r\n'
    expect((await run(openssl!, [...client, '-sess_out', ticket], request)).stdout).toMatch(/^New, /m)
    expect((await run(openssl!, [...client, '-sess_in', ticket], request)).stdout).toMatch(/^Reused, /m)
    const pem = await run(openssl!, ['sess_id', '-in', ticket, '-outform', 'DER', '-out', `${ticket}.der`])
    expect(pem.code).toBe(0)
    const session = readFileSync(`${ticket}.der`)
    // The ticket stands in the session as it came; its last bytes are the HMAC.
    const name = Buffer.from(plane.plane.tls.ticketKeys[0]!.subarray(0, 16))
    const at = session.indexOf(name)
    expect(at).toBeGreaterThan(0)
    session[at + 40]! ^= 1
    writeFileSync(`${ticket}.der`, session)
    await run(openssl!, ['sess_id', '-inform', 'DER', '-in', `${ticket}.der`, '-out', ticket])
    expect((await run(openssl!, [...client, '-sess_in', ticket], request)).stdout).toMatch(/^New, /m)
  })
})

test('contexts are made anew only where OpenSSL has kept a secret', () => {
  const { tls, state } = bindTls({ certificates: [main] })
  const contexts: unknown[] = []
  for (const count of [1, 2, 3, 2, 1]) {
    state.ticketKeys = Array.from({ length: count }, key)
    contexts.push(tls.options.secureContext)
  }
  expect(contexts[1]).not.toBe(contexts[0])
  expect(contexts[2]).toBe(contexts[1])
  expect(contexts[3]).toBe(contexts[1])
  expect(contexts[4]).not.toBe(contexts[1])
  state.ticketKeys = state.ticketKeys.map((each) => Uint8Array.from(each))
  expect(tls.options.secureContext).toBe(contexts[4])
})

test('every ticket has an initialization vector of its own', () => {
  const secrets = new TicketSecrets([key(), key()])
  const vectors = new Set(Array.from({ length: 1000 }, () => Buffer.from(secrets.make()[4]).toString('hex')))
  expect(vectors.size).toBe(1000)
})

test('without any secret tickets are made with one that nobody else has', () => {
  expect(new TicketSecrets([]).first.length).toBe(TICKET_KEY_LENGTH)
  expect(new TicketSecrets([]).first.equals(new TicketSecrets([]).first)).toBe(false)
})
