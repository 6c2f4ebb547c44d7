// OCSP from end to end: a responder of OpenSSL's, Weir, and a client of OpenSSL's that asks for a staple.
import { expect, test } from 'vitest'
import { eventually, pause } from '../support/peers.ts'
import { ocspAuthority } from '../support/ocsp.ts'
import { files, program, run, startWeir } from '../support/programs.ts'

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
