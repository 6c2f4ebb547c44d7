// Revocation lists that a configuration names: they are read, and one that is past its end is told of before it keeps everybody out.
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { parseConfig } from '../../../src/config/load.ts'
import { checkRevocationLists } from '../../../src/control/certificates/check-revocations.ts'
import { places, problemsOf } from '../../config/support.ts'
import { makeAuthority, makeCertificate } from '../../support/certificates.ts'
import { files, program, run } from '../../support/programs.ts'

const openssl = program('openssl')

/** @param next when the next list comes, as openssl takes it; null: in a month */
async function folderWithList(next: string | null): Promise<string> {
  const authority = await makeAuthority()
  const site = await makeCertificate({ names: ['site.test'] })
  const paths = files({
    'ca.pem': authority.cert,
    'ca.key': authority.key,
    'site.pem': site.cert + site.key,
    'index.txt': '',
    number: '1000\n',
    'crl.cnf': '',
  })
  const config = ['[ca]', 'default_ca = own', '[own]', 'default_md = sha256', 'default_crl_days = 30']
  config.push(`database = ${paths['index.txt']}`, `crlnumber = ${paths.number}`, '')
  writeFileSync(paths['crl.cnf'], config.join('\n'))
  const times = next === null ? [] : ['-crl_lastupdate', '20200101000000Z', '-crl_nextupdate', next]
  const own = ['-config', paths['crl.cnf'], '-keyfile', paths['ca.key'], '-cert', paths['ca.pem']]
  const made = await run(openssl!, ['ca', '-gencrl', ...own, ...times])
  expect(made.stdout, made.stderr).toContain('BEGIN X509 CRL')
  const folder = dirname(paths['ca.pem'])
  writeFileSync(join(folder, 'list.pem'), made.stdout)
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
