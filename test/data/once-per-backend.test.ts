// What is compiled of the configuration of a backend is compiled once. That frontends share it is persistence/persistence.test.ts.
import { expect, test } from 'vitest'
import { oncePerBackend } from '../../src/data/once-per-backend.ts'
import type { BackendSpec } from '../../src/messages/snapshot.ts'
import { backendSpec } from '../control/health/fixtures.ts'

test('each configuration of a backend is compiled once, also where nothing comes of it', () => {
  const seen: string[] = []
  const lengthOf = oncePerBackend(({ name }: BackendSpec) => (seen.push(name), name === 'none' ? null : { name }))
  const [one, other, none] = ['one', 'other', 'none'].map((name) => backendSpec({ name }))
  expect(lengthOf(one!)).toBe(lengthOf(one!))
  expect([lengthOf(other!), lengthOf(none!), lengthOf(none!)]).toEqual([{ name: 'other' }, null, null])
  expect(seen).toEqual(['one', 'other', 'none'])
  expect(lengthOf({ ...one! })).not.toBe(lengthOf(one!))
})
