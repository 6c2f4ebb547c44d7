// Scenario files: what they can say, and that whatever is wrong is reported at its place, all at once.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { loadScenario, type OwnScenario } from '../../src/cli/simulate-scenario.ts'
import { equalServers } from '../../src/simulate/scenarios.ts'
import type { SimulatedServer } from '../../src/simulate/types.ts'

const folder = mkdtempSync(join(tmpdir(), 'weir-scenario-'))
const file = join(folder, 'deploy.yaml')
afterAll(() => rmSync(folder, { recursive: true }))

function load(text: string, base: readonly SimulatedServer[] | null = null) {
  writeFileSync(file, text)
  return loadScenario(file, base)
}
function scenario(text: string, base: readonly SimulatedServer[] | null = null): OwnScenario {
  const loaded = load(text, base)
  if (loaded.scenario === null) throw new Error(loaded.problems.map(({ message }) => message).join('\n'))
  return loaded.scenario
}
const problems = (text: string, base: readonly SimulatedServer[] | null = null): string[] =>
  load(text, base).problems.map(({ line, column, code, message }) => `${line}:${column} ${code} ${message}`)

const backend = equalServers(2).map((server, i) => ({ ...server, name: `app${i + 1}`, weight: 3 }))

describe('what can be said', () => {
  test('next to nothing: eight equal servers', () => {
    expect(scenario('doc: Quiet.')).toEqual({
      name: 'deploy',
      doc: 'Quiet.',
      servers: equalServers(8),
      sizes: { kind: 'exponential', mean: 10 },
      faults: [],
      keys: { count: 10_000, zipf: 0 },
    })
  })

  test('a number of servers, or what each of them is', () => {
    expect(scenario('servers: 3').servers).toEqual(equalServers(3))
    const { servers } = scenario(
      'servers: { a: { cores: 2, speed: 0.5, discipline: fifo }, b: { weight: 9, tier: 1, zone: 7 } }',
    )
    expect(servers).toEqual([
      { name: 'a', weight: 1, tier: 0, zone: null, cores: 2, speed: 0.5, discipline: 'fifo' },
      { name: 'b', weight: 9, tier: 1, zone: '7', cores: 4, speed: 1, discipline: 'ps' },
    ])
  })

  test('of the servers of a backend, what is special', () => {
    expect(scenario('doc: x', backend).servers).toEqual(backend)
    expect(scenario('servers: { app2: { speed: 2 } }', backend).servers).toEqual([
      backend[0],
      { ...backend[1], speed: 2 },
    ])
  })

  test.each([
    ['2.5ms', { kind: 'exponential', mean: 2.5 }],
    ['{ kind: deterministic, mean: 1s }', { kind: 'deterministic', mean: 1000 }],
    ['{ kind: exponential }', { kind: 'exponential', mean: 10 }],
    ['{ kind: lognormal, sigma: 2 }', { kind: 'lognormal', mean: 10, sigma: 2 }],
    ['{ kind: mix, short: 0.5ms, share: 5% }', { kind: 'mix', short: 0.5, long: 50, share: 0.05 }],
  ])('sizes: %s', (text, sizes) => expect(scenario(`sizes: ${text}`).sizes).toEqual(sizes))

  test.each([
    ['kind: speed, servers: server-2, speed: 0.5', { kind: 'speed', servers: [1], speed: 0.5, from: 0, to: Infinity }],
    ['kind: ramp, servers: [server-1], speed: 0, to: 5s', { kind: 'ramp', servers: [0], speed: 0, from: 0, to: 5000 }],
    [
      'kind: stall, servers: [server-1, server-3], pause: 500ms, every: 10s',
      { kind: 'stall', servers: [0, 2], pause: 500, every: 10_000, from: 0, to: Infinity },
    ],
    ['kind: fail, servers: server-1', { kind: 'fail', servers: [0], share: 1, after: 0.3, from: 0, to: Infinity }],
    [
      'kind: fail, servers: server-1, share: 15%',
      { kind: 'fail', servers: [0], share: 0.15, after: 0.3, from: 0, to: Infinity },
    ],
    ['kind: hang, servers: server-8, from: 10s, to: 20s', { kind: 'hang', servers: [7], from: 10_000, to: 20_000 }],
    ['kind: absent, servers: server-1, to: 1m', { kind: 'absent', servers: [0], from: 0, to: 60_000 }],
  ])('faults: %s', (text, fault) => expect(scenario(`faults: [{ ${text} }]`).faults).toEqual([fault]))

  test('keys', () => expect(scenario('keys: { count: 50, zipf: 1.1 }').keys).toEqual({ count: 50, zipf: 1.1 }))
})

describe('what is wrong is said where it stands', () => {
  test.each([
    ['servers: 0', ['1:10 OUT_OF_RANGE Cannot use servers: expected 1 to 4096, got 0']],
    ['sizes: 10', ['1:8 BAD_DURATION']],
    ['sizes: 0ms', ['1:8 OUT_OF_RANGE Cannot use 0 here']],
    ['sizes: { kind: mix, mean: 10ms }', ['1:21 UNKNOWN_KEY sizes of kind mix has no "mean"']],
    ['sizes: { mean: 10ms }', ['1:1 MISSING sizes has no "kind"']],
    ['fautls: []', ['1:1 UNKNOWN_KEY Unknown option "fautls": did you mean "faults"?']],
    ['faults: [{ kind: slow, servers: server-1 }]', ['1:18 BAD_VALUE']],
    ['faults: [{ kind: speed, servers: server-1 }]', ['1:10 MISSING a fault of kind speed needs "speed"']],
    ['faults: [{ kind: hang, servers: server-1, speed: 1 }]', ['1:43 UNKNOWN_KEY a fault of kind hang has no "speed"']],
    ['faults: [{ kind: hang, servers: web1 }]', ['1:33 BAD_VALUE There is no server "web1"']],
    [
      'faults: [{ kind: hang, servers: [server-1, server1] }]',
      ['1:44 BAD_VALUE There is no server "server1": did you mean "server-1"?'],
    ],
    ['faults: [{ kind: hang, servers: server-1, from: 5s, to: 5s }]', ['1:57 OUT_OF_RANGE "to" is not after "from"']],
    ['faults: [{ kind: fail, servers: server-1, share: 150% }]', ['1:50 OUT_OF_RANGE']],
    ['keys: { zipf: many }', ['1:15 BAD_VALUE Cannot read zipf: expected a number, got "many"']],
    ['servers: [a]', ['1:10 BAD_VALUE Cannot read servers: expected a whole number, or a map, got a list']],
    ['', ['1:1 EMPTY_CONFIG']],
    ['a: [', ['1:5 YAML_SYNTAX']],
    ['servers: 0\nsizes: x\nkeys: 7', ['1:10 OUT_OF_RANGE', '2:8 BAD_DURATION', '3:7 BAD_VALUE']],
  ])('%s', (text, expected) => {
    const found = problems(text)
    expect(found).toHaveLength(expected.length)
    expected.forEach((start, i) => expect(found[i]!.slice(0, start.length)).toBe(start))
    expect(load(text).scenario).toBe(null)
  })

  test('a backend has its own servers', () => {
    expect(problems('servers: 3', backend)).toEqual([
      '1:10 BAD_VALUE Cannot use servers: the backend has its own; say what is special about them',
    ])
    expect(problems('servers: { app3: { speed: 2 } }', backend)[0]).toMatch(
      /^1:12 BAD_VALUE The backend has no server "app3": did you mean/,
    )
  })

  test('a file that is not there', () => {
    const {
      scenario: none,
      problems: [problem],
    } = loadScenario(join(folder, 'none.yaml'), null)
    expect(none).toBe(null)
    expect(problem).toMatchObject({
      code: 'UNREADABLE_FILE',
      message: 'Cannot read the scenario: there is no such file',
    })
  })
})
