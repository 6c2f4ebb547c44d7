// Assertions on the results of a comparison, for a CI job that wants to fail: `p99 <= 0.9*leastconn`, `errors < 0.1%`,
// `adaptive.p99 <= 60ms`. From text to a tree of three parts, and from results to a verdict that shows both numbers.
//
//   assertion = [ algorithm "." ] metric operator bound
//   operator  = "<=" | "<" | ">=" | ">"
//   bound     = number unit | [ number "*" ] algorithm [ "." metric ]
//   unit      = "ms" | "s" for latencies, "%" for shares, none for ratios
import { formatMetric, metricNames, metrics, type MetricName, type Unit } from './metrics.ts'
import type { Result } from './types.ts'

const operators = ['<=', '<', '>=', '>'] as const // longer ones first: the first that fits is taken
type Operator = (typeof operators)[number]

interface Quantity {
  /** null: the subject of the comparison. */
  readonly algorithm: string | null
  readonly metric: MetricName
}

export interface Assertion {
  readonly text: string
  readonly left: Quantity
  readonly operator: Operator
  /** A number in the metric's own unit (ms, share of 1, ratio), or a multiple of what an algorithm reaches. */
  readonly right: { readonly value: number } | (Quantity & { readonly factor: number; readonly algorithm: string })
}

/** What is wrong with the text, and where: `column` counts from 1. */
export interface BadAssertion {
  readonly message: string
  readonly column: number
}

/** Thrown and caught within this file: a text that ends early can do so at every step. */
class Misread extends Error {
  readonly column: number
  constructor(column: number, message: string) {
    super(message)
    this.column = column
  }
}

/** @param algorithms names that can be meant */
export function parseAssertion(text: string, algorithms: readonly string[]): Assertion | BadAssertion {
  try {
    return new Parser(text, algorithms).assertion()
  } catch (error) {
    if (!(error instanceof Misread)) throw error
    return { message: error.message, column: error.column }
  }
}

const units: Readonly<Record<Unit, Readonly<Record<string, number>>>> = {
  ms: { ms: 1, s: 1000 },
  share: { '%': 0.01 },
  ratio: {},
}

const listed = (words: readonly string[]): string => words.join(', ')

class Parser {
  readonly #text: string
  readonly #algorithms: readonly string[]
  #at = 0

  constructor(text: string, algorithms: readonly string[]) {
    this.#text = text
    this.#algorithms = algorithms
  }

  assertion(): Assertion {
    const left = this.#subject()
    const operator = this.#operator()
    const right = this.#bound(left.metric)
    this.#skip()
    if (this.#at < this.#text.length) throw this.#misread('expected the end')
    return { text: this.#text, left, operator, right }
  }

  #subject(): Quantity {
    this.#skip()
    const metric = this.#take(metricNames)
    if (metric !== null) return { algorithm: null, metric }
    const start = this.#at
    const algorithm = this.#take(this.#algorithms)
    if (algorithm === null)
      throw this.#misread(`expected a metric (${listed(metricNames)}) or an algorithm before a "."`)
    if (this.#text[this.#at] !== '.') throw this.#misread(`expected ".metric" after ${algorithm}`)
    this.#at++
    return { algorithm, metric: this.#metric(start) }
  }

  #metric(start: number): MetricName {
    const metric = this.#take(metricNames)
    if (metric !== null) return metric
    throw this.#misread(`expected a metric after "${this.#text.slice(start, this.#at)}": ${listed(metricNames)}`)
  }

  #operator(): Operator {
    this.#skip()
    const operator = operators.find((each) => this.#text.startsWith(each, this.#at))
    if (operator === undefined) throw this.#misread(`expected one of ${operators.join(' ')}`)
    this.#at += operator.length
    return operator
  }

  #bound(metric: MetricName): Assertion['right'] {
    this.#skip()
    const number = /^\d+(\.\d+)?/.exec(this.#text.slice(this.#at))?.[0]
    // An algorithm may begin with a digit only if it is no number: `2*leastconn` and `60ms` are read as numbers first.
    if (number === undefined) return this.#multiple(1, metric)
    this.#at += number.length
    this.#skip()
    if (this.#text[this.#at] === '*') {
      this.#at++
      this.#skip()
      return this.#multiple(Number(number), metric)
    }
    return { value: Number(number) * this.#unit(metric) }
  }

  #multiple(factor: number, metric: MetricName): Assertion['right'] {
    const start = this.#at
    const algorithm = this.#take(this.#algorithms)
    if (algorithm === null) throw this.#misread(`expected a number or an algorithm: ${listed(this.#algorithms)}`)
    if (this.#text[this.#at] !== '.') return { factor, algorithm, metric }
    this.#at++
    const other = this.#metric(start)
    if (metrics[other].unit === metrics[metric].unit) return { factor, algorithm, metric: other }
    this.#at = start
    throw this.#misread(`${other} cannot be compared with ${metric}: they have different units`)
  }

  /** What one of the unit is in the metric's own. */
  #unit(metric: MetricName): number {
    const factors = units[metrics[metric].unit]
    const known = Object.keys(factors)
    const unit = this.#take(known)
    if (unit !== null) return factors[unit]!
    if (known.length === 0 && this.#at === this.#text.trimEnd().length) return 1
    throw this.#misread(
      known.length === 0 ? 'expected no unit: this is a ratio' : `expected a unit: ${known.join(' or ')}`,
    )
  }

  /** The longest of these words that stands here as a whole, or null. */
  #take<W extends string>(words: readonly W[]): W | null {
    const rest = this.#text.slice(this.#at)
    const fitting = words.filter((word) => rest.startsWith(word) && !/^[a-z0-9_-]/i.test(rest.slice(word.length)))
    const longest = fitting.toSorted((a, b) => b.length - a.length)[0]
    if (longest === undefined) return null
    this.#at += longest.length
    return longest
  }

  #skip(): void {
    while (this.#text[this.#at] === ' ') this.#at++
  }

  #misread(message: string): Misread {
    return new Misread(this.#at + 1, message)
  }
}

export interface Verdict {
  readonly text: string
  readonly holds: boolean
  /** Says both numbers, whether it holds or not. */
  readonly sentence: string
}

const holds: Readonly<Record<Operator, (a: number, b: number) => boolean>> = {
  '<=': (a, b) => a <= b,
  '<': (a, b) => a < b,
  '>=': (a, b) => a >= b,
  '>': (a, b) => a > b,
}

/** Names of algorithms that an assertion needs the results of. */
export const algorithmsIn = ({ left, right }: Assertion): string[] =>
  [left.algorithm, 'algorithm' in right ? right.algorithm : null].filter((name) => name !== null)

/**
 * What cannot be measured, such as a latency where every request failed, never holds.
 * @param results the first is the subject @throws Error when an algorithm is named that has no result
 */
export function judge({ text, left, operator, right }: Assertion, results: readonly Result[]): Verdict {
  const resultOf = (name: string | null): Result => {
    const found = name === null ? results[0] : results.find(({ algorithm }) => algorithm === name)
    if (found === undefined) throw new Error(`there is no result of ${name}`)
    return found
  }
  const subject = resultOf(left.algorithm)
  const value = metrics[left.metric].read(subject)
  const said = `${left.metric} of ${subject.algorithm} is ${formatMetric(left.metric, value)}`
  if ('value' in right) {
    const met = holds[operator](value, right.value)
    return { text, holds: met, sentence: `${said}; wanted ${operator} ${formatMetric(left.metric, right.value)}` }
  }
  const other = metrics[right.metric].read(resultOf(right.algorithm))
  const bound = right.factor * other
  const times = right.factor === 1 ? '' : `, and ${right.factor} times that is ${formatMetric(right.metric, bound)}`
  const met = holds[operator](value, bound)
  const sentence = `${said}; wanted ${operator} ${right.metric} of ${right.algorithm}, which is ${formatMetric(right.metric, other)}${times}`
  return { text, holds: met, sentence }
}
