// What the commands that talk to a running Weir have in common: where it is asked, how it is told what cannot be done, and text
// for people or JSON for programs. Exit codes: 0 done, 1 not done, 2 wrong usage.
import { parseDuration } from '../config/quantities.ts'
import { NoAnswer, ask, socketPaths, type Question } from './control-client.ts'
import type { Style } from './table.ts'
import { readArguments, UsageError, withUsage } from './usage.ts'

export const controlOptions = {
  config: { type: 'string', short: 'c' },
  file: { type: 'string', short: 'f' },
  socket: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** The part of a usage text that says where Weir is asked. */
export const controlUsage = `  -f, -c, --config FILE  of the Weir that runs by this configuration
      --socket PATH      of the Weir with this control socket; without either, that of WEIR_SOCKET, or the usual one
      --json             print the answer as JSON
  -h, --help             this text

Exit codes: 0 done, 1 not done, 2 wrong usage.
`

export interface Control {
  readonly words: readonly string[]
  readonly options: Readonly<Record<string, string | boolean | undefined>>
  /** @returns the value of a good answer @throws NotDone, NoAnswer */
  readonly ask: (question: Question) => Promise<unknown>
  /** Prints an answer: as JSON if that was asked for, else as text. */
  readonly show: (value: unknown, text: (style: Style) => string) => void
}

/** Weir has answered that it cannot be done. */
export class NotDone extends Error {
  readonly value: unknown
  constructor(message: string, value: unknown) {
    super(message)
    this.value = value
  }
}

interface ControlCommand {
  readonly name: string
  readonly usage: string
  /** Options besides the common ones. */
  readonly options?: Readonly<Record<string, { readonly type: 'string' | 'boolean' }>>
  /** Words that are configurations which the running Weir may go by. */
  readonly filesIn?: (words: readonly string[]) => readonly string[]
  readonly run: (control: Control) => Promise<number | void>
}

/** @param argv what follows the name of the command @returns the exit code */
export function runControl({ name, usage, options = {}, filesIn, run }: ControlCommand, argv: string[]) {
  return withUsage(name, usage, async () => {
    const { values, positionals } = readArguments({
      args: argv,
      options: { ...controlOptions, ...options },
      allowPositionals: true,
    })
    if (values.help) {
      process.stdout.write(usage)
      return 0
    }
    const named = [values.config, values.file].filter((file) => file !== undefined)
    const paths = (): readonly string[] =>
      named.length > 0 || values.socket !== undefined
        ? socketPaths(values.socket, named)
        : socketPaths(undefined, filesIn?.(positionals) ?? [])
    const { stdout } = process
    const colour = stdout.isTTY && !process.env.NO_COLOR && process.env.TERM !== 'dumb' // no-color.org
    try {
      const code = await run({
        words: positionals,
        options: values,
        ask: async (question) => {
          const { status, value } = await ask(paths(), question)
          if (status < 300) return value
          throw new NotDone(problemText(value, status), value)
        },
        show: (value, text) => {
          const shown = values.json ? JSON.stringify(value, null, 2) : text({ colour, now: Date.now() })
          if (shown !== '') stdout.write(`${shown.replace(/\n$/, '')}\n`)
        },
      })
      return code ?? 0
    } catch (error) {
      if (!(error instanceof NotDone) && !(error instanceof NoAnswer)) throw error
      process.stderr.write(`weir ${name}: ${error.message}\n`)
      return 1
    }
  })
}

/** 'there is no server app/s9: did you mean "s1"?' */
function problemText(value: unknown, status: number): string {
  const { error, expected, nearest } = value as { error?: string; expected?: string | null; nearest?: string | null }
  if (error === undefined) return `answered with status ${status}`
  if (nearest) return `${error}: did you mean "${nearest}"?`
  return expected ? `${error}; expected ${expected}` : error
}

/** Puts names into a path. */
export const path = (parts: TemplateStringsArray, ...names: readonly string[]): string =>
  parts.map((part, i) => part + (i < names.length ? encodeURIComponent(names[i]!) : '')).join('')

/** 'app/s1' @throws UsageError */
export function serverWord(word: string | undefined): readonly [backend: string, server: string] {
  const at = word?.indexOf('/') ?? -1
  if (word === undefined || at < 1 || at === word.length - 1) throw new UsageError('name a server as BACKEND/SERVER')
  return [word.slice(0, at), word.slice(at + 1)]
}

/** Milliseconds; undefined: not said. @throws UsageError */
export function spanOption(options: Control['options'], name: string): number | undefined {
  const written = options[name]
  if (written === undefined) return undefined
  const span = parseDuration(String(written))
  if (span === null) throw new UsageError(`--${name} is a span of time such as 60s, not "${written}"`)
  return span
}

/** A whole number; undefined: not said. @throws UsageError */
export function numberOption(options: Control['options'], name: string): number | undefined {
  const written = options[name]
  if (written === undefined) return undefined
  if (!/^\d{1,9}$/.test(String(written))) throw new UsageError(`--${name} is a whole number, not "${written}"`)
  return Number(written)
}
