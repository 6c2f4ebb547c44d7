// Parts of keys as a snapshot carries them, from what a test wants to say of them.
import type { KeySource, KeyPart } from '../../src/model/balancers.ts'

/** All of the address, all of the target. */
export const keyPart = (source: KeySource, more: Partial<Omit<KeyPart, 'source'>> = {}): KeyPart => ({
  source,
  name: '',
  prefix4: 32,
  prefix6: 128,
  depth: 0,
  length: 0,
  ...more,
})
