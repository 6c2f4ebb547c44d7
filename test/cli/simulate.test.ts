// `weir simulate`: what it prints where, how it reads its options, and its exit codes. Runs are short: what the numbers are
// is the business of test/simulate.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { bar } from '../../src/cli/simulate-progress.ts'
import { simulate } from '../../src/cli/simulate.ts'
import { scenarios } from '../../src/simulate/scenarios.ts'
import { logLine, recordedRun } from '../simulate/recorded-run.ts'

let folder: string
let config: string
let out: string
let err: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-simulate-'))
  config = join(folder, 'weir.yaml')
  writeConfig('balance: leastconn, servers: { a: "a:1", b: "b:1", c: "c:1" }')
  out = ''
  err = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => Boolean((out += chunk.toString())))
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => Boolean((err += chunk.toString())))
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true })
})

const writeConfig = (backend: string): void =>
  writeFileSync(config, `frontends: {http: {bind: ":8080", backend: web}}\nbackends:\n  web: { ${backend} }\n`)

const brief = ['--duration', '2s', '--warmup', '500ms']

interface Json {
  readonly name: string
  readonly doc: string
  readonly settings: Readonly<Record<string, string>>
  readonly results: readonly {
    readonly algorithm: string
    readonly requests: number
    readonly p99: number
    readonly errors: number
    readonly servers: readonly { readonly name: string; readonly requests: number }[]
  }[]
  readonly asserts: readonly { readonly holds: boolean }[]
  readonly replay: {
    readonly requests: number
    readonly model: { readonly cores: number }
    readonly shares: Readonly<Record<string, { readonly recorded: number; readonly replayed: number | null }>>
    readonly speeds: Readonly<Record<string, number>>
  } | null
}

async function json(...argv: readonly string[]): Promise<Json> {
  out = ''
  const code = await simulate([...brief, '--format', 'json', ...argv])
  expect(code, err).toBe(0)
  return JSON.parse(out) as Json
}

describe('without a configuration', () => {
  test('eight equal servers, adaptive next to every other', async () => {
    const { results, settings } = await json()
    expect(results.map(({ algorithm }) => algorithm)).toEqual([
      'adaptive',
      'leastconn',
      'p2c',
      'roundrobin',
      'random',
      'peak-ewma',
      'hash',
      'affinity',
      'first',
    ])
    expect(results[0]!.servers.map(({ name }) => name)).toEqual(Array.from({ length: 8 }, (_, i) => `server-${i + 1}`))
    expect(settings).toEqual({ servers: '8', load: '80 %', instances: '1', seed: '1', time: '2s after 500ms' })
    expect(err).toBe('') // no progress bar where nobody looks
  })

  test('the first of the algorithms asked for is the subject', async () => {
    const { results } = await json('--algorithms', 'p2c,leastconn', '--assert', 'p99<=10*random')
    expect(results.map(({ algorithm }) => algorithm)).toEqual(['p2c', 'leastconn', 'random'])
  })

  test('the same seed gives the same result, another another', async () => {
    const run = async (seed: string) => (await json('--algorithms', 'adaptive', '--seed', seed)).results[0]!.p99
    expect(await run('7')).toBe(await run('7'))
    expect(await run('8')).not.toBe(await run('7'))
  })
})

describe('a backend of a configuration', () => {
  test('has its servers and its algorithm', async () => {
    const { results } = await json('-f', config, '--algorithms', 'adaptive')
    expect(results.map(({ algorithm }) => algorithm)).toEqual(['leastconn', 'adaptive'])
    expect(results[0]!.servers.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
  })

  test('its weights count, and its backups wait', async () => {
    writeConfig(
      'balance: roundrobin, servers: { a: { address: "a:1", weight: 3 }, b: "b:1", c: { address: "c:1", backup: true } }',
    )
    const { results } = await json('-f', config, '--algorithms', 'roundrobin', '--load', '0.3')
    const [a, b, c] = results[0]!.servers.map(({ requests }) => requests)
    expect(a! / b!).toBeCloseTo(3, 1)
    expect(c).toBe(0)
    // 30 % of the eight cores that serve: a request is 10 ms of work, for two seconds
    expect(results[0]!.requests).toBeGreaterThan(480 * 0.8)
    expect(results[0]!.requests).toBeLessThan(480 * 1.2)
  })

  test('is named where there are several', async () => {
    writeFileSync(config, `${readFileSync(config, 'utf8')}  api: { servers: ["d:1"] }\n`)
    expect(await simulate([...brief, '-f', config])).toBe(2)
    expect(err).toContain('name a --backend: web, api')
    expect(await simulate([...brief, '-f', config, '--backend', 'ap'])).toBe(2)
    expect(err).toContain('there is no backend "ap": did you mean "api"?')
    expect((await json('-f', config, '--backend', 'api', '--algorithms', 'first')).results[0]!.servers).toHaveLength(1)
  })

  test("a balancer of one's own is run, under guard", async () => {
    const file = join(folder, 'leastconn.ts')
    writeConfig('balance: { file: ./leastconn.ts }, servers: { a: "a:1", b: "b:1" }')
    writeFileSync(file, 'export default () => ({ pick: (pool) => pool.slot[pool.n - 1] })\n')
    const { results } = await json('-f', config, '--algorithms', 'leastconn', '--load', '30%')
    expect(results.map(({ algorithm }) => algorithm)).toEqual(['leastconn.ts', 'leastconn'])
    expect(results[0]!.servers[0]!.requests).toBe(0)
    expect(err).toBe('')
    writeFileSync(
      file,
      'export default () => ({ pick: (pool) => { if (pool.n === 2 && ++globalThis.n > 9) throw new Error("no"); return 0 } }); globalThis.n = 0\n',
    )
    await json('-f', config, '--algorithms', 'first')
    expect(err).toMatch(/^weir simulate: the balancer of web failed \d+ times: .*no/)
  })

  test('a configuration that is wrong is reported as by weir check', async () => {
    writeConfig('servers: [a]')
    expect(await simulate([...brief, '-f', config])).toBe(1)
    expect(err).toContain(`${config}:3:20: BAD_ADDRESS: `)
  })
})

describe('what if', () => {
  test('a server less has the others carry its load', async () => {
    const less = await json('-f', config, '--algorithms', 'leastconn', '--load', '60%', '--remove', 'b')
    expect(less.settings).toMatchObject({ servers: '2', without: 'b', load: '60 %, now 90 %' })
    const all = await json('-f', config, '--algorithms', 'leastconn', '--load', '60%')
    expect(less.results[0]!.requests / all.results[0]!.requests).toBeCloseTo(1, 1)
    expect(less.results[0]!.p99).toBeGreaterThan(all.results[0]!.p99)
  })

  test('a server more, and half as many requests again', async () => {
    const { settings, results } = await json('-f', config, '--algorithms', 'leastconn', '--add', 'd', '--rate', '1.5')
    expect(settings).toMatchObject({ servers: '4', with: 'd', rate: 'x1.5', load: '80 %, now 90 %' })
    expect(results[0]!.servers.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd'])
  })

  test('ejection and retries', async () => {
    const failing = ['--scenario', 'failfast', '--duration', '15s', '--algorithms', 'leastconn']
    const plain = await json(...failing)
    const ejected = await json(...failing, '--ejection', 'on')
    const retried = await json(...failing, '--retries', '1')
    expect(plain.results[0]!.errors).toBeGreaterThan(0.02)
    expect(ejected.settings.ejection).toBe('5,10s,50%')
    expect(ejected.results[0]!.errors).toBeLessThan(0.01)
    expect(retried.results[0]!.errors).toBe(0)
  })

  test.each([
    [['--remove', 'web'], '--remove: there is no server "web"; known here: a, b, c'],
    [['--add', 'a'], '--add: there is a server "a" already'],
    [['--remove', 'a', '--remove', 'b', '--remove', 'c'], 'no server is left'],
  ])('%j is refused', async (argv, message) => {
    expect(await simulate([...brief, '-f', config, ...argv])).toBe(2)
    expect(err).toContain(message)
  })
})

describe('scenarios', () => {
  test('are listed, each with its sentence', async () => {
    expect(await simulate(['--list'])).toBe(0)
    for (const { name, doc } of scenarios) expect(out).toMatch(new RegExp(`^${name} +${RegExp.escape(doc)}$`, 'm'))
  })

  test.each(scenarios.map(({ name }) => name))('%s runs', async (name) => {
    expect((await json('--scenario', name, '--algorithms', 'adaptive')).name).toBe(name)
  })

  test("one's own is a file", async () => {
    const file = join(folder, 'own.yaml')
    writeFileSync(file, 'doc: A is slow.\nservers: { a: { speed: 0.25 } }\n')
    const { name, doc, results } = await json('-f', config, '--scenario', file, '--algorithms', 'leastconn')
    expect({ name, doc }).toEqual({ name: 'own', doc: 'A is slow.' })
    const [a, b] = results[0]!.servers.map(({ requests }) => requests)
    expect(a! / b!).toBeLessThan(0.5)
    writeFileSync(file, 'servers: { d: { speed: 0.25 } }\n')
    expect(await simulate([...brief, '-f', config, '--scenario', file])).toBe(1)
    expect(err).toContain(`${file}:1:12: BAD_VALUE: The backend has no server "d"`)
  })
})

describe('assertions', () => {
  test('that hold are said, and the exit code is 0', async () => {
    expect(
      await simulate([...brief, '--algorithms', 'adaptive', '--assert', 'p99<=10s', '--assert', 'errors<=1%']),
    ).toBe(0)
    expect(out).toMatch(/^holds {2}p99<=10s: p99 of adaptive is [\d.]+ ms; wanted <= 10000 ms$/m)
    expect(err).toBe('')
  })

  test('that fail are said with both numbers, and the exit code is 1', async () => {
    const argv = ['--algorithms', 'adaptive', '--assert', 'p99<=0.01*leastconn']
    expect(await simulate([...brief, ...argv])).toBe(1)
    expect(err).toMatch(
      /^weir simulate: p99<=0.01\*leastconn does not hold: p99 of adaptive is [\d.]+ ms; wanted <= p99 of leastconn, which is [\d.]+ ms, and 0.01 times that is [\d.]+ ms\n$/,
    )
    expect(out).toContain('FAILS  p99<=0.01*leastconn')
  })

  test('that cannot be read are pointed at, and the exit code is 2', async () => {
    expect(await simulate(['--assert', 'p99<=0.9*lestconn'])).toBe(2)
    expect(err).toContain('--assert: column 10: expected a number or an algorithm: adaptive, ')
    expect(err).toContain('\n\n  p99<=0.9*lestconn\n           ^\n')
  })
})

test('a plot is written', async () => {
  const file = join(folder, 'out.svg')
  await json('--algorithms', 'adaptive,leastconn', '--scenario', 'slow1', '--plot', file)
  const svg = readFileSync(file, 'utf8')
  expect(svg).toContain('slow1: adaptive and others')
  expect(svg).toContain('>server-1</text>')
  expect(svg).not.toContain('NaN')
  expect(await simulate([...brief, '--algorithms', 'first', '--plot', join(folder, 'none', 'out.svg')])).toBe(1)
  expect(err).toContain('cannot write')
})

test('Markdown has a table', async () => {
  expect(await simulate([...brief, '--algorithms', 'adaptive', '--format', 'markdown'])).toBe(0)
  expect(out).toContain('| algorithm | p50 |')
})

describe('replay', () => {
  let log: string
  const servers = ['a', 'b', 'c'].map((name, i) => ({ name, cores: 2, speed: i === 0 ? 0.4 : 1 }))
  const run = recordedRun({ servers, requests: 8000, load: 0.7, mean: 20, seed: 1 })
  beforeEach(() => {
    log = join(folder, 'access.jsonl')
    writeFileSync(log, `${run.lines.join('\n')}\n`)
  })
  const replay = async (...argv: readonly string[]): Promise<Json> => {
    out = ''
    expect(await simulate(['--format', 'json', '--replay', log, ...argv]), err).toBe(0)
    return JSON.parse(out) as Json
  }

  test('needs no configuration: the log has the servers', async () => {
    const { replay: check, results, name, doc } = await replay('--algorithms', 'leastconn,adaptive')
    expect({ name, doc }).toEqual({ name: log, doc: '8000 requests of web, as recorded.' })
    expect(results.map(({ requests }) => requests)).toEqual([8000, 8000])
    expect(check!.model.cores).toBe(2)
    expect(Object.keys(check!.speeds)).toEqual(['a'])
    for (const { recorded, replayed } of Object.values(check!.shares))
      expect(Math.abs(recorded - replayed!)).toBeLessThan(0.02)
    expect(err).toBe('')
  })

  test('text holds the run against what was recorded', async () => {
    expect(await simulate(['-f', config, '--replay', log, '--algorithms', 'leastconn', '--speeds', 'equal'])).toBe(0)
    expect(out).toMatch(/^REPLAY +RECORDED +REPLAYED$/m)
    expect(out).toMatch(/^p99 +[\d.]+ ms +[\d.]+ ms$/m)
    expect(out).toContain('8000 requests; shares differ by')
    expect(out).toContain('Cores per server: 2, by the contention in the log.')
    expect(out).not.toContain('Speeds')
  })

  test('what-if questions are asked of it too', async () => {
    const {
      results,
      replay: check,
      settings,
    } = await replay('-f', config, '--algorithms', 'leastconn', '--remove', 'a', '--rate', '0.5', '--cores', '3')
    expect(results[0]!.servers.map(({ name }) => name)).toEqual(['b', 'c'])
    expect(check!.shares.a).toEqual({ recorded: expect.any(Number) as number, replayed: null })
    expect(check!.model.cores).toBe(3)
    expect(settings).toMatchObject({ without: 'a', rate: 'x0.5' })
    expect(results[0]!.requests).toBe(8000)
  })

  test('a part of it, with a fault on top', async () => {
    const {
      results,
      name,
      replay: check,
    } = await replay('--algorithms', 'leastconn', '--warmup', '5s', '--duration', '5s', '--scenario', 'hang')
    expect(name).toContain('hang')
    expect(results[0]!.requests).toBeLessThan(4000)
    expect(check!.requests).toBe(results[0]!.requests)
  })

  test('lines that cannot be read are counted and named, and do not end it', async () => {
    const bad = [
      'not a line',
      ...Array.from({ length: 7 }, () => '{}'),
      logLine({ time: 1, server: 'x', response: 1 }, { backend: 'api' }),
    ]
    writeFileSync(log, [...run.lines.slice(0, 500), ...bad, ''].join('\n'))
    await replay('--algorithms', 'leastconn')
    expect(err).toContain(`${log}:501: not JSON: is this a log of "format: json"?\n`)
    expect(err).toContain(`${log}:505: "time" is missing, or not a text\n`)
    expect(err).not.toContain(':506:')
    expect(err).toContain(`${log}: 3 more lines cannot be read\n`)
    expect(err).toContain(`${log}: 1 requests of api are left out\n`)
  })

  test('a log without what is asked for is no crash', async () => {
    expect(await simulate(['--replay', log, '--backend', 'api'])).toBe(1)
    expect(err).toContain(`${log} has no request of api that was answered`)
    expect(await simulate(['--replay', join(folder, 'none.jsonl')])).toBe(1)
    expect(err).toContain('cannot read')
    expect(existsSync(join(folder, 'none.jsonl'))).toBe(false)
  })

  test('a key that the log does not have is said to be missing', async () => {
    writeConfig('balance: { algorithm: hash, key: ["cookie:sid"] }, servers: { a: "a:1", b: "b:1", c: "c:1" }')
    await replay('-f', config, '--algorithms', 'hash')
    expect(err).toContain('the log does not have cookie:sid, which keys are made of: the client stands for it')
  })
})

test.each([
  [['--nope']],
  [['extra']],
  [['--load', '0']],
  [['--load', '900%']],
  [['--instances', '0']],
  [['--instances', '1.5']],
  [['--duration', '5']],
  [['--duration', '0s']],
  [['--rate', '0']],
  [['--rate', '-1']],
  [['--cores', 'many']],
  [['--format', 'xml']],
  [['--speeds', 'fast']],
  [['--ejection', '5,10s']],
  [['--ejection', '0,10s,50%']],
  [['--algorithms', 'leastcon']],
  [['--scenario', 'slow2']],
  [['--replay', 'x', '--scenario', 'own.yaml', '--list=1']],
])('wrong usage is 2: %j', async (argv) => {
  expect(await simulate(argv)).toBe(2)
  expect(err).toContain('Usage: weir simulate')
  expect(out).toBe('')
})

test('--help is no error, and names every option', async () => {
  expect(await simulate(['--help'])).toBe(0)
  for (const name of ['backend', 'scenario', 'assert', 'replay', 'plot', 'ejection'])
    expect(out).toContain(`--${name} `)
  expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(110)
})

test('the progress bar shows how much of everything is done', () => {
  expect(bar({ algorithm: 'leastconn', index: 1, count: 4, done: 0.5 })).toBe(
    `[${'='.repeat(10)}>${' '.repeat(19)}]  37 % leastconn`,
  )
  expect(bar({ algorithm: 'first', index: 0, count: 1, done: 0 })).toBe(`[${' '.repeat(30)}]   0 % first`)
})
