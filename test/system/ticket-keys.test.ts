// Session tickets between machines: two Weirs that share a file of keys take each other's tickets, and go on to do so while the
// file changes; two that do not share one make full handshakes.
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import tls from 'node:tls'
import { expect, test } from 'vitest'
import { makeCertificate } from '../support/certificates.ts'
import { answering, eventually, startServer } from '../support/peers.ts'
import { files, startWeir, type WeirProcess } from '../support/programs.ts'

/** One request on a connection. @returns the last ticket there is, and whether the session was resumed with the given one */
function visit(weir: WeirProcess, session?: Buffer): Promise<{ readonly ticket: Buffer; readonly resumed: boolean }> {
  return new Promise((resolve, reject) => {
    const target = { host: '127.0.0.1', port: weir.port('web'), servername: 'www.test', rejectUnauthorized: false }
    let ticket = session
    const socket = tls.connect({ ...target, ...(session === undefined ? {} : { session }) }, () => {
      socket.write('GET / HTTP/1.1\r\nHost: www.test\r\nConnection: close\r\n\r\n')
    })
    socket.on('session', (received: Buffer) => (ticket = received))
    socket.on('error', reject).on('data', () => {})
    socket.on('end', () => {
      if (ticket === undefined) reject(new Error('no ticket came'))
      else resolve({ ticket, resumed: socket.isSessionReused() })
      socket.destroy()
    })
  })
}

test(
  'machines that share a file of keys take each other’s tickets, also after it has changed',
  { timeout: 120_000 },
  async () => {
    const { cert, key } = await makeCertificate({ names: ['www.test'] })
    const [one, two] = [randomBytes(48).toString('base64'), randomBytes(48).toString('base64')]
    const { pem, keys } = files({ pem: cert + key, keys: `${one}\n` })
    const server = await startServer(answering('hello'))
    const start = (shared: Record<string, unknown>): Promise<WeirProcess> =>
      startWeir(
        JSON.stringify({
          global: { workers: 2, admin: 'off', control_socket: 'CONTROL', overload: { loop_delay: '0s' }, ...shared },
          frontends: { web: { bind: '127.0.0.1:0', tls: pem, backend: 'app' } },
          backends: { app: { health_check: 'off', servers: [`127.0.0.1:${server.port}`] } },
        }),
      )
    const [a, b, alone] = [await start({ ticket_keys: keys }), await start({ ticket_keys: keys }), await start({})]
    const { ticket } = await visit(a)
    for (let n = 0; n < 6; n++) expect((await visit(b, ticket)).resumed, 'on every worker of the other').toBe(true)
    expect((await visit(alone, ticket)).resumed).toBe(false)
    expect((await visit(b, (await visit(alone)).ticket)).resumed).toBe(false)

    writeFileSync(keys, `${two}\n${one}\n`)
    const both = (weir: WeirProcess): boolean => weir.log().includes('2 keys of session tickets')
    await eventually('the new file read by both', () => both(a) && both(b), 20_000)
    for (let n = 0; n < 6; n++) expect((await visit(b, ticket)).resumed, 'with the old key').toBe(true)
    const second = await visit(b, ticket)
    expect(second.ticket.equals(ticket), 'a resumed session brings a ticket of its own').toBe(false)
    expect((await visit(a, second.ticket)).resumed).toBe(true)
    const renewed = await visit(b)
    writeFileSync(keys, `${two}\n`)
    await eventually(
      'the old key gone',
      () => [a, b].every((weir) => weir.log().split('1 key of session').length > 2),
      20_000,
    )
    for (let n = 0; n < 6; n++) expect((await visit(a, renewed.ticket)).resumed, 'with the new key').toBe(true)
    expect((await visit(a, ticket)).resumed).toBe(false)
    for (const secret of [one, two]) expect(a.log()).not.toContain(secret)
  },
)
