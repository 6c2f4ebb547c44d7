// The authority that certificates are ordered from, TLS to servers, and the secrets in files of their own.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { AcmeConfig } from '../../src/config/config-tls.ts'
import { loadConfig, parseConfig } from '../../src/config/load.ts'
import { fromBase64 } from '../../src/config/secrets.ts'
import { makeAuthority, makeCertificate, type CertificateAndKey } from '../support/certificates.ts'
import { check, problemsOf, valid } from './support.ts'

let folder: string
let authority: CertificateAndKey
let own: CertificateAndKey

/** 32 bytes, in both alphabets of base64. */
const secret = Buffer.alloc(32, 0xfb)
const key48 = (byte: number): string => Buffer.alloc(48, byte).toString('base64')

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weir-acme-'))
  authority = await makeAuthority()
  own = await makeCertificate({ names: ['weir.test'] })
  const files = {
    'ca.pem': authority.cert,
    'own.pem': own.cert + own.key,
    'own.crt': own.cert,
    'own.key': own.key,
    'eab.key': `${secret.toString('base64url')}\n`,
    'tsig.key': secret.toString('base64'),
    'tsig.conf': `key "weir" {\n  algorithm hmac-sha512;\n  secret "${secret.toString('base64')}";\n};\n`,
    'bad.key': 'not base64!',
    'tickets.txt': `# shared by all\n${key48(1)}\n\n${key48(2)}\n`,
    'short.txt': `${key48(1)}\n${Buffer.alloc(32).toString('base64')}\n`,
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  writeFileSync(join(folder, 'hook.sh'), '#!/bin/sh\n', { mode: 0o755 })
  writeFileSync(join(folder, 'data.sh'), '#!/bin/sh\n', { mode: 0o644 })
})
afterAll(() => rmSync(folder, { recursive: true }))

const base = `frontends:
  web:
    bind: [{ address: ':80', tls: off }, ':443']
    tls: { certificate: { acme: a.test } }
    backend: app
backends:
  app: { servers: ['10.0.0.1:80'] }
`
const withAcme = (text: string): string => `${base}acme: { agree_tos: true${text && `, ${text}`} }\n`
const acme = (text: string): AcmeConfig => valid(withAcme(text), {}, folder).acme!

describe('the authority', () => {
  test('everything has a default but the agreement', () => {
    expect(acme('')).toEqual({
      directory: 'https://acme-v02.api.letsencrypt.org/directory',
      email: null,
      ca: null,
      eab: null,
      dns: null,
      preferredChain: null,
      profile: null,
    })
    expect(valid(base.replace('{ certificate: { acme: a.test } }', 'own.pem'), {}, folder).acme).toBeNull()
  })

  test('in a folder of files, it comes together option by option', () => {
    const parts = mkdtempSync(join(tmpdir(), 'weir-acme-parts-'))
    onTestFinished(() => rmSync(parts, { recursive: true }))
    writeFileSync(join(parts, 'a.yaml'), withAcme('profile: classic'))
    writeFileSync(join(parts, 'b.yaml'), 'acme: { email: a@b.test, dns: { server: 10.0.0.1 } }')
    const loaded = loadConfig(parts, {})
    expect(problemsOf(loaded)).toEqual([])
    expect(loaded.config!.acme).toMatchObject({ profile: 'classic', email: 'a@b.test', dns: { kind: 'update' } })
  })

  test('directories have names, or are URLs', () => {
    expect(acme('directory: letsencrypt-staging').directory).toMatch(/^https:\/\/acme-staging-v02\./)
    expect(acme('directory: "https://127.0.0.1:14000/dir", ca: ca.pem')).toMatchObject({
      directory: 'https://127.0.0.1:14000/dir',
      ca: authority.cert,
    })
  })

  test('the key of an account elsewhere comes from its file', () => {
    const { eab, ...rest } = acme(
      'email: a@b.test, eab: {key_id: k-1, key_file: eab.key}, preferred_chain: ISRG Root X1, profile: shortlived',
    )
    expect(eab!.keyId).toBe('k-1')
    expect(Buffer.from(eab!.key).equals(secret)).toBe(true)
    expect(rest).toMatchObject({ email: 'a@b.test', preferredChain: 'ISRG Root X1', profile: 'shortlived' })
  })

  test('records are made by updates, signed or not, or by a program', () => {
    const update = { kind: 'update', server: '10.0.0.53:53', zone: null, key: null, wait: 10_000 }
    for (const server of ['10.0.0.53', '"10.0.0.53:53"']) expect(acme(`dns: {server: ${server}}`).dns).toEqual(update)
    expect(acme('dns: {server: "::1", zone: A.test., wait: 0s}').dns).toEqual({
      ...update,
      server: '[::1]:53',
      zone: 'a.test',
      wait: 0,
    })
    for (const [file, algorithm] of [
      ['tsig.key', 'hmac-sha256'],
      ['tsig.conf', 'hmac-sha512'],
    ]) {
      const { dns } = acme(`dns: {server: "ns.test:5353", key_name: Weir., key_file: ${file}, algorithm: ${algorithm}}`)
      expect(dns).toMatchObject({ server: 'ns.test:5353', key: { name: 'weir', algorithm } })
      expect(dns!.kind === 'update' && Buffer.from(dns!.key!.secret).equals(secret)).toBe(true)
    }
    expect(acme('dns: {hook: hook.sh, wait: 1m}').dns).toEqual({
      kind: 'hook',
      path: join(folder, 'hook.sh'),
      wait: 60_000,
    })
  })

  test.each([
    ['no agreement', `${base}acme: {}\n`, ['8:1 MISSING']],
    ['a refusal', `${base}acme: { agree_tos: false }\n`, ['8:20 BAD_VALUE']],
    [
      'nothing that is ordered',
      `${base.replace('{ acme: a.test }', 'own.pem')}acme: { agree_tos: true }\n`,
      ['8:1 NO_EFFECT'],
    ],
    ['a directory without TLS', withAcme('directory: "http://a.test/"'), ['8:37 BAD_VALUE']],
    ['a name of a directory that there is not', withAcme('directory: letsencript'), ['8:37 BAD_VALUE']],
    ['a mail address that is none', withAcme('email: me'), ['8:33 BAD_VALUE']],
    ['half an account', withAcme('eab: {key_id: k}'), ['8:26 MISSING']],
    ['a key that is none', withAcme('eab: {key_id: k, key_file: bad.key}'), ['8:53 BAD_SECRET']],
    ['records by nobody', withAcme('dns: {wait: 1s}'), ['8:31 MISSING']],
    ['records by two', withAcme('dns: {hook: hook.sh, server: 10.0.0.1}'), ['8:47 BAD_VALUE']],
    ['a program that may not be run', withAcme('dns: {hook: data.sh}'), ['8:38 UNREADABLE_FILE']],
    ['a program that is not there', withAcme('dns: {hook: none.sh}'), ['8:38 UNREADABLE_FILE']],
    ['a name of a key without the key', withAcme('dns: {server: 10.0.0.1, key_name: k}'), ['8:50 MISSING']],
    ['a secret that is none', withAcme('dns: {server: 10.0.0.1, key_name: k, key_file: bad.key}'), ['8:73 BAD_SECRET']],
    ['a server that is none', withAcme('dns: {server: "http://a.test"}'), ['8:40 BAD_ADDRESS']],
    ['http-01 without port 80', withAcme('').replace("':80'", "':8080'"), ['4:27 UNWISE_TLS']],
    ['http-01 with TLS alone', withAcme('').replace(', tls: off', ''), ['4:27 UNWISE_TLS']],
    [
      'tls-alpn-01 without port 443',
      withAcme('').replace("':443'", "':8443'").replace('a.test }', 'a.test, challenge: tls-alpn-01 }'),
      ['4:52 UNWISE_TLS'],
    ],
  ] as const)('%s: found where it stands', (_, text, expected) => {
    expect(check(text, {}, folder)).toEqual(expected)
  })
})

describe('keys of session tickets', () => {
  const global = (text: string) => `${base.replace('{ acme: a.test }', 'own.pem')}global: {${text}}\n`
  const keys = (text: string) => valid(global(text), {}, folder).global.ticketKeys

  test('a file of keys, or how often one is made', () => {
    const file = join(folder, 'tickets.txt')
    for (const form of ['tickets.txt', '{file: tickets.txt}']) expect(keys(`ticket_keys: ${form}`).file).toBe(file)
    expect(keys('ticket_keys: {rotation: 1h}')).toEqual({ file: null, rotation: 3_600_000 })
    expect(valid(global('certificate_store: certs'), {}, folder).global.certificateStore).toBe(join(folder, 'certs'))
  })

  test('problems say the line, and nothing of a key', () => {
    const loaded = parseConfig(global('ticket_keys: short.txt'), join(folder, 'weir.yaml'))
    const [problem] = problemsOf(loaded)
    expect(problem).toMatchObject({ code: 'BAD_SECRET', line: 8, column: 23 })
    expect(problem!.message).toContain('line 2 has 32 bytes, not 48')
    expect(problem!.message).not.toMatch(/[A-Za-z0-9+/]{20}/)
    expect(check(global('ticket_keys: none.txt'), {}, folder)).toEqual(['8:23 UNREADABLE_FILE'])
    expect(check(global('ticket_keys: {file: tickets.txt, rotation: 1h}'), {}, folder)).toEqual(['8:43 NO_EFFECT'])
    expect(check(global('ticket_keys: {rotation: 1s}'), {}, folder)).toEqual(['8:34 OUT_OF_RANGE'])
  })

  test('base64 is read in both alphabets, and nothing else is', () => {
    expect(fromBase64('-_-_')).toEqual(fromBase64('+/+/'))
    expect(fromBase64(' AQI= \n')).toEqual(new Uint8Array([1, 2]))
    for (const text of ['', 'A', 'AAAAA', '+/-_', 'AQ I=']) expect(fromBase64(text), text).toBeNull()
  })
})

describe('TLS to servers', () => {
  const servers = (tls: string, list = '[a:1]') =>
    valid(
      `frontends: {web: {bind: ":80", backend: app}}\nbackends: {app: {tls: ${tls}, servers: ${list}}}`,
      {},
      folder,
    ).backends[0]!.servers.map((server) => server.tls!)
  const problems = (tls: string): string[] =>
    check(`frontends: {web: {bind: ":80", backend: app}}\nbackends: {app: {tls: ${tls}, servers: [a:1]}}`, {}, folder)
  const pin = Buffer.alloc(32, 7).toString('base64')
  const next = Buffer.alloc(32, 8).toString('base64')

  test('pins are one or a list, as tools write them', () => {
    for (const form of [pin, `[${pin}]`, `"sha256//${pin}"`, `sha256/${pin}`])
      expect(servers(`{pin: ${form}}`)[0]!.pins, form).toEqual([pin])
    expect(servers(`{pin: [${pin}, ${next}]}`)[0]!.pins).toEqual([pin, next])
    expect(servers(`{pin: ${pin}}`, `[{address: b:1, tls: {pin: ${next}}}]`)[0]!.pins).toEqual([next])
  })

  test('what Weir shows of itself, in all forms of files', () => {
    for (const form of [
      'certificate: own.pem',
      'certificate: own.crt, key: own.key',
      'certificate: {cert: own.crt, key: own.key}',
      'certificate: {cert: own.pem}',
    ])
      expect(servers(`{${form}}`)[0]!.certificate, form).toEqual({ cert: own.cert, key: own.key })
    expect(servers('true')[0]!.certificate).toBeNull()
    const [inherited] = servers('{certificate: own.pem}', '[{address: b:1, tls: {server_name: b.test}}]')
    expect(inherited).toMatchObject({ serverName: 'b.test', certificate: { cert: own.cert } })
  })

  test.each([
    ['{pin: abc}', ['2:29 BAD_VALUE']],
    [`{pin: [${pin}, ${pin.replace('=', '')}]}`, ['2:76 BAD_VALUE']],
    ['{certificate: ca.pem}', ['2:37 BAD_CERTIFICATE']],
    ['{certificate: none.pem}', ['2:37 UNREADABLE_FILE']],
    ['{certificate: {key: own.key}}', ['2:24 MISSING']],
    ['{certificate: {cert: own.pem, key: own.key}, key: own.key}', ['2:68 BAD_VALUE']],
    ['{key: own.key}', ['2:24 MISSING']],
    ['{certificate: own.crt, key: tsig.key}', ['2:51 BAD_CERTIFICATE']],
  ])('%s: found where it stands', (tls, expected) => {
    expect(problems(tls)).toEqual(expected)
  })
})
