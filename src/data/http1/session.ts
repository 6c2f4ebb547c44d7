// What keeps the requests of one client on one server, as an exchange sees it: before the choice of a server, and when the
// response comes. How the server is found (a cookie, a table) is the business of who makes sessions.
import type { RequestHead } from './request-head.ts'
import type { ResponseHead } from './response-head.ts'
import type { KeyedClient } from '../key/origin.ts'

/** The sessions of one backend. Made by createSessions (sessions.ts). */
export interface Sessions {
  /**
   * The session that a request belongs to: a new one where it names none. Once per request.
   * @param head as received; neither it nor the buffer is kept
   * @param now performance.now()
   */
  open(head: RequestHead, buffer: Buffer, client: KeyedClient, now: number): Session
}

/** One request of a client that a backend keeps on its server. */
export interface Session {
  /** Slot of the server that the client belongs to; -1: none yet, or none that is known any more. */
  readonly slot: number
  /**
   * Takes what is meant for Weir alone out of the request that goes to the server.
   * @param out the head as the server would get it, `length` bytes, perhaps with the beginning of the body behind it
   * @param headLength of these, the head
   * @returns by how many bytes it is shorter now; what stood behind the head has moved up
   */
  editRequest(out: Buffer, headLength: number, length: number): number
  /**
   * The final head of the response of the server at `slot` has come and is about to go to the client. May drop fields of it.
   * @param now int32 ms of the shared clock
   * @returns fields to be added, each with its CRLF, latin1; '' for none
   */
  onResponse(slot: number, head: ResponseHead, buffer: Buffer, now: number): string
}
