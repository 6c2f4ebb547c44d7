// TLS of binds: where certificates come from, what a profile stands for, who is asked for a certificate, who is passed on. Each
// form of an option that means the same comes to the same.
import { createPrivateKey } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer } from 'node:tls'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Config } from '../../src/config/config.ts'
import type { TlsConfig } from '../../src/config/config-tls.ts'
import { makeAuthority, makeCertificate, type CertificateAndKey } from '../support/certificates.ts'
import { check, valid } from './support.ts'

let folder: string
let leaf: CertificateAndKey
let authority: CertificateAndKey

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weir-tls-'))
  authority = await makeAuthority()
  leaf = await makeCertificate({ names: ['a.test', '*.b.test'], ca: authority })
  const other = await makeCertificate({ names: ['A.test'] })
  const rsa = await makeCertificate({ names: ['a.test'], keyType: 'rsa' })
  const key = createPrivateKey(leaf.key)
  const secret = { format: 'pem', cipher: 'aes-256-cbc', passphrase: 'se cret' } as const
  const files = {
    'a.pem': leaf.cert + leaf.key,
    'a.crt': leaf.cert,
    'a.key': leaf.key,
    'pkcs8.key': key.export({ type: 'pkcs8', ...secret }),
    'sec1.key': key.export({ type: 'sec1', ...secret }),
    'secret.txt': 'se cret\n',
    'wrong.txt': 'secret\n',
    'ca.pem': authority.cert,
    'other.pem': other.cert + other.key,
    'rsa.pem': rsa.cert + rsa.key,
    'text.pem': 'hello',
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  mkdirSync(join(folder, 'many'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const acme = 'acme: {agree_tos: true, dns: {server: 127.0.0.1}}'
const around = (tls: string, more = ''): string =>
  `frontends: {web: {bind: ":443", tls: ${tls}, backend: app${more}}}\nbackends: {app: {servers: [a:1]}, raw: {mode: tcp, servers: [b:1]}}`
/** With `raw` in use. */
const used = (tls: string, more = ''): string =>
  `${around(tls, more)}\n`.replace('frontends: {', 'frontends: {raw: {mode: tcp, bind: ":81", backend: raw}, ')
const config = (text: string): Config => valid(text, {}, folder)
const tls = (form: string, more = '', top = ''): TlsConfig => {
  const { frontends } = config(used(form, more) + top)
  return frontends.find(({ name }) => name === 'web')!.binds[0]!.tls!
}
const withOptions = (options: string, more = ''): TlsConfig => tls(`{certificate: a.pem, ${options}}`, more)

describe('certificates', () => {
  const sources = (form: string, top = '') => tls(`{certificate: ${form}}`, '', top).certificates

  test('files: in one, in parts, and with a key that is encrypted, in both forms', () => {
    const plain = sources('a.pem')
    expect(plain).toMatchObject([
      { kind: 'file', path: join(folder, 'a.pem'), certificate: { names: ['a.test', '*.b.test'] } },
    ])
    expect(sources('{cert: a.pem}')).toEqual(plain)
    for (const form of ['{cert: a.crt, key: a.key}', '[{cert: a.crt, key: a.key}]'])
      expect(sources(form)).toMatchObject([{ path: join(folder, 'a.crt'), certificate: { key: leaf.key } }])
    for (const key of ['pkcs8.key', 'sec1.key']) {
      const [source] = sources(`{cert: a.crt, key: ${key}, passphrase_file: secret.txt}`)
      if (source?.kind !== 'file') throw new Error('no file')
      const opened = createPrivateKey(source.certificate.key) // which takes no passphrase
      expect(opened.equals(createPrivateKey(leaf.key)), key).toBe(true)
    }
  })

  test('a chain of its own comes behind the certificate', () => {
    const [source] = sources('{cert: a.crt, key: a.key, chain: ca.pem}')
    expect(source).toMatchObject({ certificate: { cert: leaf.cert + authority.cert } })
  })

  test('a folder, a name in the store, and names that are ordered', () => {
    expect(sources('{folder: many}')).toEqual([{ kind: 'folder', path: join(folder, 'many') }])
    expect(sources('{store: shop}')).toEqual([{ kind: 'store', name: 'shop' }])
    const one = { kind: 'acme', names: ['www.a.test'], challenge: 'http-01', keyType: 'ec' }
    for (const form of ['WWW.a.test', '[www.a.test]', '[www.a.test, WWW.A.test]'])
      expect(sources(`{acme: ${form}}`, acme), form).toEqual([one])
    expect(sources('{acme: ["*.a.test", a.test], challenge: dns-01, key_type: rsa}', acme)).toEqual([
      { kind: 'acme', names: ['*.a.test', 'a.test'], challenge: 'dns-01', keyType: 'rsa' },
    ])
  })

  test('several of different kinds keep their order', () => {
    const kinds = sources('[{store: shop}, a.pem, {folder: many}]').map(({ kind }) => kind)
    expect(kinds).toEqual(['store', 'file', 'folder'])
  })
})

describe('versions and ciphers', () => {
  test('the default is intermediate, in the words of the data plane', () => {
    const expected = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3', ciphers: null, groups: null }
    expect(withOptions('')).toMatchObject(expected)
    expect(withOptions('profile: intermediate')).toMatchObject(expected)
  })

  test('modern is TLS 1.3 alone, old begins with 1.0', () => {
    expect(withOptions('profile: modern')).toMatchObject({
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
      ciphers: null,
    })
    const old = withOptions('profile: old')
    expect(old).toMatchObject({ minVersion: 'TLSv1', maxVersion: 'TLSv1.3' })
    expect(old.ciphers).toMatch(/^TLS_AES_128_GCM_SHA256:.*:ECDHE-ECDSA-AES128-GCM-SHA256:.*:AES256-SHA:@SECLEVEL=0$/)
  })

  test('no profile has a cipher without authentication, with MD5, RC4, 3DES or DHE', () => {
    expect(withOptions('profile: old').ciphers).not.toMatch(/NULL|ADH|AECDH|MD5|RC4|DES|(^|:)DHE/)
  })

  test('what is said goes before the profile', () => {
    expect(withOptions('min_version: TLSv1.3')).toMatchObject({ minVersion: 'TLSv1.3', ciphers: null })
    expect(withOptions('profile: old, min_version: TLSv1.1').minVersion).toBe('TLSv1.1')
    expect(withOptions('profile: modern, min_version: TLSv1.2')).toMatchObject({ minVersion: 'TLSv1.2', ciphers: null })
    expect(withOptions('groups: "P-256:X25519"').groups).toBe('P-256:X25519')
  })

  test('a list of ciphers of one kind leaves the other kind as it is', () => {
    const suites = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256'
    const only12 = 'ECDHE-RSA-AES128-GCM-SHA256'
    expect(withOptions(`ciphers: ${only12}`).ciphers).toBe(`${suites}:${only12}`)
    expect(withOptions(`ciphers: ${only12}, max_version: TLSv1.2`).ciphers).toBe(only12)
    expect(withOptions('ciphers: TLS_AES_128_GCM_SHA256').ciphers).toMatch(/^TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-/)
    expect(withOptions('ciphers: TLS_AES_128_GCM_SHA256, min_version: TLSv1.3').ciphers).toBe('TLS_AES_128_GCM_SHA256')
    const both = `TLS_AES_256_GCM_SHA384:${only12}`
    expect(withOptions(`ciphers: "${both}"`).ciphers).toBe(both)
  })

  test.each([
    ['TLSv1', ''],
    ['TLSv1.1', ''],
    ['TLSv1', ', ciphers: ECDHE-ECDSA-AES128-SHA'],
    ['TLSv1.2', ', ciphers: ECDHE-ECDSA-AES128-SHA'],
    ['TLSv1.3', ', ciphers: ECDHE-ECDSA-AES128-SHA'],
  ] as const)('old: a client of %s is served%s', async (version, more) => {
    const { minVersion, maxVersion, ciphers } = withOptions(`profile: old${more}`)
    const server = createServer({ cert: leaf.cert, key: leaf.key, minVersion, maxVersion, ciphers: ciphers! })
    server.listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    const options = { port, host: '127.0.0.1', minVersion: version, maxVersion: version, rejectUnauthorized: false }
    const client = connect({ ...options, ...(version < 'TLSv1.2' ? { ciphers: 'ALL:@SECLEVEL=0' } : {}) })
    onTestFinished(() => void client.destroy())
    await new Promise((resolve, reject) => client.once('secureConnect', resolve).once('error', reject))
    expect(client.getProtocol()).toBe(version)
  })
})

test('what is on and off', () => {
  expect(withOptions('')).toMatchObject({
    strictSni: false,
    tickets: true,
    ocsp: true,
    maxHandshakes: 1024,
    hsts: null,
  })
  for (const off of ['off', 'false'])
    expect(withOptions(`tickets: ${off}, ocsp: ${off}, hsts: ${off}`)).toMatchObject({
      tickets: false,
      ocsp: false,
      hsts: null,
    })
  for (const on of ['on', 'true', '{}', '{max_age: 730d}'])
    expect(withOptions(`hsts: ${on}`).hsts, on).toBe('max-age=63072000')
  expect(withOptions('sni: strict, tickets: on, ocsp: true, max_handshakes: 0')).toMatchObject({
    strictSni: true,
    tickets: true,
    ocsp: true,
    maxHandshakes: 0,
  })
  expect(withOptions('hsts: {max_age: 365d, include_subdomains: true, preload: true}').hsts).toBe(
    'max-age=31536000; includeSubDomains; preload',
  )
  expect(withOptions('hsts: {max_age: 0s}').hsts).toBe('max-age=0')
})

describe('client certificates', () => {
  const clientAuth = (text: string, more = '') => withOptions(`client_auth: {ca: ca.pem${text}}`, more).clientAuth

  test('defaults, and every option', () => {
    expect(clientAuth('')).toEqual({
      mode: 'required',
      ca: authority.cert,
      crl: null,
      depth: 2,
      fields: 'x-client-cert',
    })
    expect(clientAuth(', mode: optional, depth: 0, headers: off')).toMatchObject({
      mode: 'optional',
      depth: 0,
      fields: null,
    })
    expect(withOptions('').clientAuth).toBeNull()
  })

  test('the fields go by the names of their kinds', () => {
    expect(clientAuth(', headers: weir')!.fields).toBe('x-client-cert')
    expect(clientAuth(', headers: pound')!.fields).toBe('x-ssl')
    expect(clientAuth(', headers: standard')!.fields).toBe('client-cert')
    expect(clientAuth(', headers: chain')!.fields).toBe('client-cert-chain')
  })

  test('where servers are told of the chain there are no tickets', () => {
    const { tickets } = withOptions('client_auth: {ca: ca.pem, headers: chain}')
    expect(tickets).toBe(false)
    expect(withOptions('client_auth: {ca: ca.pem, headers: standard}').tickets).toBe(true)
  })

  test('in tcp mode there are no fields', () => {
    const text =
      'frontends: {web: {mode: tcp, bind: ":443", tls: {certificate: a.pem, client_auth: {ca: ca.pem}}, backend: app}}'
    const [frontend] = config(`${text}\nbackends: {app: {servers: [a:1]}}`).frontends
    expect(frontend!.binds[0]!.tls!.clientAuth!.fields).toBeNull()
    expect(frontend!.binds[0]!.tls!.alpn).toEqual([])
  })
})

describe('passthrough', () => {
  const rules = (text: string) => tls(`{certificate: a.pem, passthrough: ${text}}`).passthrough

  test('one rule or a list, names and protocols alone or in lists', () => {
    const expected = [{ names: ['x.test'], protocols: [], backend: 'raw' }]
    for (const form of ['{sni: X.test, backend: raw}', '[{sni: [x.test], backend: raw}]'])
      expect(rules(form), form).toEqual(expected)
    expect(rules('[{sni: "*.x.test", alpn: [h2, h3], backend: raw}, {alpn: acme-tls/1, backend: raw}]')).toEqual([
      { names: ['*.x.test'], protocols: ['h2', 'h3'], backend: 'raw' },
      { names: [], protocols: ['acme-tls/1'], backend: 'raw' },
    ])
    expect(withOptions('').passthrough).toEqual([])
  })

  test('a backend that is named by a rule alone is one of tcp mode, and in use', () => {
    const text = around('{certificate: a.pem, passthrough: {sni: x.test, backend: raw}}').replace('mode: tcp, ', '')
    expect(check(text, {}, folder)).toEqual([])
    expect(config(text).backends.map(({ mode }) => mode)).toEqual(['http', 'tcp'])
  })
})

describe('a backend of a bind', () => {
  const binds = (text: string, more = '') =>
    `frontends: {web: {bind: ${text}${more}}}\nbackends: {app: {servers: [a:1]}, secure: {tls: true, servers: [b:1]}}`

  test('is that of what comes in there; the others have the one of the frontend', () => {
    const text = binds('[":80", {address: ":443", tls: a.pem, backend: secure}]', ', backend: app')
    expect(check(text, {}, folder)).toEqual([])
    expect(config(text).frontends[0]).toMatchObject({
      backend: 'app',
      binds: [{ backend: null }, { backend: 'secure' }],
    })
  })

  test('when each bind has one, the frontend needs none', () => {
    const all = binds('[{address: ":80", backend: app}, {address: ":81", backend: secure}]')
    expect(config(all).frontends[0]!.backend).toBeNull()
    expect(check(binds('[{address: ":80", backend: app}, ":81"]', ', routes: []'))).toContain('1:13 MISSING')
  })

  test('must be there, and be of the mode of the frontend', () => {
    expect(check(binds('{address: ":80", backend: ap}', ', backend: app'))).toEqual(['1:51 UNKNOWN_BACKEND'])
    const tcp = binds('[":80", {address: ":81", backend: secure}]', ', backend: app').replace(
      'secure: {',
      'secure: {mode: tcp, ',
    )
    expect(check(tcp)).toEqual(['1:59 MODE_CONFLICT'])
  })
})

describe('problems', () => {
  const lines = (options: string, more = ''): string => `frontends:
  web:
    bind: :443
    backend: app
    tls:
      ${options}
${more}backends:
  app: { servers: ['10.0.0.1:80'] }
  raw: { mode: tcp, servers: ['10.0.0.2:80'] }
`
  const raw = '  raw: { mode: tcp, bind: ":81", backend: raw }\n'
  const certificate = (form: string, top = ''): string => lines(`certificate: ${form}`, raw) + top
  const option = (text: string): string => lines(`{ certificate: a.pem, ${text} }`, raw)

  const cases: readonly (readonly [string, () => string, readonly string[]])[] = [
    ['two sources in one map', () => certificate('{ cert: a.pem, folder: many }'), ['6:35 BAD_VALUE']],
    ['options of another source', () => certificate('{ folder: many, key: a.key }'), ['6:36 BAD_VALUE']],
    ['a challenge for a file', () => certificate('{ cert: a.pem, challenge: http-01 }'), ['6:35 BAD_VALUE']],
    ['no source', () => certificate('{ key: a.key }'), ['6:20 MISSING']],
    ['a folder that is not there', () => certificate('{ folder: none }'), ['6:30 UNREADABLE_FILE']],
    ['a folder that is a file', () => certificate('{ folder: a.pem }'), ['6:30 UNREADABLE_FILE']],
    ['a file that is a folder', () => certificate('many'), ['6:20 UNREADABLE_FILE']],
    ['a name that the store cannot have', () => certificate('{ store: a/b }'), ['6:29 BAD_NAME']],
    ['a source that is misspelt', () => certificate('{ fodler: many }'), ['6:20 MISSING', '6:22 UNKNOWN_KEY']],
    ['an encrypted key', () => certificate('{ cert: a.crt, key: sec1.key }'), ['6:40 BAD_CERTIFICATE']],
    [
      'a wrong passphrase',
      () => certificate('{ cert: a.crt, key: pkcs8.key, passphrase_file: wrong.txt }'),
      ['6:68 BAD_CERTIFICATE'],
    ],
    ['a passphrase for nothing', () => certificate('{ cert: a.pem, passphrase_file: secret.txt }'), ['6:52 NO_EFFECT']],
    ['a chain that is none', () => certificate('{ cert: a.pem, chain: text.pem }'), ['6:42 BAD_CERTIFICATE']],
    ['the chain of another', () => certificate('{ cert: other.pem, chain: ca.pem }'), ['6:46 BAD_CERTIFICATE']],
    ['one name twice', () => certificate('[a.pem, other.pem]'), ['6:28 UNWISE_TLS']],
    ['one name with two kinds of keys', () => certificate('[a.pem, rsa.pem]'), []],
    ['a key beside a folder', () => lines('{ certificate: { folder: many }, key: a.key }', raw), ['6:40 BAD_VALUE']],
    ['an order without authority', () => certificate('{ acme: a.test }'), ['6:22 MISSING']],
    ['an order of an address', () => certificate('{ acme: 10.0.0.1 }', acme), ['6:28 BAD_VALUE']],
    ['an order without port 80', () => certificate('{ acme: a.test }', acme), ['6:22 UNWISE_TLS']],
    [
      'a wildcard by another challenge than dns-01',
      () => certificate('{ acme: "*.a.test", challenge: tls-alpn-01 }', acme),
      ['6:51 BAD_VALUE'],
    ],
    [
      'dns-01 without a way to make records',
      () => certificate('{ acme: a.test, challenge: dns-01 }', 'acme: {agree_tos: true}'),
      ['6:47 MISSING'],
    ],
    ['a profile that is misspelt', () => option('profile: modren'), ['6:38 BAD_VALUE']],
    ['an old version with a new profile', () => option('min_version: TLSv1.1'), ['6:42 OUT_OF_RANGE']],
    ['a version that there is not', () => option('min_version: SSLv3'), ['6:42 BAD_VALUE']],
    [
      'a version that the profile has not',
      () => option('profile: modern, max_version: TLSv1.2'),
      ['6:59 OUT_OF_RANGE'],
    ],
    ['a suite that there is not', () => option('ciphers: TLS_NONE'), ['6:38 BAD_VALUE']],
    ['a group that there is not', () => option('groups: "X25519:P-255"'), ['6:37 BAD_VALUE']],
    ['strictness that there is not', () => option('sni: strickt'), ['6:34 BAD_VALUE']],
    ['too many handshakes', () => option('max_handshakes: 70000'), ['6:45 OUT_OF_RANGE']],
    ['tickets that are neither on nor off', () => option('tickets: maybe'), ['6:38 BAD_VALUE']],
    ['HSTS for a list that does not take it', () => option('hsts: { preload: true }'), ['6:37 UNWISE_TLS']],
    ['HSTS without its unit', () => option('hsts: { max_age: 63072000 }'), ['6:46 BAD_DURATION']],
    [
      'HSTS in tcp mode',
      () => option('hsts: on').replace('bind: :443', 'mode: tcp').replace('    backend', '    bind: :443\n    backend'),
      ['7:29 NO_EFFECT'],
    ],
    [
      'fields in tcp mode',
      () =>
        option('client_auth: { ca: ca.pem, headers: weir }')
          .replace('bind: :443', 'mode: tcp')
          .replace('    backend', '    bind: :443\n    backend'),
      ['7:56 NO_EFFECT'],
    ],
    [
      'tickets where servers are told of the chain',
      () => option('tickets: on, client_auth: { ca: ca.pem, headers: chain }'),
      ['6:29 NO_EFFECT'],
    ],
    ['clients of nobody', () => option('client_auth: { mode: required }'), ['6:29 MISSING']],
    ['an authority that is none', () => option('client_auth: { ca: text.pem }'), ['6:48 BAD_CERTIFICATE']],
    [
      'a revocation list that is none',
      () => option('client_auth: { ca: ca.pem, crl: ca.pem }'),
      ['6:61 BAD_CERTIFICATE'],
    ],
    ['too deep', () => option('client_auth: { ca: ca.pem, depth: 11 }'), ['6:63 OUT_OF_RANGE']],
    ['a rule for everything', () => option('passthrough: { backend: raw }'), ['6:42 MISSING']],
    ['a rule for an address', () => option('passthrough: { sni: 10.0.0.1, backend: raw }'), ['6:49 BAD_VALUE']],
    ['a rule to nowhere', () => option('passthrough: { sni: x.test, backend: row }'), ['6:66 UNKNOWN_BACKEND']],
    [
      'a rule to a backend of requests',
      () => option('passthrough: { sni: x.test, backend: app }'),
      ['6:66 MODE_CONFLICT'],
    ],
    [
      'a rule behind a wider one',
      () => option('passthrough: [{ sni: "*.x.test", backend: raw }, { sni: a.x.test, alpn: h2, backend: raw }]'),
      ['6:78 UNREACHABLE_ROUTE'],
    ],
  ]

  test.each(cases)('%s: found where it stands', (_, text, expected) => {
    expect(check(text(), {}, folder)).toEqual(expected)
  })
})
