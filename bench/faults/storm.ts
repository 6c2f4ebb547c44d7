// Servers that fail requests which may be tried elsewhere. With one of four the clients should not see it, and the other three
// should not feel more than its share. With all four failing, retries help nobody: what counts then is how many of them a
// farm in trouble gets on top.
import { capacity, faultScenarios, type TailScenario } from '../tail/scenarios.ts'
import { withFarm } from '../tail/farm.ts'
import { pooled } from '../tail/report.ts'
import { haproxyBefore, weirBefore, type Contestant } from './proxies.ts'
import { goal, ms, number, percent, type FaultScenario, type Figures } from './scenario.ts'

/** Share of what four servers can do; three can do it, too. */
const LOAD = 0.5
const WARM_UP = 2
/** Servers start to fail so long after the warm-up, in seconds: that it takes a while to notice is a part of it. */
const GRACE = 0.5
const SERVERS = 4

const retry = { retries: 3, retry: { on: ['closed', 503], budget: '20%' } }
const haproxyRetries = (balance: string): Contestant =>
  haproxyBefore({ backend: `  balance ${balance}\n  retries 3\n  option redispatch\n  retry-on 503 empty-response` })

const contestants: Readonly<Record<string, Contestant>> = {
  weir: weirBefore({ backend: retry }),
  'weir roundrobin without ejection': weirBefore({ backend: { ...retry, balance: 'roundrobin', ejection: 'off' } }),
  'weir without retries': weirBefore({ backend: { retries: 0 } }),
  'haproxy leastconn': haproxyRetries('leastconn'),
  'haproxy roundrobin': haproxyRetries('roundrobin'),
}

const storm = (scenario: TailScenario, doc: string): FaultScenario => ({
  name: scenario.name,
  doc,
  contestants: Object.keys(contestants),
  columns: [
    percent('failed', 'failed'),
    number('bad', 'requests/s on server 1'),
    number('others', 'on each other'),
    number('attempts', 'tries per request', 2),
    ms('p99', 'p99'),
  ],
  measure: ({ folder, seconds }, contestant, round) => {
    const seed = 101 + round
    const farm = {
      folder,
      scenario,
      servers: SERVERS,
      seed,
      span: WARM_UP + seconds,
      faultFrom: WARM_UP + GRACE,
      cores: 1,
    } as const
    return withFarm({ ...farm, prepare: contestants[contestant]! }, async ({ load, counted }): Promise<Figures> => {
      const rate = LOAD * capacity(scenario)
      const before = await counted()
      const sample = await load({ rate, seconds, warmup: WARM_UP, seed })
      // Servers do not know when the warm-up ends. Until then none fails, and each gets its even share.
      const counts = (await counted()).map((count, i) => count - before[i]!)
      const [first = 0, ...rest] = counts.map((count) => (count - sample.warmUp / SERVERS) / seconds)
      const others = rest.reduce((sum, each) => sum + each, 0)
      const { p99, errors } = pooled([sample])
      return {
        failed: errors,
        bad: first,
        others: others / rest.length,
        attempts: ((first + others) * seconds) / sample.sent,
        // A budget looks back on ten seconds, so what the warm-up has not used of it is there to be used.
        overall: counts.reduce((sum, each) => sum + each, 0) / (sample.warmUp + sample.sent),
        p99,
      }
    })
  },
  goals: (outcome) =>
    scenario.failingServers === 1
      ? goal(`${scenario.name}: percent of requests that fail`, percentOf(outcome.figure('weir', 'failed')), '<=', 0.5)
      : goal(`${scenario.name}: tries per request, warm-up included`, outcome.figure('weir', 'overall'), '<=', 1.22),
})

const percentOf = (share: number | null): number | null => share && share * 100

export const storms: readonly FaultScenario[] = [
  storm(
    faultScenarios.storm503,
    `One of four servers answers 503 to everything, from half a second after the warm-up on; half of what four can do is asked for.
Retries on 503 and on connections closed without an answer, 3 at most; in Weir at most 20 % of the requests of the last ten
seconds, of which the warm-up is a part.`,
  ),
  storm(faultScenarios.stormClosed, 'The same with a server that closes the connection without an answer.'),
  storm(
    faultScenarios.stormAll,
    'The same with all four servers answering 503: every request fails, and each further try is load for nothing.',
  ),
]
