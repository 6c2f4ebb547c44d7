// What keeps the requests of one client on one server, as an exchange sees it: before the choice of a server, and when the
// response comes. How the server is found (a cookie, a table) is the business of who makes sessions.
import type { ResponseHead } from '../http1/response-head.ts'

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
   * @returns fields to be added, each with its CRLF; '' for none
   */
  onResponse(slot: number, head: ResponseHead, buffer: Buffer, now: number): string
}
