// Names of certificates as IAM spelt them: 'arn:aws:iam::123456789012:server-certificate/stage.mysite.com'. The account is
// the one of WEIR_ACCOUNT_ID, or zeros; a certificate of another account is none of ours. A certificate may stand at a path:
// '...:server-certificate/web/eu/NAME'. Names are unique without it, and yet an ARN with another path is that of nothing.
import { ToolError } from './arguments.ts'

/** @throws ToolError when it is none */
export function accountOf({ WEIR_ACCOUNT_ID: account = '' }: NodeJS.ProcessEnv): string {
  if (account === '') return '000000000000'
  if (/^[\w-]{1,64}$/.test(account)) return account
  throw new ToolError('WEIR_ACCOUNT_ID is no account: expected up to 64 letters and digits')
}

/** What is in an ARN besides the account. */
export interface Named {
  readonly name: string
  /** Begins and ends with a slash; null: '/'. */
  readonly path: string | null
}

export const arnOf = ({ name, path }: Named, account: string): string =>
  `arn:aws:iam::${account}:server-certificate${path ?? '/'}${name}`

/** @throws ToolError when this cannot be one of ours */
export function namedIn(arn: string, account: string): Named {
  const found = /^arn:aws[\w-]*:iam::([\w-]*):server-certificate(\/(?:.*\/)?)([^/]+)$/.exec(arn)
  if (found === null) {
    const example = arnOf({ name: 'stage.example.com', path: null }, account)
    throw new ToolError(`"${arn}" is no ARN of a certificate, such as ${example}`)
  }
  const { 1: owner, 2: path, 3: name } = found
  if (owner !== account) throw notFound(arn, ` (the account here is ${account}; WEIR_ACCOUNT_ID says so)`)
  return { name: name!, path: path! }
}

export const notFound = (arn: string, why = ''): ToolError =>
  new ToolError(`Server Certificate not found for the key: ${arn}${why}`)

const ID_LENGTH = 17
const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** An id in IAM's form, the same for the same certificate. @param fingerprint 64 hexadecimal digits */
export function idOf(fingerprint: string): string {
  const bytes = Buffer.from(fingerprint, 'hex')
  return `ASCA${Array.from({ length: ID_LENGTH }, (_, i) => digits[bytes[i]! & 31]).join('')}`
}
