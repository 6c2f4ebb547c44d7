// Three times as many requests as the servers can do, for as long as it lasts. What counts is goodput: the answers that come
// while somebody still waits for them. Servers without a limit take everything in and thrash; with a limit they stay at
// their best, a short queue keeps them busy, and the rest is told so at once.
import { capacity, faultScenarios } from '../tail/scenarios.ts'
import { withFarm } from '../tail/farm.ts'
import type { TailSample } from '../tail/load.ts'
import { pooled } from '../tail/report.ts'
import { haproxyBefore, weirBefore, type Contestant } from './proxies.ts'
import { goal, ms, number, percent, type FaultScenario, type Figures } from './scenario.ts'

/** Work of a mean request on one of the four cores of a server, in ms: 400 requests per second on each server. */
const MEAN = 10
/** An answer that comes later is of no use. In ms. */
const PATIENCE = 2000
/** Twice as many as a server has cores: none of them is ever idle while the next request is on its way. */
const LIMIT = 8
const WARM_UP = 2
const SERVERS = 4

const contestants: Readonly<Record<string, Contestant>> = {
  weir: weirBefore({ backend: { max_connections_per_server: LIMIT, queue: { max: 1000, timeout: '500ms' } } }),
  haproxy: haproxyBefore({
    defaults: '  timeout queue 500ms',
    backend: '  balance leastconn',
    server: `maxconn ${LIMIT}`,
  }),
  'weir without limits': weirBefore({}),
  'haproxy without limits': haproxyBefore({ backend: '  balance leastconn' }),
}

export const overload: FaultScenario = {
  name: 'overload',
  doc: `Four servers that each work on 4 requests at a time, 10 ms each, and thrash above 100. First 0.9 times what they can
do, then 3 times, in open loop; whoever waits longer than 2 s has gone. Goodput: answers with status 200 within those 2 s, per
second. With limits: ${LIMIT} requests in flight per server, and a queue in which nobody waits longer than 500 ms.`,
  contestants: Object.keys(contestants),
  columns: [
    number('peak', 'goodput at 0.9'),
    number('goodput', 'goodput at 3.0'),
    percent('refused', '503'),
    percent('gaveUp', 'given up'),
    ms('p99', 'p99 of the answered'),
  ],
  measure: ({ folder, seconds }, contestant, round) => {
    const scenario = faultScenarios.overload
    const seed = 101 + round
    const farm = { folder, scenario, servers: SERVERS, seed, span: 600, faultFrom: 600, cores: 1 } as const
    return withFarm({ ...farm, prepare: contestants[contestant]! }, async ({ load }): Promise<Figures> => {
      const full = capacity(scenario, MEAN)
      const options = { seconds, warmup: WARM_UP, seed, mean: MEAN, timeout: PATIENCE }
      const below = await load({ ...options, rate: 0.9 * full })
      const above = await load({ ...options, rate: 3 * full })
      return {
        peak: answered(below).length / seconds,
        goodput: answered(above).length / seconds,
        refused: (above.statuses['503'] ?? 0) / above.sent,
        gaveUp: above.gaveUp / above.sent,
        p99: pooled([{ ...above, latencies: answered(above) }]).p99,
      }
    })
  },
  goals: (outcome) => {
    const [peak, goodput] = ['peak', 'goodput'].map((key) => outcome.figure('weir', key) ?? Number.NaN)
    return goal('overload: goodput at 3 times the capacity to that at 0.9', goodput! / peak!, '>=', 0.9)
  },
}

const answered = ({ latencies }: TailSample): number[] => latencies.filter((latency) => latency < PATIENCE)
