// Holds a tree of nodes against a schema: reports everything that is wrong where it stands, and returns what is right.
// Composite schemas (maps, lists, forms told apart by their kind) are walked here, because a walk knows the node and can
// go on after a problem; single values are judged by zod. A test keeps both of one mind.
import { z } from 'zod'
import { factsOf } from './options.ts'
import { suggestion } from './nearest.ts'
import { nearestNetwork } from './network.ts'
import type { Problems } from './problems.ts'
import { show, type ListNode, type MapNode, type Node, type Place } from './tree.ts'

type Schema = z.core.$ZodType

/** How the schema is put together, as far as the walk needs to know. */
export type Form =
  | { readonly type: 'leaf'; readonly schema: z.ZodType }
  | { readonly type: 'map'; readonly shape: Readonly<Record<string, Schema>> }
  | { readonly type: 'names'; readonly key: z.ZodType; readonly value: Schema; readonly nonEmpty: boolean }
  | { readonly type: 'list'; readonly item: Schema; readonly nonEmpty: boolean }
  | { readonly type: 'either'; readonly forms: readonly Schema[] }

const formBySchema = new WeakMap<Schema, Form>()

export function formOf(schema: Schema): Form {
  let known = formBySchema.get(schema)
  if (known === undefined) formBySchema.set(schema, (known = findForm(schema)))
  return known
}

function findForm(schema: Schema): Form {
  if (schema instanceof z.ZodOptional) return formOf(schema.unwrap())
  const { kind, nonEmpty = false } = factsOf(schema)
  if (kind !== undefined) return { type: 'leaf', schema: schema as z.ZodType }
  if (schema instanceof z.ZodObject) return { type: 'map', shape: schema.shape }
  if (schema instanceof z.ZodRecord)
    return { type: 'names', key: schema.keyType as z.ZodType, value: schema.valueType, nonEmpty }
  if (schema instanceof z.ZodArray) return { type: 'list', item: schema.element, nonEmpty }
  if (schema instanceof z.ZodUnion) return { type: 'either', forms: schema.options }
  throw new Error(`a schema of type ${schema._zod.def.type} has no kind`)
}

/** Completes 'expected ...'. */
export function expectation(schema: Schema): string {
  const form = formOf(schema)
  switch (form.type) {
    case 'leaf':
      return factsOf(form.schema).expects ?? 'another value'
    case 'map':
    case 'names':
      return 'a map'
    case 'list':
      return 'a list'
    case 'either':
      return [...new Set(form.forms.map(expectation))].join(', or ')
  }
}

/** Does the kind of node fit the schema at all? */
function fits(schema: Schema, node: Node): boolean {
  const form = formOf(schema)
  if (form.type === 'either') return form.forms.some((each) => fits(each, node))
  if (form.type === 'leaf') return node.kind === 'scalar'
  return node.kind === (form.type === 'list' ? 'list' : 'map')
}

export class Reader {
  readonly #problems: Problems
  constructor(problems: Problems) {
    this.#problems = problems
  }

  /**
   * @param label what the value is called in messages: its key, or 'item 2 of bind'
   * @param key place of the key, where a value that is not there is reported
   * @returns the value as plain data, without its wrong parts; undefined when nothing of it is right
   */
  read(schema: Schema, node: Node, label: string, key: Place = node.place): unknown {
    if (node.kind === 'scalar' && node.broken) return undefined
    const form = formOf(schema)
    if (form.type === 'either') {
      const choice = form.forms.find((each) => fits(each, node))
      return choice ? this.read(choice, node, label, key) : this.#refuse(schema, node, label, key)
    }
    if (!fits(schema, node)) return this.#refuse(schema, node, label, key)
    switch (form.type) {
      case 'leaf':
        return this.#value(form.schema, node, label, key)
      case 'map':
        return this.#map(form.shape, node as MapNode, label, key)
      case 'names': {
        const { entries } = node as MapNode
        if (form.nonEmpty && entries.size === 0) return this.#empty(label, key)
        for (const entry of entries.values()) {
          if (form.key.safeParse(entry.key).success) continue
          const { code = 'BAD_NAME', expects } = factsOf(form.key)
          this.#problems.add(entry.keyPlace, code, `Cannot use this key in ${label}: expected ${expects}`)
        }
        const read = [...entries.values()].map((each) => [
          each.key,
          this.read(form.value, each.value, each.key, each.keyPlace),
        ])
        return Object.fromEntries(read)
      }
      case 'list': {
        const { items } = node as ListNode
        if (form.nonEmpty && items.length === 0) return this.#empty(label, key)
        return items.map((item, i) =>
          this.read(form.item, item, items.length === 1 ? label : `item ${i + 1} of ${label}`),
        )
      }
    }
  }

  #map(shape: Readonly<Record<string, Schema>>, node: MapNode, label: string, key: Place): unknown {
    const result: Record<string, unknown> = {}
    for (const entry of node.entries.values()) {
      const schema = shape[entry.key]
      if (schema && Object.hasOwn(shape, entry.key)) {
        result[entry.key] = this.read(schema, entry.value, entry.key, entry.keyPlace)
        continue
      }
      const known = Object.keys(shape)
      const where = label === '' ? '' : ` in ${label}`
      this.#problems.add(
        entry.keyPlace,
        'UNKNOWN_KEY',
        `Unknown option "${entry.key}"${where}${suggestion(entry.key, known)}`,
      )
    }
    for (const [name, schema] of Object.entries(shape)) {
      if (node.entries.has(name) || schema instanceof z.ZodOptional) continue
      this.#problems.add(key, 'MISSING', label === '' ? `There is no section "${name}"` : `${label} has no "${name}"`)
    }
    return result
  }

  #value(schema: z.ZodType, node: Node, label: string, key: Place): unknown {
    if (node.kind !== 'scalar') return undefined
    const parsed = schema.safeParse(node.value)
    if (parsed.success) return node.value
    const { code = 'BAD_VALUE', expects } = factsOf(schema)
    const issue = parsed.error.issues[0]!
    const own = issue.code === 'custom' ? (issue.params as { code: typeof code }).code : code
    const message = issue.message.startsWith('expected') ? issue.message : `expected ${expects}`
    const place = node.value === null ? key : node.place
    const verb = own === 'OUT_OF_RANGE' ? 'use' : 'read'
    this.#problems.add(place, own, `Cannot ${verb} ${label}: ${message}, got ${show(node)}${hint(own, node)}`)
    return undefined
  }

  #refuse(schema: Schema, node: Node, label: string, key: Place): undefined {
    const nothing = node.kind === 'scalar' && node.value === null
    const place = nothing ? key : node.place
    this.#problems.add(place, 'BAD_VALUE', `Cannot read ${label}: expected ${expectation(schema)}, got ${show(node)}`)
  }

  #empty(label: string, key: Place): undefined {
    this.#problems.add(key, 'MISSING', `${label} is empty`)
  }
}

function hint(code: string, node: Node): string {
  if (node.kind !== 'scalar' || node.fromEnvironment) return ''
  if (code === 'BAD_NETWORK') {
    const near = nearestNetwork(String(node.value))
    return near === null ? '' : `; did you mean "${near}"?`
  }
  if (typeof node.value !== 'number') return ''
  return code === 'BAD_DURATION' ? `; a number needs its unit: "${node.value}s" or "${node.value}ms"` : ''
}
