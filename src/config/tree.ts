// The configuration as it was written: maps, lists and scalars that know their place in a file (or the command-line
// option they came from). Every later step keeps the node beside the value, so that it can say where a problem is.
// This file knows nothing of YAML and nothing of options.

/** A text that configuration comes from. */
export class Source {
  readonly kind: 'file' | 'flag'
  /** The file as the caller named it, or the option ('--listen'). */
  readonly name: string
  /** null: the file could not be read. */
  readonly text: string | null
  /** Folder that relative paths in this source start from. */
  readonly folder: string
  readonly #lines: number[] = [0]

  constructor(kind: 'file' | 'flag', name: string, text: string | null, folder: string) {
    this.kind = kind
    this.name = name
    this.text = text
    this.folder = folder
    for (let at = text?.indexOf('\n') ?? -1; at >= 0; at = text!.indexOf('\n', at + 1)) this.#lines.push(at + 1)
  }

  /** Line and column of an offset, both from 1. */
  position(offset: number): { line: number; column: number } {
    const after = this.#lines.findIndex((start) => start > offset)
    const line = after < 0 ? this.#lines.length : after
    return { line, column: offset - this.#lines[line - 1]! + 1 }
  }

  /** Offset of the end of the line that holds this offset, before its line break. */
  lineEnd(offset: number): number {
    const at = this.text!.indexOf('\n', offset)
    const end = at < 0 ? this.text!.length : at
    return this.text![end - 1] === '\r' && end > offset ? end - 1 : end
  }

  /** Text of a line, from 1, without its line break. */
  line(number: number): string {
    const start = this.#lines[number - 1]!
    return this.text!.slice(start, this.lineEnd(start))
  }
}

/** Offsets into the text of a source. */
export interface Place {
  readonly source: Source
  readonly start: number
  readonly end: number
}

export type Plain = string | number | boolean | null

export interface ScalarNode {
  readonly kind: 'scalar'
  readonly value: Plain
  /** As written, before variables are filled in: what messages may show. */
  readonly text: string
  /** The value holds something from the environment. */
  readonly fromEnvironment: boolean
  /** A variable in it could not be filled in, which is reported: there is no value to judge. */
  readonly broken?: boolean
  readonly place: Place
}

export interface ListNode {
  readonly kind: 'list'
  readonly items: readonly Node[]
  readonly place: Place
}

export interface Entry {
  readonly key: string
  readonly keyPlace: Place
  readonly value: Node
}

export interface MapNode {
  readonly kind: 'map'
  readonly entries: ReadonlyMap<string, Entry>
  readonly place: Place
}

export type Node = ScalarNode | ListNode | MapNode

/** The node under a key or an index; undefined where there is none. */
export function child(node: Node | undefined, step: string | number): Node | undefined {
  if (node?.kind === 'map') return node.entries.get(String(step))?.value
  return node?.kind === 'list' ? node.items[Number(step)] : undefined
}

/** The place of a key in a map, or of the map when the key is not there. */
export function keyPlace(node: MapNode, key: string): Place {
  return node.entries.get(key)?.keyPlace ?? node.place
}

/** A node in words for a message: as written and cut short. What looks like key material is never shown. */
export function show(node: Node): string {
  if (node.kind !== 'scalar') return node.kind === 'map' ? 'a map' : 'a list'
  if (node.value === null && node.text.trim() === '') return 'nothing'
  if (/-----BEGIN|PRIVATE KEY/.test(node.text)) return 'PEM text'
  const text = node.text.length > 60 ? `${node.text.slice(0, 57)}...` : node.text
  const quoted = typeof node.value === 'string' || node.fromEnvironment ? JSON.stringify(text) : text
  return node.fromEnvironment ? `${quoted} (from the environment)` : quoted
}
