// Plots: SVG that is well-formed, says in words what it shows, runs nothing, and reads on light and dark pages.
import { describe, expect, test } from 'vitest'
import { plot } from '../../src/simulate/plot.ts'
import { curve, fraction, ticks } from '../../src/simulate/svg.ts'
import { resultOf } from './results.ts'

const input = {
  title: 'slow1: adaptive & others',
  doc: 'One server is <slow>.',
  results: [resultOf('adaptive'), resultOf('leastconn', { p99: 62.4, p999: 130 })],
  bucket: 1000,
  marked: ['web1'],
}
const svg = plot(input)

/** Names of elements in order; throws where one is not closed. */
function elements(markup: string): string[] {
  const open: string[] = []
  const all: string[] = []
  for (const [, end, name, rest] of markup.matchAll(/<(\/?)([a-z]+)((?:[^<>"]|"[^"]*")*)>/g)) {
    if (end === '/') expect(open.pop()).toBe(name)
    else {
      all.push(name!)
      if (!rest!.endsWith('/')) open.push(name!)
    }
  }
  expect(open).toEqual([])
  return all
}

test('it is well-formed, and has no script and nothing from elsewhere', () => {
  const names = elements(svg)
  expect(new Set(names)).toEqual(new Set(['svg', 'title', 'desc', 'style', 'rect', 'text', 'path']))
  expect(svg.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|url\(|javascript|\son\w+=/)
  expect(svg).not.toMatch(/NaN|Infinity|undefined/)
})

test('it says in words what it shows', () => {
  expect(svg).toContain('role="img" aria-labelledby="weir-title weir-desc"')
  expect(svg).toContain('<title id="weir-title">slow1: adaptive &amp; others</title>')
  expect(svg).toContain('One server is &lt;slow&gt;. adaptive: p99 50.0 ms. leastconn: p99 62.4 ms.</desc>')
})

test('every colour is a variable with a value for light and one for dark pages', () => {
  const style = /<style>([^]*)<\/style>/.exec(svg)![1]!
  const [light, dark] = style.split('@media (prefers-color-scheme: dark)')
  const used = new Set([...svg.matchAll(/var\((--[\w-]+)\)/g)].map(([, name]) => name!))
  expect(used.size).toBeGreaterThan(5)
  for (const name of used) {
    expect(light).toContain(`${name}: #`)
    expect(dark).toContain(`${name}: #`)
  }
  expect(svg.replace(style, '')).not.toMatch(/#[0-9a-f]{3,6}/)
})

test('it has a curve and a legend for each algorithm, and a line for each server', () => {
  expect(svg.match(/<path class="line subject"[^>]* d="M[^"]*L/g)).toHaveLength(1)
  for (const label of ['adaptive  p99 50.0 ms', 'leastconn  p99 62.4 ms', 'web1', 'the other 1']) {
    expect(svg).toContain(`>${label}</text>`)
  }
})

test('ten algorithms, a single one, and one without any answer can be drawn', () => {
  const many = Array.from({ length: 10 }, (_, i) => resultOf(`algorithm-${i}`))
  expect(plot({ ...input, results: many })).toContain('stroke-dasharray')
  elements(plot({ ...input, results: many.slice(0, 1), marked: [] }))
  const nan = Number.NaN
  const none = resultOf('adaptive', { p99: nan, p999: nan, quantiles: new Float64Array(201).fill(nan), timeline: [] })
  expect(plot({ ...input, results: [none] })).not.toMatch(/="[^"]*NaN/)
})

describe('scales', () => {
  test('values are placed between the ends, and brought to them from outside', () => {
    const log = { kind: 'log', low: 1, high: 100 } as const
    expect([1, 10, 100, 0, 1000].map((value) => fraction(log, value))).toEqual([0, 0.5, 1, 0, 1])
    expect(fraction({ kind: 'linear', low: 0, high: 4 }, 1)).toBe(0.25)
  })

  test('ticks are round', () => {
    expect(ticks({ kind: 'log', low: 3, high: 120 })).toEqual([5, 10, 20, 50, 100])
    expect(ticks({ kind: 'log', low: 0.001, high: 1 })).toEqual([0.001, 0.01, 0.1, 1])
    expect(ticks({ kind: 'linear', low: 0, high: 40 })).toEqual([0, 10, 20, 30, 40])
    expect(ticks({ kind: 'linear', low: 0, high: 0.7 })).toEqual([0, 0.2, 0.4, 0.6])
  })

  test('a curve goes through its points', () => {
    const box = { left: 10, top: 20, width: 100, height: 50 }
    const unit = { kind: 'linear', low: 0, high: 1 } as const
    expect(
      curve(
        [
          [0, 0],
          [0.5, 1],
          [1, 0.5],
        ],
        { box, x: unit, y: unit },
      ),
    ).toBe('M10 70L60 20L110 45')
  })
})
