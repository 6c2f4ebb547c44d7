// Names of certificates as IAM spelt them: 'arn:aws:iam::123456789012:server-certificate/stage.mysite.com'. The account is
// the one of WEIR_ACCOUNT_ID, or zeros; a certificate of another account is none of ours. Paths ('/web/NAME') are read and left
// out: the store has no folders.
import { ToolError } from './arguments.ts'

/** @throws ToolError when it is none */
export function accountOf({ WEIR_ACCOUNT_ID: account = '' }: NodeJS.ProcessEnv): string {
  if (account === '') return '000000000000'
  if (/^[\w-]{1,64}$/.test(account)) return account
  throw new ToolError('WEIR_ACCOUNT_ID is no account: expected up to 64 letters and digits')
}

export const arnOf = (name: string, account: string): string => `arn:aws:iam::${account}:server-certificate/${name}`

/** The name in the store. @throws ToolError when this cannot be one of ours */
export function nameIn(arn: string, account: string): string {
  const { 1: owner, 2: name } = /^arn:aws[\w-]*:iam::([\w-]*):server-certificate\/(?:.*\/)?([^/]+)$/.exec(arn) ?? []
  if (name === undefined)
    throw new ToolError(`"${arn}" is no ARN of a certificate, such as ${arnOf('stage.example.com', account)}`)
  if (owner !== account)
    throw new ToolError(
      `Server Certificate not found for the key: ${arn} (the account here is ${account}; WEIR_ACCOUNT_ID says so)`,
    )
  return name
}

const ID_LENGTH = 17
const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** An id in IAM's form, the same for the same certificate. @param fingerprint 64 hexadecimal digits */
export function idOf(fingerprint: string): string {
  const bytes = Buffer.from(fingerprint, 'hex')
  return `ASCA${Array.from({ length: ID_LENGTH }, (_, i) => digits[bytes[i]! & 31]).join('')}`
}
