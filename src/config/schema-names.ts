// The kinds of option that are names of DNS. They compare without case: what reads them folds it.
import { z } from 'zod'
import { isHostName } from './address.ts'
import { judged } from './options.ts'

const withoutStar = (written: string): string => written.replace(/^\*\./, '')

/** Of a request: a name or an IPv4 address, or a wildcard, which stands for any number of labels. */
export const hostPattern = (): z.ZodType<string> =>
  judged(z.string(), { kind: 'host', expects: 'a host name such as "www.example.com" or "*.example.com"' }, (value) => {
    if (/:\d+$/.test(value)) return 'expected a host name without a port'
    return isHostName(withoutStar(value)) || /^\d+(\.\d+){3}$/.test(value)
      ? null
      : 'expected a host name such as "www.example.com" or "*.example.com"'
  })

/** Of a certificate or of a ClientHello: a name, or a wildcard. */
export const dnsName = (): z.ZodType<string> => {
  const expects = 'a name such as "www.example.com" or "*.example.com"'
  return judged(z.string(), { kind: 'DNS name', expects }, (value) =>
    isHostName(withoutStar(value)) && value.includes('.') ? null : `expected ${expects}`,
  )
}
