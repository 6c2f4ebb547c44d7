// A configuration from the command line passes the same checks as one from a file.
import { expect, test } from 'vitest'
import { configFromFlags } from '../../src/config/from-flags.ts'
import { formatProblems } from '../../src/config/format.ts'
import { problemsOf, valid } from './support.ts'

test('options come to the same as a file', () => {
  const { config } = configFromFlags({
    listen: [':8080', '[::1]:81'],
    to: ['10.0.0.1:80,10.0.0.2:80', 'c:1'],
    balance: 'leastconn',
    check: '/healthz',
  })
  expect(config).toEqual(
    valid(`frontends: {main: {bind: [":8080", "[::1]:81"], backend: main}}
backends: {main: {servers: [10.0.0.1:80, 10.0.0.2:80, c:1], balance: leastconn, health_check: /healthz}}`),
  )
})

test('an algorithm that is unwise is a warning, with the option', () => {
  const loaded = configFromFlags({ listen: [':1'], to: ['a:1'], mode: 'tcp', balance: 'hash' })
  expect(loaded.config!.backends[0]!.balance.algorithm).toBe('hash')
  expect(problemsOf(loaded).map(({ flag, code }) => `${flag} ${code}`)).toEqual(['--balance UNWISE_BALANCE'])
})

test('tcp mode', () => {
  const { config } = configFromFlags({ listen: [':1'], to: ['a:1'], mode: 'tcp', check: 'off' })
  expect(config).toMatchObject({ frontends: [{ mode: 'tcp' }], backends: [{ mode: 'tcp', healthCheck: null }] })
})

test('problems name the option', () => {
  const loaded = configFromFlags({ listen: ['x'], to: ['a:1,b'], balance: 'leastcon', tls: 'none.pem', mode: 'htp' })
  expect(formatProblems(problemsOf(loaded), loaded.sources, 'text').trimEnd().split('\n').toSorted()).toEqual([
    '--balance: BAD_VALUE: Cannot read balance: expected one of "adaptive", "leastconn", "p2c", "roundrobin", "random", "peak-ewma", "hash", "affinity", "first", "source" (did you mean "leastconn"?), got "leastcon"',
    '--listen: BAD_ADDRESS: Cannot read bind: expected an address with a port, such as "127.0.0.1:8080" or ":8080", got "x"',
    '--mode: BAD_VALUE: Cannot read mode: expected one of "http", "tcp" (did you mean "http"?), got "htp"',
    '--tls: UNREADABLE_FILE: Cannot read the file "none.pem": there is no such file',
    '--to: BAD_ADDRESS: Cannot read item 2 of servers: expected a port too, such as "10.0.0.1:8080", got "b"',
  ])
})

test('what is missing is said, and nothing else', () => {
  expect(problemsOf(configFromFlags({})).map(({ flag, code }) => `${flag} ${code}`)).toEqual([
    '--listen MISSING',
    '--to MISSING',
  ])
})
