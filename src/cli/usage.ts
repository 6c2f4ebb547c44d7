// Reading the arguments of a command, with messages that help. A wrong argument is exit code 2 everywhere.
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { suggestion } from '../config/nearest.ts'

/** The command line is wrong; the message says how, in one line. */
export class UsageError extends Error {}

/**
 * parseArgs of node:util, with the nearest option named when one is misspelt.
 * @throws UsageError
 */
export function readArguments<const T extends ParseArgsConfig & { options: NonNullable<ParseArgsConfig['options']> }>(
  config: T,
) {
  try {
    return parseArgs(config)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (!code?.startsWith('ERR_PARSE_ARGS_')) throw error
    throw new UsageError(unknownOption(message, Object.keys(config.options)) ?? message.split('. To specify')[0]!, {
      cause: error,
    })
  }
}

function unknownOption(message: string, options: readonly string[]): string | null {
  const written = /^Unknown option '(--?[^']*)'/.exec(message)?.[1]
  if (written === undefined) return null
  return `unknown option ${written}${suggestion(
    written,
    options.map((name) => `--${name}`),
  )}`
}

/** Runs a command; a UsageError becomes its message, the usage text and exit code 2. */
export async function withUsage(command: string, usage: string, run: () => Promise<number>): Promise<number> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`weir ${command}: ${error.message}\n\n${usage}`)
    return 2
  }
}

/** One of the words that are known. @throws UsageError with the nearest one */
export function oneOf<const T extends string>(what: string, word: string | undefined, known: readonly T[]): T {
  const found = known.find((each) => each === word)
  if (found !== undefined) return found
  if (word === undefined) throw new UsageError(`which ${what}? One of ${known.join(', ')}`)
  throw new UsageError(`there is no ${what} "${word}"${suggestion(word, known)}`)
}
