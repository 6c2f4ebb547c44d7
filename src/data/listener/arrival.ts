// A connection that has come in, on its way to its protocol.
import type { Source } from '../clients/source.ts'
import type { Accepted } from '../io/socket.ts'
import type { ProxyHeader } from '../proxy-protocol/header.ts'
import type { Introduced } from '../proxy-protocol/header-reader.ts'

export interface Arrival {
  readonly accepted: Accepted
  /** Null: it was not asked for a PROXY header. */
  readonly introduced: Introduced | null
  /** What its source may ask for; null: all. */
  readonly source: Source | null
}

/** Null: none came, or none was asked for. */
export const headerOf = ({ introduced }: Pick<Arrival, 'introduced'>): ProxyHeader | null =>
  introduced === null ? null : introduced.header
