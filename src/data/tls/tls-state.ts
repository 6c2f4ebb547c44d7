// What all TLS binds of a worker share, and what changes while they serve: certificates, challenges, keys of tickets.
import type { Challenges, TicketKeys, WorkerTls } from '../../messages/tls.ts'
import { CertificateTable } from './certificate-table.ts'

export class TlsState {
  readonly certificates: CertificateTable
  challenges: Challenges
  /** The first is made tickets with. */
  ticketKeys: TicketKeys

  constructor({ certificates, challenges, ticketKeys }: WorkerTls) {
    this.certificates = new CertificateTable(certificates)
    this.challenges = challenges
    this.ticketKeys = ticketKeys
  }
}
