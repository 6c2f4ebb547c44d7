// What becomes of requests when servers are full, slow or failing: short forms, layers over the defaults, fallbacks.
import { describe, expect, test } from 'vitest'
import type { BackendConfig } from '../../src/config/config.ts'
import { around, valid } from './support.ts'

const backend = (text: string, top = ''): BackendConfig => valid(around({ backend: text, top })).backends[0]!
const retry = (text: string, top = '') => backend(`retry: ${text}`, top).retry

test('a server has its own limit, that of the backend, or that of the defaults', () => {
  const limits = (backendText: string, top = '') =>
    valid(around({ servers: '[a:1, {address: b:1, max_connections: 0}]', backend: backendText, top })).backends[0]!
  const top = 'defaults: {max_connections_per_server: 5}'
  expect(limits('', top).servers.map(({ maxConnections }) => maxConnections)).toEqual([5, 0])
  expect(limits('max_connections_per_server: 7', top).servers[0]!.maxConnections).toBe(7)
  expect(limits('max_connections: 9').maxConnections).toBe(9)
})

test('max_connections of the defaults is about frontends alone', () => {
  const config = valid(around({ top: 'defaults: {max_connections: 5}' }))
  expect(config.frontends[0]!.maxConnections).toBe(5)
  expect(config.backends[0]!.maxConnections).toBe(0)
})

test('queue, retries and the deadline come from the defaults one by one', () => {
  const top =
    'defaults: {queue: {max: 5, timeout: 1s}, retries: 1, retry: {budget: 50%, backoff: 1s}, timeouts: {request: 9s}}'
  expect(backend('max_connections: 1, queue: {max: 0}, retry: {body: 0B}', top)).toMatchObject({
    queue: { max: 0, timeout: 1000 },
    retries: 1,
    retry: { budget: 50, backoff: 1000, body: 0 },
    timeouts: { request: 9000 },
  })
})

describe('retry', () => {
  test.each([
    ['closed', '[connect, closed]', { closed: true, timeout: false, statuses: [] }],
    ['connect', '[connect]', { closed: false, timeout: false, statuses: [] }],
    ['503', '[connect, "503"]', { closed: false, timeout: false, statuses: [503] }],
    [
      '[timeout, 504, 429, 504]',
      '[connect, timeout, 429, 504]',
      { closed: false, timeout: true, statuses: [429, 504] },
    ],
  ])('on: %s is on: %s', (short, long, expected) => {
    expect(retry(`{on: ${short}}`)).toMatchObject(expected)
    expect(retry(`{on: ${long}}`)).toEqual(retry(`{on: ${short}}`))
  })

  test('what is said of causes goes before the defaults as a whole', () => {
    const top = 'defaults: {retry: {on: [timeout, 500]}}'
    expect(retry('{methods: all}', top)).toMatchObject({
      closed: false,
      timeout: true,
      statuses: [500],
      methods: 'all',
    })
    expect(retry('{on: closed}', top)).toMatchObject({ closed: true, timeout: false, statuses: [] })
  })
})

describe('ejection', () => {
  const ejection = (text: string, top = '') => backend(text, top).ejection
  const usual = { failures: 5, errorRatio: 0, latency: 0, minRequests: 20, time: 10_000, max: 50 }

  test('is on unless it is turned off, by the backend before the defaults', () => {
    for (const form of ['on', 'true', '{}']) expect(ejection(`ejection: ${form}`), form).toEqual(usual)
    for (const form of ['off', 'false']) expect(ejection(`ejection: ${form}`), form).toBeNull()
    expect(ejection('', 'defaults: {ejection: off}')).toBeNull()
    expect(ejection('ejection: on', 'defaults: {ejection: off}')).toEqual(usual)
    expect(ejection('ejection: off', 'defaults: {ejection: {time: 1s}}')).toBeNull()
  })

  test('options come from the defaults one by one', () => {
    const top = 'defaults: {ejection: {time: 1s, max: 20%}}'
    expect(ejection('ejection: {latency: 1.5, max: 30%}', top)).toEqual({ ...usual, latency: 1.5, time: 1000, max: 30 })
    expect(ejection('ejection: on', top)).toEqual({ ...usual, time: 1000, max: 20 })
  })
})

describe('circuit breaker', () => {
  const breaker = (text: string, top = '') => backend(`circuit_breaker: ${text}`, top).breaker
  const usual = {
    errorRatio: 50,
    minRequests: 20,
    window: 10_000,
    open: 5000,
    trials: 5,
    fallback: null,
    answer: null,
  }

  test('is off unless it is turned on', () => {
    expect(backend('').breaker).toBeNull()
    for (const form of ['on', 'true', '{}']) expect(breaker(form), form).toEqual(usual)
    expect(breaker('off', 'defaults: {circuit_breaker: on}')).toBeNull()
    expect(backend('', 'defaults: {circuit_breaker: {trials: 1}}').breaker).toEqual({ ...usual, trials: 1 })
  })

  test('an answer is filled in, part by part', () => {
    expect(breaker('{answer: {}}')!.answer).toEqual({ status: 503, contentType: 'text/plain; charset=utf-8', body: '' })
    const top = 'defaults: {circuit_breaker: {answer: {body: sorry}}}'
    expect(breaker('{answer: {status: 200}}', top)!.answer).toMatchObject({ status: 200, body: 'sorry' })
  })

  const two = (breakerText: string, frontends = 'web: {bind: ":80", backend: a}', b = '') =>
    valid(
      `frontends: {${frontends}}\nbackends:\n  a: {servers: [a:1], circuit_breaker: ${breakerText}}\n  b: {servers: [b:1]${b}}\n`,
      {},
    ).backends

  test('a fallback counts as used, in the mode of those whose requests it gets', () => {
    expect(two('{fallback: b}')[0]!.breaker).toEqual({ ...usual, fallback: 'b' })
    expect(two('{fallback: b}', 'web: {mode: tcp, bind: ":80", backend: a}').map(({ mode }) => mode)).toEqual([
      'tcp',
      'tcp',
    ])
  })

  test('a fallback goes before an answer of the defaults', () => {
    const text =
      'defaults: {circuit_breaker: {answer: {}}}\nfrontends: {web: {bind: ":80", backend: a}}\nbackends: {a: {servers: [a:1], circuit_breaker: {fallback: b}}, b: {servers: [b:1]}}'
    expect(valid(text).backends.map((each) => each.breaker)).toMatchObject([
      { fallback: 'b', answer: null },
      { fallback: null, answer: { status: 503 } },
    ])
  })
})
