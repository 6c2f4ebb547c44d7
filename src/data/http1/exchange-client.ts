// What an exchange and the connection of its client have to do with each other: the phases that their one deadline stands
// for, and what the exchange asks of the connection. The connection is client.ts; types and constants only here.
import type { ReasonCode } from '../../model/reasons.ts'
import type { Millis } from '../../model/units.ts'
import type { Flow } from '../io/flow.ts'
import type { OwnedSocket } from '../io/socket-owner.ts'
import type { KeyedClient } from '../key/origin.ts'
import type { Peer } from '../proxy-protocol/peer.ts'
import type { Relay } from '../relay/relay.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import type { RequestForwarding } from './forward.ts'
import type { HttpFrontend } from './frontend.ts'
import type { RecordedClient } from './record.ts'
import type { GatedClient } from './request-gate.ts'

/** What a connection with a client waits for; decides what its deadline means. */
export const PHASE_HEAD = 0
export const PHASE_IDLE = 1
export const PHASE_CONNECT = 2
export const PHASE_UPLOAD = 3
export const PHASE_RESPONSE = 4
export const PHASE_RELAY = 5
export const PHASE_LINGER = 6
/** For a place on a server, or for another try. */
export const PHASE_PLACE = 7

/** A refusal is held back. */
export const PHASE_TARPIT = 9
/** Answered, but the client has not taken all of the answer yet. */
export const PHASE_FLUSH = 8

/** What an exchange needs of the client's connection. */
export interface ExchangeClient extends RecordedClient, KeyedClient, GatedClient {
  readonly socket: OwnedSocket
  readonly frontend: HttpFrontend
  readonly forwarding: RequestForwarding
  /** The other end of the connection; `address` and `port` are of whom the request is from. */
  readonly peer: Peer
  /** Line of Strict-Transport-Security, with its CRLF, for responses that have none; '': none. */
  readonly hsts: string
  /** The way from the client to the server. */
  readonly flow: Flow
  /** The connection is to end after the response that is under way. */
  readonly leaving: boolean
  /** The client has closed its side. */
  readonly ended: boolean
  /**
   * The request under way is that of another client, for whom the peer speaks.
   * @param tells what else the peer tells of it: bits of client-address.ts
   * @returns why that one is not let in; null: it is
   */
  speakFor(address: string, port: number, tells: number): ReasonCode | null
  /** Sets the deadline and says what it means. */
  expect(phase: number, span: Millis): void
  /** Bytes of the body may flow again: those kept back, then new ones. */
  continueBody(): void
  /** Reading waits while the server does not take what was sent. */
  holdBody(): void
  /** Writes an answer of Weir's own. The connection goes on only with `keep`. @param retryAfter seconds; 0: not said */
  answer(code: ReasonCode, keep: boolean, bodyless: boolean, retryAfter?: number): void
  /** The exchange is over. @param keep the connection is good for another request. @param last the client wants no other */
  exchangeDone(keep: boolean, last: boolean): void
  /** The exchange broke off in the middle of the response: the client must see that it is not complete. */
  abort(): void
  /** Joins the connection to the server's: another protocol is spoken from here on. */
  becomeTunnel(upstream: UpstreamConnection, span: Millis): Relay
}
