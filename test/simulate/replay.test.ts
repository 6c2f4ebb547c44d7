// Replays: what the access log tells of the requests and of the servers, checked against runs of which both are known.
import { describe, expect, test } from 'vitest'
import { balancers } from '../../src/balance/balancers.ts'
import { defaultBalanceOptions } from '../../src/model/balancers.ts'
import { LogReader, type Recorded } from '../../src/simulate/access-log.ts'
import { checkLines, checkReplay, checkTable } from '../../src/simulate/replay-check.ts'
import { estimateCores, estimateSpeeds, faster, mostInFlight, recordingOf, workOf } from '../../src/simulate/replay.ts'
import { scenarios } from '../../src/simulate/scenarios.ts'
import { setupOf, simulate } from '../../src/simulate/simulation.ts'
import { logLine, recordedRun, type RunOptions } from './recorded-run.ts'

function recorded(lines: readonly string[], backend: string | null = null): Recorded {
  const reader = new LogReader(backend, ({ target }) => Number(target.slice(1)))
  for (const line of lines) expect(reader.add(line)).toBe(null)
  return reader.finish()
}
const request = { time: 0, server: 'a', response: 10 }
const four = (cores: number, firstSpeed = 1): RunOptions['servers'] =>
  ['a', 'b', 'c', 'd'].map((name, i) => ({ name, cores, speed: i === 0 ? firstSpeed : 1 }))

describe('reading the log', () => {
  test.each([
    ['{"time":', 'not JSON'],
    ['192.0.2.7:51234 [22/Nov/2026:12:00:00.123] web app/app1 0/0/1/7/9 200 5120', 'is this a log of "format: json"?'],
    ['7', 'not a JSON object'],
    ['{}', '"time" is missing'],
    [logLine(request, { time: 'yesterday' }), '"time" is not a time: "yesterday"'],
    [logLine(request, { server: 7 }), '"server" is missing, or not a text'],
    [logLine(request, { t_total: '7' }), '"t_total" is missing, or not a number'],
    [logLine(request, { t_response: '7' }), '"t_response" is not a number'],
  ])('a line that is none is refused: %s', (line, trouble) => {
    expect(new LogReader(null).add(line)).toContain(trouble)
  })

  test('requests of other backends and those that reached no server are counted and left out', () => {
    const read = recorded([
      logLine(request),
      '',
      logLine(request, { backend: 'api' }),
      logLine(request, { backend: 'api' }),
      logLine(request, { server: '', reason: 'no_server', status: 503, t_response: -1, t_connect: -1, t_queue: -1 }),
      logLine(request, { backend: '', server: '', reason: 'no_route', status: 404, t_response: -1 }),
    ])
    expect(read).toMatchObject({ backend: 'web', servers: ['a'], unsent: 1, others: new Map([['api', 2]]) })
    expect(read.requests).toHaveLength(1)
  })

  test('requests stand in the order of their arrival, not of their end', () => {
    const read = recorded([logLine({ ...request, time: 50, server: 'b' }), logLine({ ...request, time: 20 })], 'web')
    expect(read.requests.map(({ server }) => read.servers[server])).toEqual(['a', 'b'])
  })

  test('what failed or was not answered is load of unknown size', () => {
    const read = recorded([
      logLine(request),
      logLine({ ...request, time: 100 }, { status: 500 }),
      logLine({ ...request, time: 200 }, { status: 504, t_response: -1, t_total: 400, reason: 'response_timeout' }),
      logLine(
        { ...request, time: 700 },
        { status: 503, t_response: -1, t_connect: -1, t_total: 5, reason: 'connect_refused' },
      ),
      logLine({ ...request, time: 800 }, { status: 200, t_response: 7, reason: 'client_gone' }),
    ])
    expect(read.requests.map(({ answered, span }) => [answered, span])).toEqual([
      [true, 10],
      [false, 10],
      [false, 400],
      [false, 0],
      [true, 7],
    ])
    expect([...recordingOf(read, { cores: 4, speeds: [1] }).services]).toEqual([10, 10, 10, 10, 7].map(close))
  })

  test('a tcp connection lasts from connect to its end', () => {
    const line = logLine(request, { t_response: undefined, status: undefined, t_connect: 2, t_total: 60 })
    expect(recorded([line]).requests).toMatchObject([{ answered: true, span: 58 }])
  })
})

const close = (value: number): unknown => expect.closeTo(value, 6)

describe('the work of a request', () => {
  test('alone it is its time; two that share one core take turns', () => {
    // a: 0 to 10 alone. b: 100 to 130 and 110 to 130: b has 10 alone, then both have half of 20.
    const read = recorded([
      logLine({ time: 0, server: 'a', response: 10 }),
      logLine({ time: 100, server: 'b', response: 30 }),
      logLine({ time: 110, server: 'b', response: 20 }),
    ])
    const exact = { ...read, requests: read.requests.map((each) => ({ ...each, start: Math.floor(each.arrival) })) }
    expect([...workOf(exact, 1)]).toEqual([10, 20, 10].map(close))
    expect([...workOf(exact, 2)]).toEqual([10, 30, 20].map(close))
    expect(mostInFlight(exact)).toBe(2)
  })

  test('it is found again in a contended run', () => {
    const run = recordedRun({ servers: four(2), requests: 4000, load: 0.8, mean: 20, seed: 3 })
    const read = recorded(run.lines)
    const work = workOf(read, 2)
    const errors = read.requests.map(({ key }, i) => Math.abs(work[i]! - run.works[key]!)).toSorted((a, b) => a - b)
    expect(errors[3600]).toBeLessThan(1) // the log has whole milliseconds
  })
})

describe('what the log shows of the servers', () => {
  test.each([
    [1, 0.7],
    [2, 0.8],
    [4, 0.8],
  ])('%i cores, at a load of %d', (cores, load) => {
    const run = recordedRun({ servers: four(cores), requests: 8000, load, mean: 20, seed: 5 })
    expect(estimateCores(recorded(run.lines))).toBe(cores)
  })

  test('without contention nothing can be told', () => {
    const run = recordedRun({ servers: four(16), requests: 4000, load: 0.1, mean: 20, seed: 5 })
    expect(estimateCores(recorded(run.lines))).toBe(null)
    expect(estimateCores(recorded([logLine(request)]))).toBe(null)
  })

  test('a slow server is told from the others, and equal ones are equal', () => {
    const run = recordedRun({ servers: four(4, 1 / 3), requests: 8000, load: 0.8, mean: 20, seed: 6 })
    const read = recorded(run.lines)
    const speeds = estimateSpeeds(read, workOf(read, 4))
    const slow = read.servers.indexOf('a')
    expect(speeds[slow]).toBeCloseTo(1 / 3, 1)
    expect(speeds.filter((_, i) => i !== slow)).toEqual([1, 1, 1])
  })
})

/** As a network, a load balancer and coarse timers make it: every answer is later, by 1.5 ms and up to one more. */
const delayed = (lines: readonly string[]): string[] =>
  lines.map((line, i) => {
    const read = JSON.parse(line) as { t_response: number }
    return JSON.stringify({ ...read, t_response: Number((read.t_response + 1.5 + ((i * 0.618) % 1)).toFixed(1)) })
  })

describe('what every request has on its way, besides the work', () => {
  test('makes no slow server look much faster, even where most requests are short', () => {
    const run = recordedRun({ servers: four(4, 1 / 3), requests: 8000, load: 0.8, mean: 20, seed: 6 })
    const read = recorded(delayed(run.lines))
    const speed = estimateSpeeds(read, workOf(read, 4))[read.servers.indexOf('a')]!
    expect(speed).toBeGreaterThan(0.3)
    expect(speed).toBeLessThan(0.37) // 22 ms to 62 ms are 0.355; by logarithms it would be 0.39
  })

  test('does not hide the little contention that a good balance leaves', () => {
    const run = recordedRun({ servers: four(4, 1 / 3), requests: 12_000, load: 0.8, mean: 20, seed: 8 })
    expect(estimateCores(recorded(delayed(run.lines)))).toBe(4)
  })
})

test('servers that are alike have one speed, that of all of them together', () => {
  const servers = ['a', 'b', 'c', 'd', 'e', 'f'].map((name, i) => ({ name, cores: 4, speed: i < 3 ? 1 : 0.5 }))
  const run = recordedRun({ servers, requests: 12_000, load: 0.7, mean: 20, seed: 9 })
  const read = recorded(run.lines)
  const speeds = estimateSpeeds(read, workOf(read, 4))
  const of = (names: string): number[] => names.split('').map((name) => speeds[read.servers.indexOf(name)]!)
  expect(new Set(of('abc')).size).toBe(1)
  expect(new Set(of('def')).size).toBe(1)
  expect(Math.abs(of('a')[0]! / of('d')[0]! / 2 - 1)).toBeLessThan(0.06)
})

test.each([1, 1 / 3])('a replay by the settings of the recording has its shares within a point: speed %d', (speed) => {
  const run = recordedRun({ servers: four(4, speed), requests: 24_000, load: 0.8, mean: 20, seed: 7 })
  const read = recorded(run.lines)
  const cores = estimateCores(read)!
  const model = { cores, speeds: estimateSpeeds(read, workOf(read, cores)), coresFrom: 'contention' } as const
  const recording = recordingOf(read, model)
  const servers = read.servers.map((name, i) => {
    return { name, weight: 1, tier: 0, zone: null, cores, speed: model.speeds[i]!, discipline: 'ps' as const }
  })
  const duration = recording.arrivals.at(-1)! + 1
  const algorithm = { name: 'leastconn', algorithm: balancers.leastconn, options: defaultBalanceOptions }
  const result = simulate({
    ...setupOf(scenarios[0]!, 'leastconn'),
    algorithm,
    servers,
    recording,
    warmup: 0,
    duration,
    network: 0,
    timeout: 60_000,
  })
  const check = checkReplay(read, result, model, { from: 0, to: duration })
  expect(check.requests).toBe(24_000)
  expect(check.largestDifference).toBeLessThan(0.01)
  expect(check.p50.replayed! / check.p50.recorded!).toBeCloseTo(1, 1)
  expect(Math.abs(check.p99.replayed! / check.p99.recorded! - 1)).toBeLessThan(0.1)
  expect(Object.keys(check.speeds)).toEqual(speed === 1 ? [] : ['a'])
  expect(checkTable(check).rows.map(([name]) => name)).toEqual(['p50', 'p99', ...read.servers])
  expect(checkLines(check)[0]).toContain('24000 requests; shares differ by 0.')
})

test('the same requests can come faster', () => {
  const recording = {
    arrivals: Float64Array.of(0, 30, 60),
    services: Float64Array.of(1, 2, 3),
    keys: Int32Array.of(1, 2, 3),
  }
  expect(faster(recording, 1.5)).toEqual({ ...recording, arrivals: Float64Array.of(0, 20, 40) })
})
