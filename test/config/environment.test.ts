// Variables in values: what they become, and that the rest of a text stays as it is.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { expand } from '../../src/config/environment.ts'
import { around, valid } from './support.ts'

const env = { A: 'one', B: 'two', EMPTY: '' }

test.each([
  ['${A}', 'one'],
  ['x${A}y${B}z', 'xoneytwoz'],
  ['${NONE:-fallback}', 'fallback'],
  ['${EMPTY:-fallback}', 'fallback'],
  ['${EMPTY}', ''],
  ['${A:-fallback}', 'one'],
  ['${NONE:-${B}}', 'two'],
  ['${NONE:-${ALSO_NONE:-a}b}c', 'abc'],
  ['${A:?needed}', 'one'],
  ['$$', '$'],
  ['$${A}', '${A}'],
  ['$A costs 5$', '$A costs 5$'],
  ['^/x$', '^/x$'],
])('%s becomes %s', (text, expected) => {
  expect(expand(text, env)).toMatchObject({ text: expected, problems: [] })
})

test.each([
  ['ab${NONE}', { code: 'UNSET_VARIABLE', at: 2, length: 7, message: expect.stringContaining('NONE is not set') }],
  ['${EMPTY:?say which}', { code: 'UNSET_VARIABLE', at: 0, message: 'EMPTY is not set: say which' }],
  ['${NONE:-${ALSO}}', { code: 'UNSET_VARIABLE', at: 8, length: 7 }],
  ['${1A}', { code: 'BAD_VARIABLE' }],
  ['${A-b}', { code: 'BAD_VARIABLE' }],
  ['${}', { code: 'BAD_VARIABLE' }],
  ['a${A', { code: 'BAD_VARIABLE', at: 1 }],
])('%s is a problem', (text, expected) => {
  expect(expand(text, env).problems).toMatchObject([expected])
})

test('text without a dollar sign is never changed, and doubling the signs keeps any text', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(expand(text.replaceAll('$', '$$$$'), env)).toEqual({ text, used: false, problems: [] })
    }),
  )
})

test('a plain value takes the type of what is filled in, a quoted one stays text', () => {
  const port = (text: string): unknown =>
    valid(`frontends:\n  web:\n    bind: ${text}\n    backend: app\nbackends: {app: {servers: [a:1]}}`, { P: '81' })
      .frontends[0]!.binds[0]!.port
  expect(port('${P}')).toBe(81)
  expect(port("'${P}'")).toBe(81)
  expect(port('127.0.0.1:${P}')).toBe(81)
  const top = 'global:\n  workers: ${W:-2}\ndefaults:\n  access_log: ${LOG}\n'
  const config = valid(around({ top }), { LOG: 'false' })
  expect([config.global.workers, config.frontends[0]!.accessLog]).toEqual([2, false])
})

test('what is filled in is text, never YAML', () => {
  expect(() => valid(around({ top: 'global:\n  workers: ${W}\n' }), { W: '2\nadmin: off' })).toThrow(
    /Cannot read workers/,
  )
})
