// Parts of keys as a snapshot carries them, from what a test wants to say of them.
import type { KeyPartSpec } from '../../src/messages/snapshot.ts'
import type { KeySource } from '../../src/model/balancers.ts'

/** All of the address, all of the target. */
export const keyPart = (source: KeySource, more: Partial<Omit<KeyPartSpec, 'source'>> = {}): KeyPartSpec => ({
  source,
  name: '',
  prefix4: 32,
  prefix6: 128,
  depth: 0,
  length: 0,
  ...more,
})
