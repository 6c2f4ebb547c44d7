// Why something cannot be done with a certificate: a sentence for people, and a word for programs. Thrown by whatever does the
// work; the routes of the control socket answer with it.
import { nearest } from '../../config/nearest.ts'

/** 404: there is no such thing; 409: not now; 422: the request is wrong; 501: not in this process. */
export type RefusalStatus = 404 | 409 | 422 | 501

export class Refusal extends Error {
  readonly status: RefusalStatus
  /** 'key_mismatch', 'in_use' and so on; those of config/certificate-problem.ts among them. */
  readonly code: string
  /** What would be right; null: nothing can be said. */
  readonly expected: string | null
  /** The known name that is nearest to the one in the request. */
  readonly nearest: string | null

  constructor(
    status: RefusalStatus,
    code: string,
    message: string,
    expected: string | null = null,
    near: string | null = null,
  ) {
    super(message)
    this.status = status
    this.code = code
    this.expected = expected
    this.nearest = near
  }
}

/** There is no such thing. @param known names of those that there are */
export function unknown(what: string, name: string, known: readonly string[]): Refusal {
  const shown = known.slice(0, 10).join(', ')
  const more = known.length > 10 ? ` and ${known.length - 10} more` : ''
  const expected = known.length === 0 ? 'there is none' : known.length === 1 ? shown : `one of ${shown}${more}`
  return new Refusal(404, 'not_found', `there is no ${what} ${name}`, expected, nearest(name, known))
}
