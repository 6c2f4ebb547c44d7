// Versions of TLS by the names that Node has for them, from the oldest to the newest.

export const tlsVersions = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const

export type TlsVersion = (typeof tlsVersions)[number]

export const isOlder = (a: TlsVersion, b: TlsVersion): boolean => tlsVersions.indexOf(a) < tlsVersions.indexOf(b)
