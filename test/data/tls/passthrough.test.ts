// Which rule of passthrough a hello matches: by name and by protocol, the first that does.
import { describe, expect, test } from 'vitest'
import { compilePassthrough } from '../../../src/data/tls/passthrough.ts'
import type { PassthroughSpec } from '../../../src/messages/tls.ts'

const rule = (names: readonly string[], protocols: readonly string[] = []): PassthroughSpec => ({
  names,
  protocols,
  backend: 0,
})
const match = (rules: readonly PassthroughSpec[], serverName: string, ...protocols: string[]): number =>
  compilePassthrough(rules)!({ serverName, protocols })

test('without rules there is nothing to ask', () => {
  expect(compilePassthrough([])).toBe(null)
})

describe('names', () => {
  test.each([
    ['a.test', true],
    ['a.test.', true],
    ['b.test', false],
    ['x.a.test', false],
    ['', false],
  ])('a.test and %j: %s', (name, matches) => {
    expect(match([rule(['a.test'])], name)).toBe(matches ? 0 : -1)
  })

  test.each([
    ['x.a.test', true],
    ['x.y.z.a.test', true],
    ['a.test', false],
    ['.a.test', false],
    ['xa.test', false],
    ['x.a.test.evil', false],
    ['', false],
  ])('*.a.test and %j: %s', (name, matches) => {
    expect(match([rule(['*.a.test'])], name)).toBe(matches ? 0 : -1)
  })

  test('a rule without names is for all of them, and for clients that ask for none', () => {
    expect(match([rule([])], 'any.test')).toBe(0)
    expect(match([rule([])], '')).toBe(0)
  })

  test('exact names and wildcards in one rule', () => {
    const rules = [rule(['b.test', '*.a.test', '*.deep.c.test'])]
    expect(['b.test', 'x.a.test', 'x.deep.c.test', 'deep.c.test'].map((name) => match(rules, name))).toEqual([
      0, 0, 0, -1,
    ])
  })
})

describe('protocols', () => {
  test('one that the client offers is enough', () => {
    const rules = [rule([], ['mqtt', 'postgresql'])]
    expect(match(rules, 'a.test', 'h2', 'postgresql')).toBe(0)
    expect(match(rules, 'a.test', 'h2')).toBe(-1)
    expect(match(rules, 'a.test')).toBe(-1)
  })

  test('name and protocol have to match both', () => {
    const rules = [rule(['a.test'], ['mqtt'])]
    expect([match(rules, 'a.test', 'mqtt'), match(rules, 'b.test', 'mqtt'), match(rules, 'a.test')]).toEqual([
      0, -1, -1,
    ])
  })
})

test('the first rule that matches wins', () => {
  const rules = [rule(['x.a.test']), rule(['*.a.test'], ['mqtt']), rule(['*.a.test']), rule([], ['mqtt'])]
  const asked: readonly (readonly [string, ...string[]])[] = [
    ['x.a.test', 'mqtt'],
    ['y.a.test', 'mqtt'],
    ['y.a.test', 'h2'],
    ['b.test', 'mqtt'],
    ['b.test'],
  ]
  expect(asked.map(([name, ...protocols]) => match(rules, name, ...protocols))).toEqual([0, 1, 2, 3, -1])
})
