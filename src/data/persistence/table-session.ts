// The session of one request to a backend that remembers its sessions in a table. Nothing of it is in the messages themselves, so
// they go on as they are; what a response teaches is the business of the sessions that it belongs to.
import type { ResponseHead } from '../http1/response-head.ts'
import type { Session } from '../http1/session.ts'

/** The sessions of a backend, as one of them sees them. */
export interface LearningSessions {
  /**
   * The server at `slot` has answered a request of the session.
   * @param now int32 ms of the shared clock
   */
  learn(session: TableSession, slot: number, head: ResponseHead, buffer: Buffer, now: number): void
}

export class TableSession implements Session {
  readonly slot: number
  /** Where the table has it; of no meaning where the request named no session. */
  readonly place: number
  readonly key: number
  readonly #sessions: LearningSessions

  constructor(sessions: LearningSessions, place: number, key: number, slot: number) {
    this.#sessions = sessions
    this.place = place
    this.key = key
    this.slot = slot
  }

  editRequest(): number {
    return 0
  }

  onResponse(slot: number, head: ResponseHead, buffer: Buffer, now: number): string {
    this.#sessions.learn(this, slot, head, buffer, now)
    return ''
  }
}
