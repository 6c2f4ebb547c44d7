// Parts of TLS as tests need them: what most of them do not care about is filled in.
import { randomBytes } from 'node:crypto'
import { idOf } from '../../src/control/certificates/keeper.ts'
import { createTls, type ServerTls } from '../../src/data/tls/contexts.ts'
import type {
  BindCertificates,
  CertificateSpec,
  ServerTlsSpec,
  TicketKeys,
  TlsSpec,
  WorkerTls,
} from '../../src/messages/tls.ts'

export const tlsSpec = (more: Partial<TlsSpec> = {}): TlsSpec => ({
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  ciphers: null,
  groups: null,
  alpn: ['http/1.1'],
  strictSni: false,
  tickets: true,
  maxHandshakes: 0,
  clientAuth: null,
  hsts: null,
  passthrough: [],
  ...more,
})

export const serverTlsSpec = (more: Partial<ServerTlsSpec> = {}): ServerTlsSpec => ({
  verify: true,
  ca: null,
  serverName: null,
  pins: [],
  certificate: null,
  ...more,
})

/** TLS of a bind with the certificates that it serves, in order. */
export type TlsWish = Partial<TlsSpec> & {
  readonly certificates: readonly Omit<CertificateSpec, 'id'>[]
  /** 48 bytes. */
  readonly ticketKeys?: Uint8Array
}

export const withId = (certificate: Omit<CertificateSpec, 'id'>): CertificateSpec => ({
  ...certificate,
  id: idOf(certificate.cert, certificate.key),
})

/** What a worker starts with that has these binds. */
export function workerTls(binds: Readonly<Record<string, TlsWish>> = {}): WorkerTls {
  const served = Object.entries(binds).map(([id, wish]) => [id, wish.certificates.map(withId)] as const)
  const keys = Object.values(binds).find((wish) => wish.ticketKeys !== undefined)?.ticketKeys
  return {
    certificates: {
      added: served.flatMap(([, certificates]) => certificates),
      removed: [],
      binds: Object.fromEntries(
        served.map(([id, certificates]): [string, BindCertificates] => [
          id,
          { ids: certificates.map((each) => each.id), canary: null },
        ]),
      ),
      staples: {},
    },
    challenges: { http: {}, tls: {} },
    ticketKeys: keys === undefined ? someKeys() : [keys],
  }
}

export const someKeys = (): TicketKeys => [randomBytes(48)]

export const testTls = (wish: TlsWish): ServerTls => {
  const { certificates, ticketKeys, ...spec } = wish
  return createTls(tlsSpec(spec), certificates.map(withId), ticketKeys === undefined ? someKeys() : [ticketKeys])
}
