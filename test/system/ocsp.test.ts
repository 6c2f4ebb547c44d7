// OCSP from end to end: a responder of OpenSSL's, Weir, and a client of OpenSSL's that asks for a staple.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { eventually, pause } from '../support/peers.ts'
import { ocspAuthority } from '../support/ocsp.ts'
import { files, folder, program, run, startWeir } from '../support/programs.ts'

const openssl = program('openssl')

/** What `openssl s_client -status` prints of a handshake. */
async function handshake(port: number, ca: string): Promise<string> {
  const trusted = files({ 'ca.pem': ca })['ca.pem']
  const args = ['-connect', `127.0.0.1:${port}`, '-servername', 'www.test', '-CAfile', trusted, '-status', '-no_ticket']
  return (await run(openssl!, ['s_client', ...args])).stdout
}

test.skipIf(openssl === null)(
  'an answer of the responder that the certificate names is stapled; a revoked one is not, and that is said',
  { timeout: 60_000 },
  async () => {
    const authority = await ocspAuthority()
    const good = await authority.issue('www.test')
    const revoked = await authority.issue('revoked.test')
    const plain = await authority.issue('plain.test')
    await authority.revoke('revoked.test')
    await authority.respond('-nmin', '60')
    const paths = files({
      'good.pem': good.cert + good.key,
      'revoked.pem': revoked.cert + revoked.key,
      'plain.pem': plain.cert + plain.key,
    })
    const weir = await startWeir(`
global: { workers: 2, admin: off, control_socket: CONTROL, overload: { loop_delay: 0s } }
frontends:
  web: { bind: '127.0.0.1:0', tls: '${paths['good.pem']}', backend: app }
  old: { bind: '127.0.0.1:0', tls: '${paths['revoked.pem']}', backend: app }
  without: { bind: '127.0.0.1:0', tls: { certificate: '${paths['plain.pem']}', ocsp: off }, backend: app }
backends:
  app: { health_check: off, servers: ['127.0.0.1:1'] }
`)
    await eventually('a staple and a warning', () => /is stapled to/.test(weir.log()) && /is revoked/.test(weir.log()))
    const stapled = (): Promise<string> => handshake(weir.port('web'), authority.ca)
    let said = await stapled()
    for (let n = 0; n < 40 && !said.includes('OCSP Response Status'); n++) said = await pause(50).then(stapled)
    expect(said).toContain('OCSP Response Status: successful')
    expect(said).toContain('Cert Status: good')
    expect(said).toContain('Verify return code: 0 (ok)')
    for (let n = 0; n < 6; n++) expect(await stapled(), 'on every worker').toContain('Cert Status: good')
    expect(await handshake(weir.port('old'), authority.ca)).toContain('OCSP response: no response sent')
    expect(await handshake(weir.port('without'), authority.ca)).toContain('OCSP response: no response sent')
    expect(weir.log()).not.toMatch(/OCSP[^\n]*plain\.pem/)
  },
)

test.skipIf(openssl === null)(
  'a restart staples what it had, though the responder is down',
  { timeout: 60_000 },
  async () => {
    const authority = await ocspAuthority()
    const { cert, key } = await authority.issue('www.test')
    const end = await authority.respond('-nmin', '60')
    const { pem } = files({ pem: cert + key })
    const store = folder()
    const yaml = `
global: { workers: 2, admin: off, control_socket: CONTROL, certificate_store: '${store}' }
frontends:
  web: { bind: '127.0.0.1:0', tls: '${pem}', backend: app }
backends:
  app: { health_check: off, servers: ['127.0.0.1:1'] }
`
    const first = await startWeir(yaml)
    const kept = join(store, '.ocsp')
    await eventually('kept', () => existsSync(kept) && readdirSync(kept).some((name) => name.endsWith('.der')), 20_000)
    first.signal('SIGKILL')
    await first.exit
    await end()
    const second = await startWeir(yaml)
    const stapled = async (): Promise<boolean> =>
      (await handshake(second.port('web'), authority.ca)).includes('Cert Status: good')
    for (let n = 0; n < 40 && !(await stapled()); n++) await pause(50) // a start waits for it, but not for ever
    for (let n = 0; n < 6; n++) expect(await stapled(), 'on every worker').toBe(true)
  },
)
