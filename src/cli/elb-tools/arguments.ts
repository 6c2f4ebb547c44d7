// The arguments of the seed's tools, as scripts type them: `--opt value` and `--opt=value`, lists with spaces after their commas,
// and the options that said which account and region of AWS was meant. These are taken, so that scripts run as they are, and do
// nothing: there is no account here. So do the variables of the environment that they read; they are not even looked at.
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { suggestion } from '../../config/nearest.ts'

type Options = NonNullable<ParseArgsConfig['options']>

/** The tool cannot do what is asked; the message is one line. Its exit code is 1, for all of these tools. */
export class ToolError extends Error {}

/** Of every tool. */
const common = {
  socket: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
  'aws-credential-file': { type: 'string' },
  debug: { type: 'boolean' },
} as const satisfies Options

/** Of those of Elastic Load Balancing. */
export const elbOptions = {
  ...common,
  headers: { type: 'boolean', short: 'H' },
  'show-long': { type: 'boolean' },
  'show-xml': { type: 'boolean' },
  'show-table': { type: 'boolean' },
  'show-empty-fields': { type: 'boolean' },
  'show-request': { type: 'boolean' },
  delimiter: { type: 'string' },
  quiet: { type: 'boolean' },
  force: { type: 'boolean' },
  region: { type: 'string' },
  url: { type: 'string', short: 'U' },
  'access-key-id': { type: 'string', short: 'I' },
  'secret-key': { type: 'string', short: 'S' },
  'ec2-private-key-file-path': { type: 'string', short: 'K' },
  'ec2-cert-file-path': { type: 'string', short: 'C' },
  'connection-timeout': { type: 'string' },
} as const satisfies Options

/** Of those of IAM. */
export const iamOptions = {
  ...common,
  url: { type: 'string' },
  'client-config-file': { type: 'string' },
  quiet: { type: 'boolean' },
} as const satisfies Options

export interface Arguments {
  /** The last value of each option that was given. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>
  readonly words: readonly string[]
}

/** @throws ToolError */
export function readArguments(argv: readonly string[], options: Options): Arguments {
  try {
    const { values, positionals } = parseArgs({ args: joinLists(argv), options, allowPositionals: true })
    return { options: values as Arguments['options'], words: positionals }
  } catch (error) {
    const { message } = error as Error
    const written = /^Unknown option '(--?[^']*)'/.exec(message)?.[1]
    if (written === undefined) throw new ToolError(message.split('. ')[0], { cause: error })
    const known = Object.keys(options).map((name) => `--${name}`)
    throw new ToolError(`unknown option ${written}${suggestion(written, known)}`, { cause: error })
  }
}

/** 'a,' 'b' was meant as one list: 'a,b'. */
function joinLists(argv: readonly string[]): string[] {
  const joined: string[] = []
  for (const word of argv) {
    const last = joined.at(-1)
    if (last?.endsWith(',') === true && !word.startsWith('-')) joined[joined.length - 1] = last + word
    else joined.push(word)
  }
  return joined
}

/** 'a, b,c' -> ['a', 'b', 'c'] */
export const listOf = (text: string): string[] =>
  text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')

/** The value of an option, or null. @throws ToolError when it is empty */
export function textOf({ options }: Arguments, name: string): string | null {
  const value = options[name]
  if (value === undefined) return null
  if (value === '') throw new ToolError(`--${name} is empty`)
  return String(value)
}

/** @throws ToolError when it was not given */
export function requiredText(given: Arguments, name: string, flag = `--${name}`): string {
  const value = textOf(given, name)
  if (value === null) throw new ToolError(`${flag} is missing`)
  return value
}

/** @throws ToolError when it is no whole number within the bounds */
export function numberOf(given: Arguments, name: string, [least, most]: readonly [number, number]): number | null {
  const text = textOf(given, name)
  if (text === null) return null
  const value = /^\d{1,6}$/.test(text) ? Number(text) : NaN
  if (value >= least && value <= most) return value
  throw new ToolError(`--${name} is a whole number from ${least} to ${most}, not "${text}"`)
}
