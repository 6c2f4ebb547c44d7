// YAML text to a tree of nodes with places, variables filled in. The YAML itself is read by the `yaml` package; anchors
// and aliases work, merge keys (<<) do not: the section `defaults` is for that.
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type YAMLError } from 'yaml'
import { expand, type Environment } from './environment.ts'
import type { Problems } from './problems.ts'
import type { Entry, Node, Place, Plain, ScalarNode, Source } from './tree.ts'

const maxNodes = 200_000 // aliases of aliases grow without bound; no configuration comes near this
const maxDepth = 50

/** @returns the tree; null when the text is not YAML (reported), or says nothing at all (not reported) */
export function readYaml(source: Source, env: Environment, problems: Problems): Node | null {
  const text = source.text!
  const document = parseDocument(text, { lineCounter: new LineCounter(), prettyErrors: false, uniqueKeys: true })
  const broken = [...document.errors, ...document.warnings].filter((error) => !reportDuplicate(error, source, problems))
  const lines = new Set<number>()
  for (const error of broken) {
    const [start, end] = error.pos
    const { line } = source.position(start)
    if (lines.has(line)) continue // what follows on one line is mostly an echo of the first
    lines.add(line)
    problems.add({ source, start, end }, 'YAML_SYNTAX', syntaxMessage(error, source, start))
  }
  if (broken.length > 0) return null
  const tree = new Converter(source, document, env, problems).convert(document.contents, 0)
  return tree === null || (tree.kind === 'scalar' && tree.value === null) ? null : tree
}

/** Keys given twice leave a tree that can still be looked at. */
function reportDuplicate(error: YAMLError, source: Source, problems: Problems): boolean {
  if (error.code !== 'DUPLICATE_KEY') return false
  const [start] = error.pos
  const key = /^[^\s:]*/.exec(source.text!.slice(start))![0]
  problems.add({ source, start, end: start + key.length }, 'DUPLICATE_NAME', `"${key}" is given twice in one map`)
  return true
}

function syntaxMessage(error: YAMLError, source: Source, start: number): string {
  const { line } = source.position(Math.min(start, source.text!.length))
  const near = [line, line - 1].filter((each) => each > 0).map((each) => source.line(each))
  const special = near.some((each) => /\[[0-9A-Fa-f:.]*\]:/.test(each))
  const words = error.message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '')
  return special ? `${words}; an IPv6 address needs quotes, as in '[::1]:8080'` : words
}

class Converter {
  readonly #source: Source
  readonly #document: Document
  readonly #env: Environment
  readonly #problems: Problems
  #count = 0

  constructor(source: Source, document: Document, env: Environment, problems: Problems) {
    this.#source = source
    this.#document = document
    this.#env = env
    this.#problems = problems
  }

  convert(node: unknown, depth: number): Node | null {
    if (++this.#count === maxNodes || depth === maxDepth) {
      this.#problems.add(
        this.#place([0, 1]),
        'YAML_SYNTAX',
        'Too many nodes, or nested too deeply: do aliases refer to each other?',
      )
    }
    if (this.#count >= maxNodes || depth >= maxDepth) return null
    if (isAlias(node)) {
      const target = node.resolve(this.#document)
      return target ? this.convert(target, depth + 1) : this.#noAnchor(node.source, this.#place(node.range))
    }
    if (isScalar(node)) return this.#scalar(node.value, node.source, node.type, this.#place(node.range))
    if (isSeq(node)) {
      const items = node.items.map((item) => this.convert(item, depth + 1))
      return { kind: 'list', items: items.filter((item) => item !== null), place: this.#place(node.range) }
    }
    if (!isMap(node)) return null
    const entries = new Map<string, Entry>()
    for (const { key, value } of node.items) {
      const keyPlace = this.#place((key as { range?: [number, number, number] }).range)
      if (!isScalar(key)) {
        this.#problems.add(keyPlace, 'BAD_NAME', 'Cannot read this key: expected a plain word')
        continue
      }
      const name = key.source ?? String(key.value)
      const converted = value === null ? this.#nothing(keyPlace) : this.convert(value, depth + 1)
      if (converted && !entries.has(name)) entries.set(name, { key: name, keyPlace, value: converted })
    }
    return { kind: 'map', entries, place: this.#place(node.range) }
  }

  #noAnchor(name: string, place: Place): ScalarNode {
    const message = `There is no anchor "&${name}" for this alias; text that begins with "*" needs quotes, as in '*${name}'`
    this.#problems.add(place, 'YAML_SYNTAX', message)
    return { ...this.#nothing(place), broken: true }
  }

  #nothing(place: Place): ScalarNode {
    return { kind: 'scalar', value: null, text: '', fromEnvironment: false, place }
  }

  #scalar(read: unknown, source: string | undefined, type: string | undefined, place: Place): ScalarNode {
    const plain = type === 'PLAIN'
    const value = typeof read === 'bigint' ? Number(read) : (read as Plain) // what the core schema of YAML has
    const text = plain ? (source ?? '') : String(value ?? '')
    const node = { kind: 'scalar', text, fromEnvironment: false, place } as const
    if (!text.includes('$')) return { ...node, value }
    const expansion = expand(text, this.#env)
    for (const { code, message, at, length } of expansion.problems) {
      this.#problems.add(this.#within(place, text, at, length), code, `Cannot fill in a variable: ${message}`)
    }
    if (expansion.problems.length > 0) return { ...node, value: null, broken: true }
    return { ...node, value: plain ? typed(expansion.text) : expansion.text, fromEnvironment: expansion.used }
  }

  /** Place of a part of a scalar; of the whole scalar where escapes or folding have moved the characters. */
  #within(place: Place, text: string, at: number, length: number): Place {
    const written = this.#source.text!.slice(place.start, place.end)
    const shift = written.indexOf(text)
    return shift < 0 ? place : { ...place, start: place.start + shift + at, end: place.start + shift + at + length }
  }

  #place(range: readonly [number, number, number] | readonly [number, number] | null | undefined): Place {
    return { source: this.#source, start: range?.[0] ?? 0, end: range?.[1] ?? 0 }
  }
}

/** A plain scalar after its variables are filled in has the type that it would have had if written so. */
function typed(text: string): Plain {
  if (/^[-+]?\d{1,15}(\.\d+)?$/.test(text)) return Number(text)
  if (text === 'true' || text === 'false') return text === 'true'
  return text === '' || text === 'null' || text === '~' ? null : text
}
