// Fills in a group of plain options: the first layer that says something wins, then the default of the declaration.
// This is the one place where text becomes numbers with a unit.
import type { z } from 'zod'
import type { Settings } from './config.ts'
import { factsOf } from './options.ts'
import { parseDuration, parsePercent, parseSize } from './quantities.ts'

type Shape = Record<string, z.ZodOptional>
type Layer = Readonly<Record<string, unknown>> | undefined

/** Every option of the shape must have a default. Layers hold values that the reader has passed. */
export function settle<S extends Shape>(shape: S, ...layers: readonly Layer[]): Settings<S> {
  const settled: Record<string, unknown> = {}
  for (const [name, option] of Object.entries(shape)) {
    settled[camel(name)] = settleOne(option, ...layers.map((layer) => layer?.[name]))
  }
  return settled as Settings<S>
}

/** One option; `values` from the nearest layer to the farthest. */
export function settleOne(option: z.ZodOptional, ...values: readonly unknown[]): unknown {
  const written = values.find((value) => value !== undefined) ?? factsOf(option).default
  const { unit } = factsOf(option.unwrap())
  if (unit === 'ms') return parseDuration(written as string)
  if (unit === 'bytes') return parseSize(written as string | number)
  if (unit === '%') return parsePercent(written as string | number)
  return written
}

/** What can be off, on, or on with options, as it is written. */
type Switch<T> = T | boolean | 'on' | 'off' | undefined

/**
 * The layers of options of something that can be off, from the nearest to the farthest; null: it is off. The first that
 * says anything decides between on and off.
 */
export function switched<T extends object>(fallback: 'on' | 'off', ...said: readonly Switch<T>[]): T[] | null {
  const first = said.find((each) => each !== undefined) ?? fallback
  if (first === false || first === 'off') return null
  return said.filter((each) => typeof each === 'object')
}

const camels = new Map<string, string>()

function camel(name: string): string {
  let known = camels.get(name)
  if (known === undefined) {
    known = name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
    camels.set(name, known)
  }
  return known
}
