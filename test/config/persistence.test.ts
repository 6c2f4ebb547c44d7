// `persistence`: its three ways, what is filled in, and the key of the cookie, which nothing else may show.
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CookieConfig, PersistenceConfig } from '../../src/config/config.ts'
import { formatProblems } from '../../src/config/format.ts'
import { parseConfig } from '../../src/config/load.ts'
import { makeCertificate } from '../support/certificates.ts'
import { around, check, problemsOf, valid } from './support.ts'

let folder: string
/** Bytes that are no UTF-8, as keys are. */
const secret = Buffer.from('fffefdfc000102030405060708090a0b', 'hex')
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weir-persistence-'))
  const { cert, key } = await makeCertificate({ names: ['a.test'] })
  writeFileSync(join(folder, 'site.pem'), cert + key)
  writeFileSync(join(folder, 'cookie.key'), secret)
  writeFileSync(join(folder, 'short.key'), 'hunter2-hunter2')
})
afterAll(() => rmSync(folder, { recursive: true }))

const persistence = (text: string, frontend = ''): PersistenceConfig | null =>
  valid(around({ backend: `persistence: ${text}`, frontend }), {}, folder).backends[0]!.persistence
const cookie = (text: string, frontend = ''): CookieConfig => persistence(`{cookie: ${text}}`, frontend)!.cookie!
const sha256 = (content: string | Buffer) => new Uint8Array(createHash('sha256').update(content).digest())
const part = { prefix4: 32, prefix6: 64, depth: 0, length: 0 }

describe('ways', () => {
  test('a name alone is a cookie of this name', () => {
    expect(persistence('SRV')).toEqual(persistence('{cookie: SRV}'))
    expect(persistence('SRV')).toEqual(persistence('{cookie: {name: SRV, mode: insert}}'))
    expect(persistence('off')).toBeNull()
  })

  test('a cookie has what is sensible filled in', () => {
    const { key, ...rest } = cookie('SRV')
    expect(rest).toEqual({
      name: 'SRV',
      mode: 'insert',
      indirect: true,
      nocache: true,
      httponly: true,
      path: '/',
      maxIdle: 0,
      maxLife: 0,
      secure: false,
      samesite: 'Lax',
      domain: null,
    })
    expect(key).toHaveLength(32)
  })

  test('a cookie of the application, and a table by a key', () => {
    expect(persistence('{app_cookie: JSESSIONID}')).toEqual({
      strict: false,
      cookie: null,
      table: { by: [], cookie: 'JSESSIONID', entries: 100_000, idle: 10_800_000 },
    })
    expect(persistence('{table: [header:X-User, client], entries: 64, strict: true}')).toEqual({
      strict: true,
      cookie: null,
      table: {
        by: [
          { ...part, source: 'header', name: 'x-user' },
          { ...part, source: 'client', name: '' },
        ],
        cookie: null,
        entries: 64,
        idle: 1_800_000,
      },
    })
    expect(persistence('{table: sni, idle: 1m}', 'mode: tcp')!.table).toMatchObject({ idle: 60_000 })
  })

  test.each(['on', 'cookie', 'client', 'table', '"a b"', '""'])(
    '%s is neither a way nor the name of a cookie',
    (word) => {
      expect(check(around({ backend: `persistence: ${word}` }))).toEqual(['2:55 BAD_VALUE'])
    },
  )
})

describe('secure', () => {
  test('where clients come by TLS alone, unless it is said', () => {
    expect(cookie('SRV', 'tls: site.pem').secure).toBe(true)
    expect(cookie('{name: SRV, secure: false}', 'tls: site.pem').secure).toBe(false)
    expect(cookie('{name: SRV, secure: true, samesite: none}').samesite).toBe('None')
    expect(cookie('{name: SRV, samesite: none}', 'tls: site.pem')).toMatchObject({ samesite: 'None', secure: true })
  })

  test('one bind without TLS is enough to say no', () => {
    const text = `frontends: {web: {bind: [":80", {address: ":443", tls: site.pem}], backend: app}}
backends: {app: {servers: [a:1], persistence: SRV}}`
    expect(valid(text, {}, folder).backends[0]!.persistence!.cookie!.secure).toBe(false)
  })
})

describe('the key', () => {
  test('follows from the name of the backend, or from the bytes of a file', () => {
    expect(cookie('SRV').key).toEqual(sha256('weir cookie app'))
    expect(cookie('{name: SRV, key_file: cookie.key}').key).toEqual(sha256(secret))
  })

  test('is in no message, whatever is wrong with its file', () => {
    for (const file of ['short.key', 'none.key', '.']) {
      const text = around({ backend: `persistence: {cookie: {name: SRV, key_file: ${file}}}` })
      const loaded = parseConfig(text, join(folder, 'weir.yaml'))
      expect(problemsOf(loaded)).toHaveLength(1)
      for (const format of ['text', 'json'] as const)
        expect(formatProblems(problemsOf(loaded), loaded.sources, format)).not.toContain('hunter')
    }
  })
})
