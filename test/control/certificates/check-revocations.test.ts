// Revocation lists that a configuration names: they are read, and one that is past its end is told of before it keeps everybody out.
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { parseConfig } from '../../../src/config/load.ts'
import { checkRevocationLists } from '../../../src/control/certificates/check-revocations.ts'
import { places, problemsOf } from '../../config/support.ts'
import { makeAuthority, makeCertificate } from '../../support/certificates.ts'
import { files, program } from '../../support/programs.ts'
import { revocationList } from '../../support/revocations.ts'

const openssl = program('openssl')

/** @param next when the next list comes, as openssl takes it; null: in a month */
async function folderWithList(next: string | null): Promise<string> {
  const authority = await makeAuthority()
  const site = await makeCertificate({ names: ['site.test'] })
  const times = next === null ? undefined : ['-crl_lastupdate', '20200101000000Z', '-crl_nextupdate', next]
  const list = await revocationList(openssl!, authority, [], times)
  const paths = files({ 'ca.pem': authority.cert, 'site.pem': site.cert + site.key, 'list.pem': list })
  const folder = dirname(paths['ca.pem'])
  return folder
}

const auth = '{ certificate: site.pem, client_auth: { ca: ca.pem, crl: list.pem } }'
const shared = `frontends: { web: { bind: ':443', backend: app, tls: ${auth} } }
backends: { app: { servers: ['10.0.0.1:80'] } }`
const own = `frontends: { web: { bind: [{ address: ':443', tls: ${auth} }], backend: app } }
backends: { app: { servers: ['10.0.0.1:80'] } }`

test.skipIf(openssl === null)('a list that has time left is taken, and nothing is said', async () => {
  const folder = await folderWithList(null)
  const loaded = await checkRevocationLists(parseConfig(shared, join(folder, 'weir.yaml')))
  expect(problemsOf(loaded)).toEqual([])
  expect(loaded.config!.frontends[0]!.binds[0]!.tls!.clientAuth!.crl).toContain('BEGIN X509 CRL')
})

test.skipIf(openssl === null)('a list that is past its end is a warning, wherever it is named', async () => {
  const folder = await folderWithList('20200201000000Z')
  for (const text of [shared, own]) {
    const loaded = await checkRevocationLists(parseConfig(text, join(folder, 'weir.yaml')))
    expect(places(loaded)).toEqual([`1:${text.indexOf('list.pem') + 1} UNWISE_TLS`])
    expect(problemsOf(loaded)[0]!.message).toContain('past its end, 2020-02-01')
  }
})

test('what holds no configuration is handed back as it is', async () => {
  const loaded = parseConfig('frontends: {}', 'weir.yaml')
  expect(await checkRevocationLists(loaded)).toBe(loaded)
})
