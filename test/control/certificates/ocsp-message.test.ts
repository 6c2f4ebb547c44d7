// Questions and answers of OCSP against the responder of OpenSSL: what it makes of ours, and what we make of its.
import { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import {
  OcspError,
  readAnswer,
  requestFor,
  subjectOf,
  type OcspSubject,
} from '../../../src/control/certificates/ocsp-message.ts'
import { makeAuthority, makeCertificate } from '../../support/certificates.ts'
import { ocspAuthority } from '../../support/ocsp.ts'
import { program } from '../../support/programs.ts'

const withOpenssl = test.skipIf(program('openssl') === null)

async function answerTo(subject: OcspSubject): Promise<Uint8Array> {
  const body = await requestFor(subject)
  const headers = { 'content-type': 'application/ocsp-request' }
  const answer = await fetch(subject.responder, { method: 'POST', headers, body: Buffer.from(body) })
  return new Uint8Array(await answer.arrayBuffer())
}

withOpenssl(
  'an answer of the issuer is taken, with its times, be the certificate good, revoked or unknown',
  async () => {
    const authority = await ocspAuthority()
    const good = subjectOf((await authority.issue('good.test')).cert)!
    const bad = subjectOf((await authority.issue('bad.test')).cert)!
    await authority.revoke('bad.test')
    await authority.respond('-nmin', '120')
    expect(good.responder).toBe(`http://127.0.0.1:${authority.port}/`)
    const now = Date.now()
    const der = await answerTo(good)
    const answer = await readAnswer(der, good, now)
    expect(answer.status).toBe('good')
    expect(Math.abs(answer.thisUpdate - now)).toBeLessThan(60_000)
    expect(answer.nextUpdate! - answer.thisUpdate).toBe(120 * 60_000)
    expect((await readAnswer(await answerTo(bad), bad, now)).status).toBe('revoked')

    await expect(readAnswer(der, bad, now)).rejects.toThrow('about another certificate')
    await expect(readAnswer(der, good, now + 121 * 60_000)).rejects.toThrow('out of date')
    await expect(readAnswer(der, good, now - 10 * 60_000)).rejects.toThrow('from the future')
  },
)

withOpenssl(
  'an answer need not say until when it is good, and may be signed by whom the issuer has named',
  async () => {
    const authority = await ocspAuthority()
    const subject = subjectOf((await authority.issue('www.test')).cert)!
    const signer = await authority.delegate()
    for (const by of [[], ['-resp_key_id']]) {
      const end = await authority.respond(...signer, ...by)
      expect(await readAnswer(await answerTo(subject), subject, Date.now())).toMatchObject({
        status: 'good',
        nextUpdate: null,
      })
      await end()
    }
  },
)

withOpenssl('a certificate that signs but is not named for that is not believed, nor is a stranger', async () => {
  const authority = await ocspAuthority()
  const subject = subjectOf((await authority.issue('www.test')).cert)!
  await authority.issue('other.test')
  const other = [`-rsigner`, authority.path('other.test.pem'), '-rkey', authority.path('other.test.key')]
  let end = await authority.respond(...other)
  await expect(readAnswer(await answerTo(subject), subject, Date.now())).rejects.toThrow('has not named')
  await end()

  const stranger = await ocspAuthority()
  await stranger.delegate()
  end = await authority.respond('-rsigner', stranger.path('responder.pem'), '-rkey', stranger.path('responder.key'))
  await expect(readAnswer(await answerTo(subject), subject, Date.now())).rejects.toThrow('has not named')
  await end()
})

withOpenssl(
  'no bit of what an answer says can be changed, and no beginning of one is taken for an answer',
  async () => {
    const authority = await ocspAuthority()
    const subject = subjectOf((await authority.issue('www.test')).cert)!
    await authority.respond('-nmin', '60')
    const der = await answerTo(subject)
    const now = Date.now()
    const said = await readAnswer(der, subject, now)
    for (let at = 0; at < der.length; at += 7) {
      const changed = Uint8Array.from(der)
      changed[at]! ^= 0x10
      const found = await readAnswer(changed, subject, now).catch((error: Error) => error)
      if (found instanceof Error) continue
      // What is not signed may differ: what the answer is wrapped in, and the certificates that came with it.
      expect(found, `byte ${at}`).toEqual(said)
    }
    for (let length = 0; length < der.length; length += 11) {
      await expect(readAnswer(der.slice(0, length), subject, now)).rejects.toThrow(Error)
    }
  },
)

test('what a responder says in place of an answer comes out in words', async () => {
  const authority = await makeAuthority()
  const { cert } = await makeCertificate({ names: ['www.test'], ca: authority })
  const [leaf, issuer] = [cert, authority.cert].map((pem) => new X509Certificate(pem)) as [
    X509Certificate,
    X509Certificate,
  ]
  const subject = { responder: 'http://127.0.0.1:1/', leaf, issuer }
  const refused = (status: number): Uint8Array => Uint8Array.of(0x30, 0x03, 0x0a, 0x01, status)
  await expect(readAnswer(refused(3), subject, 0)).rejects.toThrow('tried later')
  await expect(readAnswer(refused(6), subject, 0)).rejects.toThrow('does not answer for this certificate')
  await expect(readAnswer(refused(77), subject, 0)).rejects.toThrow(OcspError)
  await expect(readAnswer(Buffer.from('<html>'), subject, 0)).rejects.toThrow('no OCSP response')
})

test('there is nothing to ask where no responder is named, or where the issuer is not in the chain', async () => {
  const authority = await makeAuthority()
  const { cert } = await makeCertificate({ names: ['www.test'], ca: authority })
  expect(subjectOf(cert + authority.cert)).toBeNull()
  expect(subjectOf('')).toBeNull()
})

withOpenssl('without the issuer in the chain nothing is asked', async () => {
  const authority = await ocspAuthority()
  const { cert } = await authority.issue('www.test')
  expect(subjectOf(cert)).not.toBeNull()
  expect(subjectOf(cert.slice(0, cert.indexOf(authority.ca)))).toBeNull()
})
