// The options of `weir simulate`: each declared once, with what it takes, its default and its words; the usage text and the
// reading of the command line both come from this table.
import { balancerNames, type BalancerName } from '../model/balancers.ts'
import { suggestion } from '../config/nearest.ts'
import { formatDuration, parseExactDuration, parsePercent } from '../config/quantities.ts'
import { ms } from '../model/units.ts'
import { algorithmsIn, parseAssertion, type Assertion } from '../simulate/assert.ts'
import { formats, type Format } from '../simulate/report.ts'
import type { EjectionRule } from '../simulate/types.ts'
import { readArguments, UsageError } from './usage.ts'

interface Flag {
  readonly short?: string
  /** What it takes, as the usage text calls it; absent: nothing. */
  readonly takes?: string
  readonly multiple?: boolean
  readonly default?: string
  readonly doc: string
}

const flags = {
  file: { short: 'f', takes: 'FILE', doc: 'simulate a backend of this configuration; else 8 equal servers, adaptive' },
  backend: { takes: 'NAME', doc: 'which; may be left out where there is one' },
  scenario: { takes: 'NAME', default: 'equal', doc: 'what happens: a name of --list, or a YAML file of your own' },
  algorithms: { takes: 'LIST', doc: 'compare with these only; without -f the first is the subject' },
  load: { takes: 'SHARE', default: '80%', doc: 'of the capacity that is there' },
  instances: { takes: 'N', default: '1', doc: 'Weirs that see only their own requests' },
  cores: { takes: 'N', doc: 'per server (4); with --replay: instead of what the log shows' },
  remove: { takes: 'SERVER', multiple: true, doc: 'without this server; may be repeated' },
  add: { takes: 'SERVER', multiple: true, doc: 'with one more, like the last; may be repeated' },
  rate: { takes: 'FACTOR', default: '1', doc: 'times as many requests' },
  ejection: { takes: 'RULE', doc: 'take failing servers out: "on", "off" or FAILURES,TIME,PERCENT' },
  retries: { takes: 'N', default: '0', doc: 'further servers tried after a failure' },
  replay: { takes: 'FILE', doc: 'take the requests from a JSON access log' },
  speeds: { takes: 'WORD', default: 'recorded', doc: 'with --replay: "recorded", or "equal"' },
  duration: { takes: 'TIME', doc: 'measured time (40s); with --replay: all' },
  warmup: { takes: 'TIME', doc: 'time before, not counted (5s); with --replay: none' },
  timeout: { takes: 'TIME', doc: 'after which a request has failed (3s); with --replay: as configured' },
  threshold: { takes: 'TIME', default: '250ms', doc: 'above which a request is slow' },
  seed: { takes: 'N', default: '1', doc: 'of the dice: the same seed gives the same result' },
  assert: { takes: 'RULE', multiple: true, doc: 'fail if this is not so: "p99<=0.9*leastconn"; may be repeated' },
  format: { takes: 'FORMAT', default: 'text', doc: 'text, json or markdown' },
  plot: { takes: 'FILE', doc: 'draw the result into this SVG file' },
  list: { doc: 'list the scenarios' },
  help: { short: 'h', doc: 'this text' },
} as const satisfies Record<string, Flag>

export const simulateUsage = `Usage: weir simulate [-f FILE --backend NAME] [options]

Runs a backend against simulated traffic, under its algorithm and under every other, and compares.

${Object.entries(flags)
  .map(([name, flag]) => usageLine(name, flag))
  .join('\n')}

Exit codes: 0 done, 1 an assertion failed or a file is wrong, 2 wrong usage.
`

function usageLine(name: string, flag: Flag): string {
  const short = flag.short === undefined ? '    ' : `-${flag.short}, `
  const left = `  ${short}--${name}${flag.takes === undefined ? '' : ` ${flag.takes}`}`
  return `${left.padEnd(28)}${flag.doc}${flag.default === undefined ? '' : ` (${flag.default})`}`
}

export interface Options {
  readonly file: string | null
  readonly backend: string | null
  readonly scenario: string
  /** A scenario was asked for by name: in a replay there is none otherwise. */
  readonly scenarioSaid: boolean
  readonly algorithms: readonly BalancerName[] | null
  readonly load: number
  readonly instances: number
  readonly cores: number | null
  readonly remove: readonly string[]
  readonly add: readonly string[]
  readonly rate: number
  /** undefined: as configured. */
  readonly ejection: EjectionRule | null | undefined
  readonly retries: number
  readonly replay: string | null
  readonly speeds: 'recorded' | 'equal'
  /** In ms, as all times; null: the default of the kind of run. */
  readonly duration: number | null
  readonly warmup: number | null
  readonly timeout: number | null
  readonly threshold: number
  readonly seed: number
  readonly assertions: readonly Assertion[]
  readonly format: Format
  readonly plot: string | null
}

/** @returns the options, or a word for a command that simulates nothing @throws UsageError */
export function readOptions(argv: string[]): Options | 'help' | 'list' {
  const { values } = readArguments({ args: argv, options: parseArgsOptions() })
  if (values.help === true) return 'help'
  if (values.list === true) return 'list'
  const given = (name: keyof typeof flags): string | null => (values[name] as string | undefined) ?? null
  const said = (name: keyof typeof flags): string => given(name) ?? (flags[name] as Flag).default!
  const several = (name: keyof typeof flags): readonly string[] => (values[name] as string[] | undefined) ?? []
  const maybe = <T>(name: keyof typeof flags, read: (name: string, text: string) => T): T | null => {
    const text = given(name)
    return text === null ? null : read(name, text)
  }
  const algorithms = maybe('algorithms', readAlgorithms)
  return {
    file: given('file'),
    backend: given('backend'),
    scenario: said('scenario'),
    scenarioSaid: given('scenario') !== null,
    algorithms,
    load: readLoad(said('load')),
    instances: readCount('instances', said('instances'), 1, 1024),
    cores: maybe('cores', (name, text) => readCount(name, text, 1, 4096)),
    remove: several('remove'),
    add: several('add'),
    rate: readFactor('rate', said('rate')),
    ejection: maybe('ejection', (_, text) => readEjection(text)) ?? (given('ejection') === null ? undefined : null),
    retries: readCount('retries', said('retries'), 0, 100),
    replay: given('replay'),
    speeds: readWord('speeds', said('speeds'), ['recorded', 'equal']),
    duration: maybe('duration', readTime),
    warmup: maybe('warmup', readSpan),
    timeout: maybe('timeout', readTime),
    threshold: readTime('threshold', said('threshold')),
    seed: readCount('seed', said('seed'), 0, 0x7fffffff),
    assertions: several('assert').map(readAssertion),
    format: readWord('format', said('format'), formats),
    plot: given('plot'),
  }
}

function parseArgsOptions() {
  const entries = Object.entries(flags as Record<string, Flag>).map(([name, { short, takes, multiple }]) => [
    name,
    {
      type: takes === undefined ? ('boolean' as const) : ('string' as const),
      ...(short === undefined ? {} : { short }),
      ...(multiple === true ? { multiple } : {}),
    },
  ])
  return Object.fromEntries(entries) as Record<
    string,
    { type: 'boolean' | 'string'; short?: string; multiple?: boolean }
  >
}

const wrong = (name: string, text: string, expected: string): UsageError =>
  new UsageError(`--${name}: expected ${expected}, not "${text}"`)

function readCount(name: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  throw wrong(name, text, `a whole number from ${least} to ${most}`)
}

function readFactor(name: string, text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (value > 0 && value <= 1000) return value
  throw wrong(name, text, 'a number such as 1.5')
}

/** `80%` or `0.8`; more than all there is may be asked for. */
function readLoad(text: string): number {
  const value = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text)
  if (/^\d+(\.\d+)?%?$/.test(text) && value > 0 && value <= 5) return value
  throw wrong('load', text, 'a share such as 0.8 or 80%, at most 5')
}

function readSpan(name: string, text: string): number {
  const value = parseExactDuration(text)
  if (value !== null && value <= 86_400_000) return value
  throw wrong(name, text, 'a duration such as "2s", at most 1d')
}

function readTime(name: string, text: string): number {
  const value = readSpan(name, text)
  if (value > 0) return value
  throw wrong(name, text, 'more than nothing')
}

function readWord<const W extends string>(name: string, text: string, words: readonly W[]): W {
  const found = words.find((word) => word === text)
  if (found !== undefined) return found
  throw wrong(name, text, words.join(', '))
}

function readAlgorithms(name: string, text: string): BalancerName[] {
  return text.split(',').map((word) => {
    const found = balancerNames.find((known) => known === word.trim())
    if (found !== undefined) return found
    throw new UsageError(`--${name}: there is no algorithm "${word.trim()}"${suggestion(word.trim(), balancerNames)}`)
  })
}

/** What the study of the algorithms found good: five in a row, ten seconds, at most half. */
export const defaultEjection: EjectionRule = { failures: 5, time: 10_000, max: 50 }

/** `on`, `off`, or `5,10s,50%`. */
function readEjection(text: string): EjectionRule | null {
  if (text === 'off') return null
  if (text === 'on') return defaultEjection
  const [failures = '', time = '', max = '', ...more] = text.split(',')
  const span = parseExactDuration(time)
  const percent = parsePercent(max)
  if (!/^[1-9]\d{0,5}$/.test(failures) || span === null || span === 0 || percent === null || more.length > 0) {
    const { failures: f, time: t, max: m } = defaultEjection
    throw wrong('ejection', text, `"on", "off" or failures, time and share such as ${f},${formatDuration(ms(t))},${m}%`)
  }
  return { failures: Number(failures), time: span, max: percent }
}

function readAssertion(text: string): Assertion {
  const parsed = parseAssertion(text, balancerNames)
  if (!('column' in parsed)) return parsed
  const { column, message } = parsed
  throw new UsageError(`--assert: column ${column}: ${message}\n\n  ${text}\n  ${' '.repeat(column - 1)}^`)
}

/** The algorithms that the assertions speak of. */
export const assertedAlgorithms = (assertions: readonly Assertion[]): string[] => assertions.flatMap(algorithmsIn)
