// What the seed's tools have in common: where Weir is asked, what goes wrong in one line, and exit codes 0 and 1. The Weir is the
// one of --socket, else of WEIR_SOCKET, else the one at the usual place.
import type { ParseArgsConfig } from 'node:util'
import { NoAnswer, ask, socketPaths, type Question } from '../control-client.ts'
import { readArguments, ToolError, type Arguments } from './arguments.ts'
import { listingText, type Listing } from './listing.ts'

export interface Tool {
  readonly usage: string
  readonly options: NonNullable<ParseArgsConfig['options']>
  readonly run: (call: ToolCall) => Promise<void>
}

export interface ToolCall extends Arguments {
  readonly env: NodeJS.ProcessEnv
  /** @returns the value of a good answer @throws ToolError with Weir's own words, with the status where it is not good */
  readonly ask: (question: Question) => Promise<unknown>
  /** Lines, unless --quiet. */
  readonly print: (text: string) => void
  readonly list: (listing: Listing) => void
}

/** Weir answered that it cannot be done. */
export class Refused extends ToolError {
  readonly status: number
  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

/** @param name as it was called, which begins its messages @returns the exit code */
export async function runTool(name: string, { usage, options, run }: Tool, argv: readonly string[]): Promise<number> {
  try {
    const given = readArguments(argv, options)
    if (given.options.help === true || given.options.version === true) {
      process.stdout.write(usage)
      return 0
    }
    const print = (text: string): void => {
      if (given.options.quiet !== true) process.stdout.write(text)
    }
    const list = (listing: Listing): void => print(listingText(listing, given))
    await run({ ...given, env: process.env, ask: (question) => askWeir(given, question), print, list })
    return 0
  } catch (error) {
    if (!(error instanceof ToolError) && !(error instanceof NoAnswer)) throw error
    process.stderr.write(`${name}: ${error.message}\n`)
    return 1
  }
}

async function askWeir({ options }: Arguments, question: Question): Promise<unknown> {
  const socket = typeof options.socket === 'string' ? options.socket : undefined
  const { status, value } = await ask(socketPaths(socket, []), { patience: 120_000, ...question })
  if (status < 300) return value
  const { error, expected, nearest } = value as { error?: string; expected?: string | null; nearest?: string | null }
  const hint = nearest ? `: did you mean "${nearest}"?` : expected ? `; expected ${expected}` : ''
  throw new Refused(error === undefined ? `answered with status ${status}` : `${error}${hint}`, status)
}
