// Parts of TLS as tests need them: what most of them do not care about is filled in.
import { randomBytes } from 'node:crypto'
import { idOf } from '../../src/control/certificates/held.ts'
import { createDice } from '../../src/balance/dice.ts'
import { BindTls } from '../../src/data/tls/contexts.ts'
import { TlsState } from '../../src/data/tls/tls-state.ts'
import type { Log } from '../../src/data/log.ts'
import type {
  BindCertificates,
  CertificateSpec,
  ClientAuthSpec,
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

/** @param ca PEM of the authorities of clients */
export const clientAuthSpec = (ca: string, more: Partial<ClientAuthSpec> = {}): ClientAuthSpec => ({
  mode: 'required',
  ca,
  crl: null,
  depth: 1,
  fields: null,
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

/** TLS of a bind 'test/0' that is on no worker, and the state of the worker that it would be on. */
export interface TestTls {
  readonly tls: BindTls
  readonly state: TlsState
}

export function bindTls(wish: TlsWish, log: Log = () => {}): TestTls {
  const { certificates: _, ticketKeys: __, ...spec } = wish
  const state = new TlsState(workerTls({ 'test/0': wish }), log)
  return { tls: new BindTls('test/0', tlsSpec(spec), { tls: state, dice: createDice(1), log }), state }
}

export const testTls = (wish: TlsWish): BindTls => bindTls(wish).tls
