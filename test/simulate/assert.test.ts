// Assertions on results: what can be said, what is wrong with what cannot, and what is said of the outcome.
import { describe, expect, test } from 'vitest'
import { algorithmsIn, judge, parseAssertion, type Assertion } from '../../src/simulate/assert.ts'
import { resultOf } from './results.ts'

const names = ['adaptive', 'leastconn', 'p2c', 'peak-ewma']
const results = [
  resultOf('adaptive', { p99: 48, errors: 0.0003, over: 0.01 }),
  resultOf('leastconn', { p99: 60, p95: 40, errors: 0.4 }),
  resultOf('peak-ewma', { p999: 2000 }),
]

function parsed(text: string): Assertion {
  const assertion = parseAssertion(text, names)
  if ('column' in assertion) throw new Error(`${assertion.column}: ${assertion.message}`)
  return assertion
}
const holds = (text: string): boolean => judge(parsed(text), results).holds

describe('what holds and what does not', () => {
  test.each([
    ['p99<=0.9*leastconn', true],
    ['p99 <= 0.8*leastconn', true],
    ['p99 < 0.8 * leastconn', false],
    ['p99>=leastconn', false],
    ['p99 > leastconn.p95', true],
    ['leastconn.p99 <= 60ms', true],
    ['leastconn.p99 < 0.06s', false],
    ['p99<0.05s', true],
    ['errors<0.1%', true],
    ['leastconn.errors<=40%', true],
    ['errors < 0.01*leastconn', true],
    ['over<=1%', true],
    ['imbalance<=1.02', true],
    ['inflight<1.05', false],
    ['peak-ewma.p99.9>1s', true],
    ['p99.9<=100ms', true],
    ['p99.9 <= peak-ewma.p99.9', true],
    ['mean<peak-ewma.p99.9', true],
  ])('%s: %s', (text, expected) => expect(holds(text)).toBe(expected))

  test('what cannot be measured never holds', () => {
    const none = [resultOf('adaptive', { p99: Number.NaN })]
    expect(judge(parsed('p99<=1s'), none).holds).toBe(false)
    expect(judge(parsed('p99>1ms'), none).holds).toBe(false)
    expect(judge(parsed('p99>1ms'), none).sentence).toBe('p99 of adaptive is -; wanted > 1.00 ms')
  })
})

describe('the sentence has both numbers', () => {
  test.each([
    [
      'p99<=0.7*leastconn',
      'p99 of adaptive is 48.0 ms; wanted <= p99 of leastconn, which is 60.0 ms, and 0.7 times that is 42.0 ms',
    ],
    ['p99<=leastconn', 'p99 of adaptive is 48.0 ms; wanted <= p99 of leastconn, which is 60.0 ms'],
    ['errors<=0.01%', 'errors of adaptive is 0.030 %; wanted <= 0.010 %'],
    ['leastconn.imbalance<1', 'imbalance of leastconn is 1.02; wanted < 1.00'],
  ])('%s', (text, sentence) => expect(judge(parsed(text), results).sentence).toBe(sentence))
})

describe('what cannot be read is pointed at', () => {
  test.each([
    ['', 1, 'expected a metric'],
    ['p98<=1ms', 1, 'expected a metric'],
    ['p99', 4, 'expected one of <= < >= >'],
    ['p99==1ms', 4, 'expected one of'],
    ['p99<=', 6, 'expected a number or an algorithm'],
    ['p99<=60', 8, 'expected a unit: ms or s'],
    ['p99<=60%', 8, 'expected a unit: ms or s'],
    ['p99<=60msec', 8, 'expected a unit: ms or s'],
    ['errors<=0.1', 12, 'expected a unit: %'],
    ['imbalance<=1.2ms', 15, 'expected no unit'],
    ['p99<=0.9*lestconn', 10, 'expected a number or an algorithm'],
    ['p99<=0.9leastconn', 9, 'expected a unit'],
    ['leastconn<=60ms', 10, 'expected ".metric" after leastconn'],
    ['leastconn.p98<=60ms', 11, 'expected a metric after "leastconn."'],
    ['p99<=60ms please', 11, 'expected the end'],
    ['p99<=leastconn.errors', 6, 'they have different units'],
    ['p99<=2*3*leastconn', 8, 'expected a number or an algorithm'],
  ])('%s: column %i', (text, column, message) => {
    const bad = parseAssertion(text, names)
    expect(bad).toMatchObject({ column })
    expect((bad as { message: string }).message).toContain(message)
  })
})

test('an assertion tells which algorithms it needs', () => {
  expect(algorithmsIn(parsed('p2c.p99<=0.9*leastconn'))).toEqual(['p2c', 'leastconn'])
  expect(algorithmsIn(parsed('p99<=60ms'))).toEqual([])
})
