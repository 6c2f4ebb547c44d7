// What `weir check` finds out about certificates and keys from their text alone.
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { certify } from '../../src/control/certificates/x509.ts'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  readCertificate as readAny,
  validityAt,
  type Certificate,
  type CertificateText,
} from '../../src/config/certificate.ts'
import type { KnownIssuers } from '../../src/config/certificate-chain.ts'
import { certificateProblems, type CertificateProblemCode } from '../../src/config/certificate-problem.ts'
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

const seen = new Set<CertificateProblemCode>()
/** Notes the codes, so that the last test can tell which ones no test provokes. */
function readCertificate(text: CertificateText): ReturnType<typeof readAny> {
  const result = readAny(text)
  if ('problem' in result) seen.add(result.code)
  return result
}

function read(certPem: string, keyPem?: string): Certificate {
  const result = readCertificate({ certPem, keyPem })
  if ('problem' in result) throw new Error(result.problem)
  return result
}

function problem(certPem: string, keyPem?: string): string {
  const result = readCertificate({ certPem, keyPem })
  return 'problem' in result ? result.problem : 'none'
}

/** The authority `known`, with its key, signed by another one. */
function crossSign(known: CertificateAndKey, other: CertificateAndKey): string {
  const span = { from: new Date(Date.now() - 3_600_000), to: new Date(Date.now() + 86_400_000) }
  return certify({
    ...span,
    commonName: 'Weir test intermediate',
    names: [],
    authority: true,
    key: known.key,
    issuer: other,
  })
}

function code(text: CertificateText): CertificateProblemCode | 'none' {
  const result = readCertificate(text)
  return 'problem' in result ? result.code : 'none'
}

/** A key, encrypted with `secret`, in PKCS#8 and in the old form. */
const encrypted = (pem = leaf.key): string[] =>
  (['pkcs8', 'sec1'] as const).map((type) =>
    createPrivateKey(pem).export({ type, format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' }),
  )

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

  test('a chain may come apart, in any order, and with what is there already', () => {
    const expected = ['CN=Example.com', 'CN=Weir test intermediate', 'CN=Weir test authority']
    const { cert: certPem, key: keyPem } = leaf
    const inOrder = intermediate.cert + root.cert
    expect(readCertificate({ certPem, keyPem, chainPem: inOrder })).toMatchObject({
      mended: false,
      missingIssuer: null,
    })
    for (const chainPem of [root.cert + intermediate.cert, certPem + inOrder, inOrder + intermediate.cert]) {
      const found = readCertificate({ certPem, keyPem, chainPem }) as Certificate
      expect(found.mended).toBe(true)
      expect(subjects(found.cert)).toEqual(expected)
    }
    expect(read(root.cert + certPem + intermediate.cert, keyPem).mended).toBe(true)
    expect(read(certPem, keyPem).mended).toBe(false)
  })

  test('an authority that is there twice, cross-signed, belongs to the chain both times', async () => {
    const other = await makeAuthority({ names: ['Another authority'] })
    const crossed = crossSign(intermediate, other)
    const found = read(leaf.cert + intermediate.cert + crossed + root.cert, leaf.key)
    expect(subjects(found.cert)).toHaveLength(4)
    expect(found.mended).toBe(false)
  })

  test('an issuer that is missing is named', () => {
    expect(read(leaf.cert, leaf.key)).toMatchObject({ missingIssuer: 'Weir test intermediate', issuerOnline: false })
    expect(read(leaf.cert + intermediate.cert, leaf.key).missingIssuer).toBeNull()
    expect(read(rsa.cert, rsa.key).missingIssuer).toBeNull() // it has signed itself
  })

  test('a key that is encrypted is opened, in both forms', () => {
    for (const keyPem of encrypted()) {
      const found = readCertificate({ certPem: leaf.cert, keyPem, passphrase: 'secret' }) as Certificate
      expect(found.opened).toBe(true)
      expect(createPrivateKey(found.key).equals(createPrivateKey(leaf.key))).toBe(true)
    }
    expect(readCertificate({ certPem: leaf.cert, keyPem: leaf.key, passphrase: 'x' })).toMatchObject({ opened: false })
  })

  test('many are read like one', () => {
    const texts = [
      { certPem: leaf.cert + intermediate.cert + leaf.key },
      { certPem: 'x' },
      { certPem: rsa.cert + rsa.key },
    ]
    const known: KnownIssuers = new Map()
    expect(texts.map((text) => readAny(text, known))).toEqual(texts.map((text) => readCertificate(text)))
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

  test('an encrypted key without its passphrase, or with another, in both forms', () => {
    for (const keyPem of encrypted()) {
      expect(problem(leaf.cert, keyPem)).toMatch(/is encrypted/)
      expect(code({ certPem: leaf.cert, keyPem, passphrase: 'other' })).toBe('wrong_passphrase')
      expect(code({ certPem: leaf.cert, keyPem, passphrase: '' })).toBe('wrong_passphrase')
    }
  })

  test('an encrypted key of another certificate', () => {
    for (const keyPem of encrypted(root.key))
      expect(code({ certPem: leaf.cert, keyPem, passphrase: 'secret' })).toBe('key_mismatch')
  })

  test('a certificate in the chain that has issued none of the others', () => {
    const text = { certPem: rsa.cert + rsa.key, chainPem: root.cert }
    expect(readCertificate(text)).toMatchObject({
      code: 'stray_certificate',
      about: 'chain',
      problem: 'Weir test authority has issued none of the other certificates.',
    })
    expect(readCertificate({ certPem: rsa.cert + root.cert, keyPem: rsa.key })).toMatchObject({ about: 'certificate' })
  })

  test('certificates of two servers, also where both have the key', async () => {
    expect(code({ certPem: leaf.cert + rsa.cert, keyPem: leaf.key })).toBe('several_leaves')
    expect(code({ certPem: rsa.cert + rsa.key, chainPem: leaf.cert })).toBe('several_leaves')
    const renewed = await makeCertificate({ names: ['rsa.test'], keyType: 'rsa' })
    expect(code({ certPem: rsa.cert + renewed.cert, keyPem: renewed.key })).toBe('several_leaves')
  })

  test('a key that is too short for OpenSSL', () => {
    const pem = { type: 'pkcs8', format: 'pem' } as const
    const key = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export(pem)
    const span = { from: new Date(Date.now() - 3_600_000), to: new Date(Date.now() + 86_400_000) }
    const cert = certify({ ...span, commonName: 'weak.test', names: ['weak.test'], key })
    const found = readCertificate({ certPem: cert, keyPem: key })
    expect(found).toMatchObject({ code: 'refused', problem: expect.stringMatching(/too small/) as string })
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

test('every code has a test that provokes it', () => {
  expect(Object.keys(certificateProblems).filter((each) => !seen.has(each as CertificateProblemCode))).toEqual([])
})
