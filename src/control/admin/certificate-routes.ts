// The routes of the control socket for certificates. What cannot be done is answered as elsewhere ({error, expected, nearest}),
// with a `code` for programs besides. Neither keys nor passphrases are in any answer, nor in the log.
//
//   GET  /v1/certificates                 all of them: {certificates, uses, problems}
//   GET  /v1/certificates/NAME            one, with its versions
//   GET  /v1/certificates/acme            how orders stand
//   POST /v1/certificates/NAME/put        {cert, key, chain?, passphrase?, canary?, for?, path?, force?}: a new one, or a new version
//   POST /v1/certificates/NAME/rollback   {version?, force?}
//   POST /v1/certificates/NAME/remove
//   POST /v1/certificates/use             {frontend, port?, name}; name null: as the configuration says
import { parseDuration } from '../../config/quantities.ts'
import { ms, type Millis } from '../../model/units.ts'
import { listCertificates, showCertificate } from '../certificates/catalogue.ts'
import type { CertificateManager, PutWish } from '../certificates/manager.ts'
import { Refusal } from '../certificates/refusal.ts'
import type { CertificateInfo } from '../certificates/types.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Who } from '../runtime/who.ts'
import { json, type Call, type Route } from './http.ts'
import { get, post } from './route.ts'

/** How long a certificate on trial has to do well, unless said. */
const TRIAL = ms(600_000)
const LONGEST_TRIAL = ms(86_400_000)

type Body = Call['body']

export function certificateRoutes(runtime: Runtime): readonly Route[] {
  const manager = (): CertificateManager => {
    const { certificates } = runtime.operator
    if (certificates === null) throw new Refusal(501, 'no_store', 'this Weir has no store of certificates')
    return certificates
  }
  return [
    get(/^\/v1\/certificates$/, () => listCertificates(manager().catalogue)),
    get(/^\/v1\/certificates\/acme$/, () => ({ orders: runtime.operator.acme?.() ?? [] })),
    get(/^\/v1\/certificates\/([^/]+)$/, ({ groups }) => showCertificate(manager().catalogue, groups[0]!)),
    post(/^\/v1\/certificates\/use$/, async ({ body }, who) => {
      const { frontend, port, name } = useOf(body)
      const done = await manager().use({ frontend, port }, name, who.text)
      const words = name === null ? 'the certificates of its configuration' : `the certificate ${name}`
      for (const bind of done.binds) runtime.report(who, `${bind} serves ${words}`, { bind, certificate: name })
      return done
    }),
    post(/^\/v1\/certificates\/([^/]+)\/put$/, async ({ groups, body }, who) => {
      const wish = putOf(body)
      const done = await manager().put(groups[0]!, wish, who.text)
      if (done.changed) reportPut(runtime, who, done.certificate)
      return done
    }),
    post(/^\/v1\/certificates\/([^/]+)\/rollback$/, async ({ groups, body }, who) => {
      const done = await manager().rollback(groups[0]!, { version: versionOf(body), force: body.force === true })
      const { name, version } = done.certificate
      const fields = { certificate: name, version, from: done.from }
      runtime.report(who, `the certificate ${name} went back from version ${done.from} to ${version}`, fields)
      return done
    }),
    post(/^\/v1\/certificates\/([^/]+)\/remove$/, async ({ groups }, who) => {
      const done = await manager().remove(groups[0]!)
      runtime.report(who, `the certificate ${done.removed} was removed`, { certificate: done.removed })
      return done
    }),
  ].map(withCodes)
}

/** Answers a refusal itself, because that has a code. */
const withCodes = (route: Route): Route => ({
  ...route,
  answer: async (call) => {
    try {
      return await route.answer(call)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      const { status, message, expected, nearest, code } = error
      return json(status, { error: message, expected, nearest, code })
    }
  },
})

function reportPut(runtime: Runtime, who: Who, certificate: CertificateInfo): void {
  const { name, version, fingerprint, notAfter, names, canary } = certificate
  const trial = canary === null ? '' : `, on trial for ${canary} % of the handshakes`
  const words = `the certificate ${name} was put as version ${version} (${names.slice(0, 3).join(', ')}, until ${notAfter.slice(0, 10)})${trial}`
  runtime.report(who, words, { certificate: name, version, fingerprint, notAfter, canary })
}

function putOf(body: Body): PutWish {
  const { cert, key, chain, passphrase, canary } = body
  return {
    certPem: textOf('cert', cert) ?? missing('cert', 'the certificate, as PEM'),
    keyPem: textOf('key', key) ?? missing('key', 'its private key, as PEM'),
    chainPem: textOf('chain', chain),
    passphrase: textOf('passphrase', passphrase),
    force: body.force === true,
    path: textOf('path', body.path) ?? null,
    trial: canary === undefined || canary === null ? null : { share: shareOf(canary), span: spanOf(body.for) },
  }
}

function useOf({ frontend, port = null, name }: Body) {
  if (typeof frontend !== 'string') return missing('frontend', 'the name of a frontend')
  if (port !== null && !(typeof port === 'number' && Number.isInteger(port)))
    return missing('port', 'the number of a port, or nothing')
  if (name !== null && typeof name !== 'string') return missing('name', 'the name of a certificate, or null')
  return { frontend, port, name }
}

function versionOf({ version = null }: Body): number | null {
  if (version === null || (typeof version === 'number' && Number.isInteger(version))) return version
  return missing('version', 'the number of a version, or nothing')
}

function textOf(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  return typeof value === 'string' ? value : missing(name, 'a text')
}

/** '5%' or 5: percent of the handshakes. @returns 0 to 1 */
function shareOf(written: unknown): number {
  const percent = typeof written === 'string' ? Number(/^(\d+(?:\.\d+)?)\s*%?$/.exec(written)?.[1] ?? NaN) : written
  if (typeof percent === 'number' && percent > 0 && percent < 100) return percent / 100
  return missing('canary', 'a share of the handshakes: more than 0 % and less than 100 %')
}

function spanOf(written: unknown): Millis {
  if (written === undefined || written === null) return TRIAL
  const span = typeof written === 'string' ? parseDuration(written) : written
  if (typeof span === 'number' && span > 0 && span <= LONGEST_TRIAL) return ms(span)
  return missing('for', 'a span of time up to 24h, such as "10m"')
}

function missing(name: string, expected: string): never {
  throw new Refusal(422, 'bad_request', `${name} is missing, or not what it should be`, expected)
}
