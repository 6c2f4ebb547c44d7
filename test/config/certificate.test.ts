// What `weir check` finds out about certificates and keys from their text alone.
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { readCertificate, validityAt, type Certificate } from '../../src/config/certificate.ts'
import { makeAuthority, makeCertificate, type CertificateAndKey } from '../support/certificates.ts'

let root: CertificateAndKey
let intermediate: CertificateAndKey
let leaf: CertificateAndKey
let rsa: CertificateAndKey

beforeAll(async () => {
  root = await makeAuthority()
  intermediate = await makeAuthority({ names: ['Weir test intermediate'], ca: root })
  leaf = await makeCertificate({ names: ['Example.com', '*.example.com', '127.0.0.1', '::1'], ca: intermediate })
  rsa = await makeCertificate({ names: ['rsa.test'], keyType: 'rsa' })
})

function read(certPem: string, keyPem?: string): Certificate {
  const result = readCertificate({ certPem, keyPem })
  if ('problem' in result) throw new Error(result.problem)
  return result
}

function problem(certPem: string, keyPem?: string): string {
  const result = readCertificate({ certPem, keyPem })
  return 'problem' in result ? result.problem : 'none'
}

const subjects = (pem: string): (string | undefined)[] =>
  (pem.match(/-----BEGIN[^]+?-----END CERTIFICATE-----/g) ?? []).map((block) => new X509Certificate(block).subject)

describe('what is read', () => {
  test('names are those of the leaf, lower-cased, addresses included', () => {
    expect(read(leaf.cert, leaf.key).names).toEqual(['example.com', '*.example.com', '127.0.0.1', '::1'])
  })

  test('the key type is told apart', () => {
    expect(read(leaf.cert, leaf.key).keyType).toBe('ec')
    expect(read(rsa.cert, rsa.key).keyType).toBe('rsa')
  })

  test('one combined text does, its blocks in any order, and comes out leaf first', () => {
    const parts = [leaf.key, root.cert, leaf.cert, intermediate.cert]
    for (let turn = 0; turn < parts.length; turn++) {
      const { cert, key } = read([...parts.slice(turn), ...parts.slice(0, turn)].join('some text between\r\n'))
      expect(subjects(cert)).toEqual(['CN=Example.com', 'CN=Weir test intermediate', 'CN=Weir test authority'])
      expect(createPrivateKey(key).equals(createPrivateKey(leaf.key))).toBe(true)
    }
  })

  test('parameters beside the key are passed over', () => {
    const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n'
    expect(read(leaf.cert, parameters + leaf.key).key).toBe(leaf.key)
  })

  test('old forms of keys are read', () => {
    const pkcs1 = createPrivateKey(rsa.key).export({ type: 'pkcs1', format: 'pem' })
    const sec1 = createPrivateKey(leaf.key).export({ type: 'sec1', format: 'pem' })
    expect(read(rsa.cert + pkcs1).keyType).toBe('rsa')
    expect(read(sec1 + leaf.cert).keyType).toBe('ec')
  })

  test('validity has both ends', async () => {
    const from = new Date(Date.UTC(2026, 0, 1))
    const certificate = await makeCertificate({ names: ['a.test'], from, days: 2 })
    const spec = read(certificate.cert, certificate.key)
    expect(validityAt(spec, Date.UTC(2025, 11, 31))).toBe('not yet valid')
    expect(validityAt(spec, Date.UTC(2026, 0, 2))).toBe('valid')
    expect(validityAt(spec, Date.UTC(2026, 0, 4))).toBe('expired')
  })
})

describe('what is refused', () => {
  test('text that is not PEM', () => {
    expect(problem('hello', leaf.key)).toMatch(/certificate is not PEM/)
    expect(problem(leaf.cert, 'hello')).toMatch(/key is not PEM/)
  })

  test('a PEM without certificate or without key', () => {
    expect(problem(leaf.key)).toMatch(/no certificate/)
    expect(problem(leaf.cert)).toMatch(/no private key/)
  })

  test('certificate and key swapped, with a word on it', () => {
    expect(problem(leaf.key, leaf.cert)).toMatch(/swap/)
  })

  test('a key that belongs to another certificate, which is named', () => {
    expect(problem(leaf.cert, root.key)).toBe('The private key does not belong to the certificate (Example.com).')
  })

  test('an encrypted key, in both forms', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const secret = { format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' } as const
    for (const type of ['pkcs8', 'sec1'] as const) {
      expect(problem(leaf.cert, privateKey.export({ type, ...secret }))).toMatch(/is encrypted/)
    }
  })

  test('several keys, of which it is not said which one is meant', () => {
    expect(problem(leaf.cert, leaf.key + rsa.key)).toMatch(/2 private keys/)
  })

  test('damaged blocks', () => {
    expect(problem(leaf.cert.replace(/\n..../, '\nAAAA'), leaf.key)).toMatch(/Certificate 1 of 1 .* damaged/)
    expect(problem(leaf.cert, leaf.key.replace(/\n..../, '\nAAAA'))).toMatch(/private key is damaged/)
  })

  test('a request in place of a certificate', () => {
    const request = leaf.cert.replaceAll('CERTIFICATE', 'CERTIFICATE REQUEST')
    expect(problem(request, leaf.key)).toMatch(/only a request/)
  })

  test('a problem never shows a part of the key', () => {
    const secret = leaf.key.split('\n')[1]!
    for (const text of [problem(rsa.cert, leaf.key), problem(leaf.key), problem(leaf.key, leaf.cert)]) {
      expect(text).not.toContain(secret.slice(0, 12))
    }
  })
})
