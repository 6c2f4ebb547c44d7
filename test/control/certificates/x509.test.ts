// Keys, requests and certificates that Weir makes itself, as Node and OpenSSL read them.
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { Certificate, CertificationRequest } from 'pkijs'
import { expect, test } from 'vitest'
import {
  certificateRequest,
  certify,
  challengeCertificate,
  generateKey,
  renewalIdentifier,
  selfSigned,
} from '../../../src/control/certificates/x509.ts'
import { files, program, run } from '../../support/programs.ts'

const openssl = program('openssl')

test('a placeholder is for all of its names, signed by itself, and valid now', async () => {
  const { cert, key } = await selfSigned(['a.test', '*.a.test', '10.0.0.1', '::1', 'fd00::1:2'], { days: 3 })
  const read = new X509Certificate(cert)
  expect(read.subjectAltName).toBe(
    'DNS:a.test, DNS:*.a.test, IP Address:10.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:FD00:0:0:0:0:0:1:2',
  )
  expect(read.checkPrivateKey(createPrivateKey(key))).toBe(true)
  expect(read.verify(read.publicKey)).toBe(true)
  expect(read.subject).toBe('CN=a.test')
  expect(read.ca).toBe(false)
  expect(read.validFromDate.getTime()).toBeLessThan(Date.now())
  expect(Math.abs(read.validToDate.getTime() - Date.now() - 3 * 86_400_000)).toBeLessThan(60_000)
})

test('a name that is too long for a common name stands among the alternative names alone', async () => {
  const name = `${'a'.repeat(63)}.weir.test`
  const read = new X509Certificate((await selfSigned([name])).cert)
  expect(read.subject || '').toBe('')
  expect(read.checkHost(name)).toBe(name)
})

test.skipIf(openssl === null).each(['ec', 'rsa'] as const)(
  'OpenSSL takes a request with a key of type %s',
  async (type) => {
    const request = certificateRequest(['a.test', '*.b.test'], await generateKey(type)).toString('base64')
    const pem = [
      '-----BEGIN CERTIFICATE REQUEST-----',
      ...request.match(/.{1,64}/g)!,
      '-----END CERTIFICATE REQUEST-----',
      '',
    ].join('\n')
    const { stdout, stderr } = await run(openssl!, ['req', '-verify', '-noout', '-text'], pem)
    expect(stderr).toContain('verify OK')
    expect(stdout).toContain('DNS:a.test, DNS:*.b.test')
  },
)

test.each(['ec', 'rsa'] as const)('a request is signed with its key, of type %s', async (type) => {
  const request = CertificationRequest.fromBER(certificateRequest(['a.test'], await generateKey(type)))
  expect(await request.verify()).toBe(true)
})

test.skipIf(openssl === null).each([
  ['ec', 'ec'],
  ['rsa', 'ec'],
  ['ec', 'rsa'],
] as const)('OpenSSL trusts what an authority (%s) has signed (%s), by the letter', async (authorityType, type) => {
  const span = { from: new Date(Date.now() - 1000), to: new Date('2070-01-01') } // past the year in which dates change their form
  const authorityKey = await generateKey(authorityType)
  const authority = certify({ ...span, commonName: 'Authority', names: [], authority: true, key: authorityKey })
  const issuer = { cert: authority, key: authorityKey }
  const leaf = certify({ ...span, commonName: 'a.test', names: ['a.test'], key: await generateKey(type), issuer })
  const written = files({ 'ca.pem': authority, 'leaf.pem': leaf })
  const { stdout } = await run(openssl!, ['verify', '-x509_strict', '-CAfile', written['ca.pem'], written['leaf.pem']])
  expect(stdout).toContain('leaf.pem: OK')
})

test('a challenge is answered by the digest of the key authorization, in an extension that is critical', async () => {
  const { cert } = await challengeCertificate('a.test', 'token.thumbprint')
  const read = Certificate.fromBER(new X509Certificate(cert).raw)
  const extension = read.extensions!.find(({ extnID }) => extnID === '1.3.6.1.5.5.7.1.31')!
  const digest = createHash('sha256').update('token.thumbprint').digest()
  expect(extension.critical).toBe(true)
  expect(Buffer.from(extension.extnValue.valueBlock.valueHexView)).toEqual(Buffer.concat([Buffer.of(0x04, 32), digest]))
  expect(new X509Certificate(cert).subjectAltName).toBe('DNS:a.test')
})

// RFC 9773, section 4.1, has this certificate as its example, and the identifier that follows from it.
test('the identifier of a renewal is that of the RFC', () => {
  expect(renewalIdentifier(example)).toBe('aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE')
})

const example = `-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
`
