// `weir check`: what it prints where, and its exit codes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { check } from '../../src/cli/check.ts'

let folder: string
let good: string
let bad: string
let out: string
let err: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-check-'))
  good = join(folder, 'good.yaml')
  bad = join(folder, 'bad.yaml')
  const text = 'frontends: {web: {bind: ":8080", backend: app}}\nbackends: {app: {servers: [a:1, b:1]}}\n'
  writeFileSync(good, text)
  writeFileSync(bad, text.replace('a:1', 'a'))
  out = ''
  err = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => Boolean((out += chunk.toString())))
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => Boolean((err += chunk.toString())))
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true })
})

test.each([[[]], [['-c']], [['-f']], [['--config']]])('a right file is OK, however it is named: %s', async (option) => {
  expect(await check([...option, good])).toBe(0)
  expect(out).toBe(`${good}: OK (1 frontend, 1 backend, 2 servers)\n`)
  expect(err).toBe('')
})

test('problems go to stderr, and the exit code is 1', async () => {
  expect(await check([bad])).toBe(1)
  expect(err).toMatch(new RegExp(`^${bad}:2:28: BAD_ADDRESS: .*\n  2 \\| .*\n    \\| {28}\\^\n$`))
  expect(out).toBe('')
})

test('warnings are printed and do not fail', async () => {
  writeFileSync(good, 'frontends: {w: {bind: 1, backend: a}}\nbackends: {a: {servers: [a:1]}, b: {servers: [a:1]}}')
  expect(await check([good])).toBe(0)
  expect(err).toContain('UNUSED_BACKEND: warning:')
  expect(out).toContain('OK (1 frontend, 2 backends, 2 servers)')
})

test('an unwise balancer is a warning, at its place', async () => {
  writeFileSync(
    good,
    'frontends: {w: {mode: tcp, bind: 1, backend: a}}\nbackends: {a: {servers: [a:1], balance: hash}}',
  )
  expect(await check([good])).toBe(0)
  expect(err).toContain(`${good}:2:41: UNWISE_BALANCE: warning: hash has no key`)
})

test('json is one document on stdout', async () => {
  expect(await check(['--format', 'json', bad])).toBe(1)
  expect(JSON.parse(out)).toMatchObject({
    valid: false,
    problems: [{ code: 'BAD_ADDRESS', file: bad, line: 2, column: 28 }],
  })
  out = ''
  expect(await check(['--format=json', good])).toBe(0)
  expect(JSON.parse(out)).toEqual({ valid: true, problems: [] })
  expect(err).toBe('')
})

test.each([[[]], [['--nope']], [['a', 'b']], [['--format', 'xml', 'a']], [['-c', 'a', 'b']]])(
  'wrong usage is 2: %s',
  async (argv) => {
    expect(await check(argv)).toBe(2)
    expect(err).toContain('Usage: weir check')
  },
)

test('--help is no error', async () => {
  expect(await check(['--help'])).toBe(0)
  expect(out).toContain('Exit codes')
})

test('a file that is missing is invalid, not a crash', async () => {
  expect(await check([join(folder, 'none.yaml')])).toBe(1)
  expect(err).toContain('UNREADABLE_FILE')
})
