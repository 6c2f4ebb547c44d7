// Metrics of the certificates that are served. There may be ten thousand of them: those that end first are listed, and counted are all.
import type { View } from '../view.ts'
import { counter, gauge, type Metric } from './metric.ts'
import type { HeldCertificate } from '../certificates/types.ts'

/** Certificates with lines of their own, at most. */
const LISTED = 100

const labels = ['name', 'kind'] as const

/** Those that end first. Names need not be unique (one with ECDSA, one with RSA): of several the one that ends first counts. */
function each(view: View, visit: (certificate: HeldCertificate) => void): void {
  const seen = new Set<string>()
  for (const certificate of view.upkeep().first(LISTED)) {
    const key = `${certificate.kind} ${certificate.name}`
    if (!seen.has(key)) visit(certificate)
    seen.add(key)
  }
}

export const certificateMetrics: readonly Metric[] = [
  gauge('weir_certificates', 'Certificates that are served; placeholders do not count.', [], (view, put) =>
    put(view.upkeep().size),
  ),
  gauge(
    'weir_certificate_not_after_seconds',
    `When the certificate ends, in seconds since the epoch; of the ${LISTED} that end first.`,
    labels,
    (view, put) => each(view, ({ name, kind, notAfter }) => put(notAfter / 1000, name, kind)),
  ),
  gauge(
    'weir_certificate_staple_age_seconds',
    'Age of the OCSP answer that is stapled, by its own date; absent where none is.',
    labels,
    (view, put) =>
      each(view, ({ name, kind, spec }) => {
        const { state, thisUpdate } = view.upkeep().ocsp(spec.id)
        if (state === 'stapled') put(Math.max(0, Date.now() - thisUpdate!) / 1000, name, kind)
      }),
  ),
  gauge(
    'weir_certificate_revoked',
    '1 where the responder says that the certificate is revoked; absent elsewhere.',
    labels,
    (view, put) =>
      each(view, ({ name, kind, spec }) => {
        if (view.upkeep().ocsp(spec.id).state === 'revoked') put(1, name, kind)
      }),
  ),
  gauge(
    'weir_certificate_trial_ratio',
    'Share of the handshakes that get the new version of the certificate (weir cert put --canary): 0 to 1; absent without a trial.',
    ['name'],
    (view, put) => {
      for (const { name, share } of view.upkeep().trials) put(share, name)
    },
  ),
  counter('weir_ocsp_requests_total', 'Questions to OCSP responders, by result.', ['result'], (view, put) => {
    const { answered, failed } = view.upkeep().questions
    put(answered, 'answered')
    put(failed, 'failed')
  }),
]
