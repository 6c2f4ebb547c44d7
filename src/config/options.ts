// The kinds of option there are, as zod schemas that know their own words: what they expect, what they are called in
// the manual, how a wrong value is reported. The options themselves are declared with these in schema-*.ts; nothing
// is transformed here, the value stays as written and resolve-*.ts reads it with the functions named beside each kind.
import { z } from 'zod'
import { parseServerAddress, parseBindAddress } from './address.ts'
import { nearest } from './nearest.ts'
import type { ProblemCode } from './problems.ts'
import {
  durationPattern,
  parseDuration,
  parsePercent,
  parseSize,
  percentPattern,
  sizePattern,
  type DurationText,
  type PercentText,
  type SizeText,
} from './quantities.ts'

/** What a schema carries in its meta data. Options have the first four, kinds the rest. */
export interface Facts {
  readonly description?: string
  readonly default?: string | number | boolean
  /** Heading of a section of the manual that a map has for itself. */
  readonly title?: string
  /** A default that is not a value of the option, in words for the manual. */
  readonly otherwise?: string
  /** Name of the kind in the manual; a schema that has one is checked as a whole, by zod. */
  readonly kind?: string
  /** Completes "expected ...". */
  readonly expects?: string
  readonly code?: ProblemCode
  readonly unit?: string
  readonly minimum?: number
  readonly maximum?: number
  /** Bounds as the manual and the messages show them. */
  readonly bounds?: string
  /** For editors. */
  readonly pattern?: string
  readonly nonEmpty?: boolean
}

/** Looked up once: a configuration of thousands of servers asks for those of one option as many times. */
const factsBySchema = new WeakMap<z.core.$ZodType, Facts>()

export function factsOf(schema: z.core.$ZodType): Facts {
  let known = factsBySchema.get(schema)
  if (known === undefined) factsBySchema.set(schema, (known = ((schema as z.ZodType).meta() ?? {}) as Facts))
  return known
}

/** A complaint about a value: the message says what was expected and never repeats the value. */
interface Complaint {
  readonly code: ProblemCode
  readonly message: string
}

type Check<T> = (value: T) => Complaint | null

/** A kind of value that zod checks as a whole. `T` is what the rest of the code sees it as. */
function kind<In, T = In>(schema: z.ZodType<In>, facts: Facts, check: Check<In> = () => null): z.ZodType<T> {
  return schema
    .check((context) => {
      const complaint = check(context.value)
      if (complaint === null) return
      const { code, message } = complaint
      context.issues.push({ code: 'custom', message, params: { code }, input: context.value })
    })
    .meta(facts as Record<string, unknown>) as unknown as z.ZodType<T>
}

const refuse = (code: ProblemCode, message: string): Complaint => ({ code, message })

/** An option with a default: a value of the option, or words for one that is worked out (`otherwise`). */
export function option<T extends z.ZodType>(
  type: T,
  facts: { doc: string; default?: string | number | boolean; otherwise?: string },
): z.ZodOptional<T> {
  const { doc, ...rest } = facts
  return type.optional().meta({ description: doc, ...rest })
}

/** An option that has to be there. */
export const required = <T extends z.ZodType>(type: T, doc: string): T =>
  type.meta({ ...type.meta(), description: doc })

/** Options that belong together, as a map of their own. */
export const group = <S extends z.core.$ZodLooseShape>(
  shape: S,
  doc: string,
): z.ZodOptional<z.ZodObject<S, z.core.$strict>> => z.strictObject(shape).optional().meta({ description: doc })

/** Read with parseDuration. */
export function duration(least: string, most: string): z.ZodType<DurationText> {
  const bounds = `${least} to ${most}`
  const facts = {
    kind: 'duration',
    expects: 'a duration such as "2s"',
    code: 'BAD_DURATION',
    unit: 'ms',
    bounds,
  } as const
  return kind<string, DurationText>(z.string(), { ...facts, pattern: durationPattern }, (written) => {
    const span = parseDuration(written)
    if (span === null) return refuse('BAD_DURATION', 'expected a duration such as "2s"')
    if (span >= parseDuration(least)! && span <= parseDuration(most)!) return null
    return refuse('OUT_OF_RANGE', `expected ${bounds}`)
  })
}

/** Read with parseSize. */
export function size(least: string, most: string): z.ZodType<SizeText> {
  const bounds = `${least} to ${most}`
  const facts = { kind: 'size', expects: 'a size such as "16KiB"', code: 'BAD_SIZE', unit: 'bytes', bounds } as const
  const schema = z.union([z.string().regex(new RegExp(`${sizePattern}|^[0-9]+$`)), z.int()])
  return kind<string | number, SizeText>(schema, facts, (written) => {
    const amount = parseSize(written)
    if (amount === null) return refuse('BAD_SIZE', 'expected a size such as "16KiB"')
    return amount >= parseSize(least)! && amount <= parseSize(most)!
      ? null
      : refuse('OUT_OF_RANGE', `expected ${bounds}`)
  })
}

/** A share of the whole. Read with parsePercent. */
export function percent(minimum = 0): z.ZodType<PercentText> {
  const bounds = `${minimum}% to 100%`
  const facts = { kind: 'percent', expects: 'a share such as "50%"', unit: '%', bounds } as const
  const schema = z.union([z.string().regex(new RegExp(percentPattern)), z.number().meta({ minimum, maximum: 100 })])
  return kind<string | number, PercentText>(schema, facts, (written) =>
    (parsePercent(written) ?? -1) < minimum ? refuse('OUT_OF_RANGE', `expected ${bounds}`) : null,
  )
}

/** A number that need not be whole. */
export function decimal(minimum: number, maximum: number): z.ZodType<number> {
  const bounds = `${minimum} to ${maximum}`
  return kind(z.number(), { kind: 'number', expects: 'a number', minimum, maximum, bounds }, (value) =>
    value >= minimum && value <= maximum ? null : refuse('OUT_OF_RANGE', `expected ${bounds}`),
  )
}

/** The same, or 0 for what is off. */
export function decimalOrZero(minimum: number, maximum: number): z.ZodType<number> {
  const bounds = `0, or ${minimum} to ${maximum}`
  return kind(z.number(), { kind: 'number', expects: 'a number', minimum: 0, maximum, bounds }, (value) =>
    value === 0 || (value >= minimum && value <= maximum) ? null : refuse('OUT_OF_RANGE', `expected ${bounds}`),
  )
}

export function integer(minimum: number, maximum: number, unit?: string): z.ZodType<number> {
  const bounds = `${minimum} to ${maximum}`
  const facts = { kind: 'integer', expects: 'a whole number', minimum, maximum, bounds, ...(unit ? { unit } : {}) }
  return kind(z.int(), facts, (value) =>
    value >= minimum && value <= maximum ? null : refuse('OUT_OF_RANGE', `expected ${bounds}`),
  )
}

/** A whole number, or the word `auto`. */
export function integerOrAuto(minimum: number, maximum: number): z.ZodType<number | 'auto'> {
  const bounds = `${minimum} to ${maximum}, or auto`
  const facts = { kind: 'integer or `auto`', expects: 'a whole number or "auto"', bounds }
  const schema = z.union([z.literal('auto'), z.int().meta({ minimum, maximum })])
  return kind(schema, facts, (value) =>
    value === 'auto' || (value >= minimum && value <= maximum) ? null : refuse('OUT_OF_RANGE', `expected ${bounds}`),
  )
}

export const flag = (): z.ZodType<boolean> => kind(z.boolean(), { kind: 'true or false', expects: 'true or false' })

/** What is off, or on with the options at their defaults. Read with switched() of settle.ts. */
export const onOff = (): z.ZodType<boolean | 'on' | 'off'> =>
  kind(z.union([z.boolean(), z.enum(['on', 'off'])]), { kind: '`on` or `off`', expects: '"on" or "off"' })

const listed = (words: readonly string[]): string => words.map((word) => `"${word}"`).join(', ')

/** One of some words; a near miss is recognised. */
export function word<const W extends string>(words: readonly W[]): z.ZodType<W> {
  const { explain, ...facts } = factsOfWords(words)
  return kind<W>(z.enum(words, { error: ({ input }) => explain(input) }), facts)
}

/** The same, where true and false stand for two of them. */
export function wordOrFlag<const W extends string>(words: readonly W[]): z.ZodType<W | boolean> {
  const { explain, ...facts } = factsOfWords(words)
  return kind<W | boolean>(z.union([z.boolean(), z.enum(words)], { error: ({ input }) => explain(input) }), facts)
}

function factsOfWords(words: readonly string[]) {
  const expects = words.length === 1 ? `"${words[0]}"` : `one of ${listed(words)}`
  const explain = (written: unknown): string => {
    const near = typeof written === 'string' ? nearest(written, words) : null
    return near === null ? `expected ${expects}` : `expected ${expects} (did you mean "${near}"?)`
  }
  return { kind: words.map((each) => `\`${each}\``).join(', '), expects, explain }
}

/** Text that matches a pattern, with words for what it should be. */
export function text(
  label: string,
  expects: string,
  pattern: RegExp,
  code: ProblemCode = 'BAD_VALUE',
): z.ZodType<string> {
  return kind(z.string().regex(pattern, { error: `expected ${expects}` }), { kind: label, expects, code })
}

/** Text that a function judges: null when it is right, else what was expected. */
export function judged<In extends string | number | boolean>(
  schema: z.ZodType<In>,
  facts: { kind: string; expects: string; code?: ProblemCode },
  judge: (value: In) => string | null,
): z.ZodType<In> {
  return kind(schema, facts, (value) => {
    const expected = judge(value)
    return expected === null ? null : refuse(facts.code ?? 'BAD_VALUE', expected)
  })
}

export const path = (): z.ZodType<string> => text('file path', 'the path of a file', /^(?!-----BEGIN)[^\n\0]+$/)

export const name = (): z.ZodType<string> =>
  text(
    'name',
    'a name of letters, digits, ".", "_" and "-", at most 64',
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'BAD_NAME',
  )

/** Where something stands: an availability zone, a rack. Some clouds number theirs. */
export const zone = (): z.ZodType<string | number> =>
  judged(
    z.union([z.string(), z.int()]),
    { kind: 'zone', expects: 'a zone such as "eu-central-1a": letters, digits, ".", "_" and "-", at most 64' },
    (value) =>
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(String(value)) ? null : 'expected a zone such as "eu-central-1a"',
  )

/** Read with parseBindAddress. */
export const bindAddress = (): z.ZodType<string | number> =>
  judged(
    z.union([z.string(), z.int()]),
    {
      kind: 'bind address',
      expects: 'an address such as ":8080", "127.0.0.1:8080", "[::1]:8080" or "unix:/run/weir.sock"',
      code: 'BAD_ADDRESS',
    },
    (value) => {
      const parsed = parseBindAddress(value)
      return 'expected' in parsed ? parsed.expected : null
    },
  )

/** Read with parseServerAddress. */
export const serverAddress = (): z.ZodType<string> =>
  judged(
    z.string(),
    {
      kind: 'server address',
      expects: 'an address such as "10.0.0.1:8080", "https://app.internal" or "unix:/run/app.sock"',
      code: 'BAD_ADDRESS',
    },
    (value) => {
      const parsed = parseServerAddress(value)
      return 'expected' in parsed ? parsed.expected : null
    },
  )

/** One form or another, told apart by being a scalar, a list or a map: at most one of each. */
export const either = <T extends readonly [z.ZodType, z.ZodType, ...z.ZodType[]]>(...forms: T): z.ZodUnion<T> =>
  z.union(forms)

/** A list with at least one item. Not by `min`, which zod tries on maps too when they have an option named `length`. */
export const listOf = <T extends z.ZodType>(item: T): z.ZodArray<T> =>
  z
    .array(item)
    .check(({ value, issues }) => {
      if (value.length === 0) issues.push({ code: 'custom', message: 'expected an item', input: value })
    })
    .meta({ nonEmpty: true })
