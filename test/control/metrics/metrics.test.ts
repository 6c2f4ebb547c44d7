// The text of /metrics: valid by the rules of the format, filled from the scoreboard, and in step with docs/metrics.md.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { HeldCertificate } from '../../../src/control/certificates/types.ts'
import type { CertificatesView } from '../../../src/control/certificates/upkeep.ts'
import { metrics } from '../../../src/control/metrics/definitions.ts'
import { createRegistry } from '../../../src/control/metrics/registry.ts'
import { reasonCodes, reasonIndex } from '../../../src/model/reasons.ts'
import { microsOf } from '../../../src/scoreboard/clock.ts'
import { BREAKER_HALF_OPEN, HEALTH_DOWN, HEALTH_UP } from '../../../src/model/states.ts'
import { latencyBuckets } from '../../../src/scoreboard/layout.ts'
import { backendSpec, serverSpec } from '../health/fixtures.ts'
import { fakeView, snapshotOf } from '../fixtures.ts'

/** A view with a number in every cell that is read. */
function busyView() {
  const view = fakeView()
  const { shared, learnt, rows } = view.board
  Atomics.store(shared.server.health, 0, HEALTH_UP)
  Atomics.store(shared.server.health, 1, HEALTH_DOWN)
  Atomics.store(shared.server.inflight, 0, 4)
  Atomics.store(shared.server.ramp, 1, 45)
  Atomics.store(shared.backend.panic, 0, 1)
  Atomics.store(shared.backend.queued, 0, 3)
  Atomics.store(shared.backend.breaker, 0, BREAKER_HALF_OPEN)
  Atomics.store(shared.backend.healthPanic, 0, 1)
  Atomics.store(shared.server.ejected, 1, 1)
  Atomics.store(shared.server.ejections, 1, 7)
  Atomics.store(shared.process.shedding, 0, 15)
  rows[1]!.marks.process.loopDelay[0] = 250_000
  rows[1]!.marks.process.shedding[0] = 40
  learnt.server.latency[0] = 1500
  learnt.server.failing[1] = 0.5
  shared.server.outcomeAt[1] = microsOf(performance.now()) // it ages from here on
  learnt.server.factor[1] = 4
  Atomics.store(shared.process.connections, 0, 17)
  rows.forEach(({ counters, tables }, worker) => {
    counters.server.requests[0] = 10 + worker
    counters.frontend.status2xx[0] = 100
    counters.frontend.passedThrough[0] = 3
    counters.frontend.certificateRefusals[0] = 1
    counters.frontend.canaryHandshakes[0] = 20
    counters.frontend.canaryRefusals[0] = 4
    counters.backend.latencySum[0] = 1500
    counters.backend.queueWaits[0] = 2
    counters.backend.queueTime[0] = 250
    counters.backend.retriesDenied[0] = 4
    counters.backend.failures[0] = 6
    tables.frontend.reasons[reasonIndex.bad_host] = 2
    tables.backend.reasons[reasonIndex.no_server] = 1
    tables.backend.latency[0] = 5
    tables.backend.latency[3] = 2
    tables.backend.latency[latencyBuckets.length] = 1
  })
  return view
}

test('the counters of all workers are summed, and shared values are read as they are', async () => {
  const lines = (await createRegistry(busyView()).metrics()).split('\n')
  expect(lines).toEqual(
    expect.arrayContaining([
      'weir_build_info{version="1.2.3"} 1',
      'weir_connections 17',
      'weir_workers{state="listening"} 2',
      'weir_worker_restarts_total 1',
      'weir_server_up{backend="app",server="s1"} 1',
      'weir_server_up{backend="app",server="s2"} 0',
      'weir_server_weight{backend="app",server="s2"} 3',
      'weir_server_effective_weight{backend="app",server="s1"} 1',
      'weir_server_effective_weight{backend="app",server="s2"} 1.35',
      'weir_server_learnt_latency_seconds{backend="app",server="s1"} 0.0015',
      'weir_server_learnt_failing_ratio{backend="app",server="s1"} 0',
      expect.stringMatching(/^weir_server_learnt_failing_ratio\{backend="app",server="s2"\} 0\.[45]/),
      'weir_server_learnt_cost_factor{backend="app",server="s1"} 1',
      'weir_server_learnt_cost_factor{backend="app",server="s2"} 4',
      'weir_backend_panic{backend="app"} 1',
      'weir_backend_queued{backend="app"} 3',
      'weir_backend_queue_limit{backend="app"} 1000',
      'weir_backend_queue_waits_total{backend="app"} 4',
      'weir_backend_queue_wait_seconds_total{backend="app"} 0.5',
      'weir_backend_retries_denied_total{backend="app"} 8',
      'weir_backend_failures_total{backend="app"} 12',
      'weir_backend_breaker_state{backend="app"} 2',
      'weir_backend_health_panic{backend="app"} 1',
      'weir_server_ejected{backend="app",server="s1"} 0',
      'weir_server_ejected{backend="app",server="s2"} 1',
      'weir_server_ejections_total{backend="app",server="s2"} 7',
      'weir_worker_loop_delay_seconds{worker="1"} 0.25',
      'weir_worker_shed_ratio{worker="0"} 0.15',
      'weir_worker_shed_ratio{worker="1"} 0.4',
      'weir_server_in_flight{backend="app",server="s1"} 4',
      'weir_server_requests_total{backend="app",server="s1"} 21',
      'weir_server_requests_total{backend="app",server="s2"} 0',
      'weir_server_check_duration_seconds{backend="app",server="s1"} 0.00125',
      'weir_backend_servers_up{backend="app"} 1',
      'weir_frontend_responses_total{frontend="web",code="2xx"} 200',
      'weir_frontend_tls_passed_through_total{frontend="web"} 6',
      'weir_frontend_tls_certificate_refusals_total{frontend="web"} 2',
      'weir_frontend_tls_trial_handshakes_total{frontend="web"} 40',
      'weir_frontend_tls_trial_refusals_total{frontend="web"} 8',
      'weir_frontend_errors_total{frontend="web",reason="bad_host"} 4',
      'weir_backend_errors_total{backend="app",reason="no_server"} 2',
    ]),
  )
  expect(lines.filter((line) => line.startsWith('weir_frontend_errors_total'))).toHaveLength(1)
  expect(lines.filter((line) => line.startsWith('weir_server_learnt_latency_seconds'))).toHaveLength(1)
})

test('the latency histogram is cumulative, in seconds, and ends with all of them', async () => {
  const lines = (await createRegistry(busyView()).metrics()).split('\n')
  const buckets = lines.filter((line) => line.startsWith('weir_backend_latency_seconds_bucket'))
  expect(buckets).toHaveLength(latencyBuckets.length + 1)
  expect(buckets.map((line) => Number(line.split(' ')[1]))).toEqual([
    10,
    10,
    10,
    ...Array(latencyBuckets.length - 3).fill(14),
    16,
  ])
  expect(buckets[0]).toBe('weir_backend_latency_seconds_bucket{backend="app",le="0.0005"} 10')
  expect(buckets.at(-1)).toBe('weir_backend_latency_seconds_bucket{backend="app",le="+Inf"} 16')
  expect(lines).toContain('weir_backend_latency_seconds_count{backend="app"} 16')
  expect(lines).toContain('weir_backend_latency_seconds_sum{backend="app"} 3')
})

test('asking twice counts nothing twice', async () => {
  const registry = createRegistry(busyView())
  const still = (text: string): string => text.replaceAll(/^weir_(cpu|resident|server_learnt_failing).*\n/gm, '')
  expect(still(await registry.metrics())).toBe(still(await registry.metrics()))
})

test('the text is valid: help and type once before the lines of each family, no line twice, names by convention', async () => {
  const families = new Map<string, string>()
  const series = new Set<string>()
  let family = ''
  for (const line of (await createRegistry(busyView()).metrics()).split('\n').filter((each) => each !== '')) {
    const help = /^# HELP (\S+) (.+)$/.exec(line)
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line)
    const sample = /^([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)*\})? (-?[\d.]+(?:e[+-]?\d+)?|NaN|\+Inf)$/.exec(line)
    if (help) {
      expect(families.has(help[1]!)).toBe(false)
      family = help[1]!
      expect(family).toMatch(/^weir_[a-z_]+$/)
    } else if (type) {
      expect(type[1]).toBe(family)
      families.set(family, type[2]!)
      expect(family.endsWith('_total')).toBe(type[2] === 'counter')
    } else {
      expect(sample, line).not.toBeNull()
      const suffixes = { histogram: /_(bucket|sum|count)$/, summary: /_(sum|count)$/, counter: /$/, gauge: /$/ }
      const kind = families.get(family) as keyof typeof suffixes
      expect(sample![1]!.replace(suffixes[kind], '')).toBe(family)
      const id = line.slice(0, line.lastIndexOf(' '))
      expect(series.has(id), `twice: ${id}`).toBe(false)
      series.add(id)
    }
  }
  expect([...families.keys()]).toEqual(metrics.map(({ name }) => name))
})

test('limits are shown where there are some', async () => {
  expect(await createRegistry(busyView()).metrics()).not.toMatch(/^weir_(backend|server)_in_flight_limit\{/m)
  const servers = [serverSpec({ maxConnections: 20 }), serverSpec({ slot: 1, name: 's2' })]
  const snapshot = snapshotOf({ backends: [backendSpec({ maxConnections: 30, servers })] })
  const lines = (await createRegistry(fakeView({ snapshot })).metrics()).split('\n')
  expect(lines.filter((line) => /^weir_(backend|server)_in_flight_limit\{/.test(line))).toEqual([
    'weir_backend_in_flight_limit{backend="app"} 30',
    'weir_server_in_flight_limit{backend="app",server="s1"} 20',
  ])
})

test('names of servers may hold anything that the format has to escape', async () => {
  const snapshot = snapshotOf({ backends: [backendSpec({ servers: [serverSpec({ name: 'a"b\\c\nd' })] })] })
  const text = await createRegistry(fakeView({ snapshot })).metrics()
  expect(text).toContain(String.raw`weir_server_up{backend="app",server="a\"b\\c\nd"} 0`)
})

test('every reason can be reported', async () => {
  const view = fakeView()
  view.board.rows[0]!.tables.frontend.reasons.fill(1, 0, reasonCodes.length)
  const text = await createRegistry(view).metrics()
  for (const reason of reasonCodes)
    expect(text).toContain(`weir_frontend_errors_total{frontend="web",reason="${reason}"} 1`)
})

test('certificates are listed as far as they end first, with their staples; of equal names the one that ends first', async () => {
  const held = (n: number, more: Partial<HeldCertificate> = {}): HeldCertificate => ({
    name: `c${n}`,
    kind: 'store',
    spec: { id: `id${n}`, cert: '', key: '', names: [], keyType: 'ec' },
    notBefore: 0,
    notAfter: 1_900_000_000_000 + n * 1000,
    ...more,
  })
  const all = [held(0), held(1, { name: 'c0' }), held(2, { name: 'c0', kind: 'acme' })]
  for (let n = 3; n < 300; n++) all.push(held(n))
  const upkeep: CertificatesView = {
    size: all.length,
    first: (most) => all.slice(0, most),
    ocsp: (id) =>
      id === 'id0'
        ? { state: 'stapled', thisUpdate: Date.now() - 60_000, nextUpdate: Date.now() + 60_000, problem: null }
        : { state: id === 'id3' ? 'revoked' : 'none', thisUpdate: null, nextUpdate: null, problem: null },
    questions: { answered: 4, failed: 2 },
    trials: [{ name: 'www', share: 0.05 }],
  }
  const lines = (await createRegistry(fakeView({ upkeep: () => upkeep })).metrics()).split('\n')
  const ends = lines.filter((line) => line.startsWith('weir_certificate_not_after_seconds{'))
  expect(ends).toHaveLength(99)
  expect(ends.slice(0, 2)).toEqual([
    'weir_certificate_not_after_seconds{name="c0",kind="store"} 1900000000',
    'weir_certificate_not_after_seconds{name="c0",kind="acme"} 1900000002',
  ])
  expect(lines).toEqual(
    expect.arrayContaining([
      'weir_certificates 300',
      'weir_certificate_revoked{name="c3",kind="store"} 1',
      expect.stringMatching(/^weir_certificate_staple_age_seconds\{name="c0",kind="store"\} 6\d/),
      'weir_certificate_trial_ratio{name="www"} 0.05',
      'weir_ocsp_requests_total{result="answered"} 4',
      'weir_ocsp_requests_total{result="failed"} 2',
    ]),
  )
  expect(lines.filter((line) => /^weir_certificate_(staple_age_seconds|revoked)\{/.test(line))).toHaveLength(2)
})

test('docs/metrics.md lists every metric as it is', () => {
  const rows = metrics.map(
    ({ name, type, labels, help }) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  )
  const doc = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8').split('\n')
  expect(doc.filter((line) => line.startsWith('| `weir_'))).toEqual(rows)
})
