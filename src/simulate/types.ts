// What a simulation is made of and what it says. Times are in milliseconds of the virtual clock unless a name says
// otherwise; rates are per second.
import type { EjectionRule } from '../balance/ejection.ts'
import type { PoolRules } from '../balance/pool.ts'
import type { Algorithm } from '../balance/types.ts'
import type { BalanceOptions } from '../model/balancers.ts'

/** One server of the farm, as a model of what serves requests. */
export interface SimulatedServer {
  readonly name: string
  /** As configured; the balancer sees it. */
  readonly weight: number
  readonly tier: number
  readonly zone: string | null
  /** Requests served at full speed side by side. */
  readonly cores: number
  /** 1: a request of mean size takes the mean time on an idle core; 0.5: twice as long. */
  readonly speed: number
  /** `ps`: the cores are shared by all requests in service. `fifo`: each core serves one, the others queue. */
  readonly discipline: 'ps' | 'fifo'
}

/** Distribution of service times on an idle core of speed 1. */
export type Sizes =
  | { readonly kind: 'exponential' | 'deterministic'; readonly mean: number }
  /** `share` of the requests take `long`, the others `short` (just so long). */
  | { readonly kind: 'mix'; readonly short: number; readonly long: number; readonly share: number }
  | { readonly kind: 'lognormal'; readonly mean: number; readonly sigma: number }
  /** In turn, from the start again at the end. */
  | { readonly kind: 'recorded'; readonly values: readonly number[] }

/** Something that happens to servers. `servers`: indexes; `from`, `to` in ms after the warm-up (to: exclusive). */
export type Fault = {
  readonly servers: readonly number[]
  readonly from: number
  readonly to: number
} & (
  | { readonly kind: 'speed'; readonly speed: number }
  /** Speed rises from `speed` to 1 in a line. */
  | { readonly kind: 'ramp'; readonly speed: number }
  /** No progress for `pause` ms, about every `every` ms (exponential). */
  | { readonly kind: 'stall'; readonly pause: number; readonly every: number }
  /** This share of requests fails after `after` ms. */
  | { readonly kind: 'fail'; readonly share: number; readonly after: number }
  /** Never answers. */
  | { readonly kind: 'hang' }
  /** Not there: health checks keep it out of the pool. At its end it joins, with slow start where configured. */
  | { readonly kind: 'absent' }
)

export interface Scenario {
  readonly name: string
  /** One sentence: what happens. */
  readonly doc: string
  /** Null: the servers of the backend that is simulated, with 4 cores each. */
  readonly servers: readonly SimulatedServer[] | null
  readonly sizes: Sizes
  readonly faults: readonly Fault[]
  /** Keys of requests: how many different ones, and the exponent of their Zipf distribution; 0: uniform. */
  readonly keys: { readonly count: number; readonly zipf: number }
}

/** Requests that were recorded: when they came, and how long their answers took on the server. */
export interface Recording {
  /** ms from the first one, ascending. */
  readonly arrivals: Float64Array
  /** ms of service. */
  readonly services: Float64Array
  /** Int32 keys, for the algorithms that follow one. */
  readonly keys: Int32Array
}

export type { EjectionRule }

export interface Setup {
  readonly algorithm: { readonly name: string; readonly algorithm: Algorithm; readonly options: BalanceOptions }
  readonly servers: readonly SimulatedServer[]
  readonly rules: PoolRules
  /** ms; 0: none. */
  readonly slowStart: number
  readonly ejection: EjectionRule | null
  /** Further servers that are tried after a failure. */
  readonly retries: number
  readonly sizes: Sizes
  readonly faults: readonly Fault[]
  readonly keys: Scenario['keys']
  /** Share of the capacity that is there in this scenario; unused with a recording. */
  readonly load: number
  /** Scoreboards: instances of Weir that see only their own requests. */
  readonly instances: number
  readonly seed: number
  readonly warmup: number
  readonly duration: number
  /** Network, one way. */
  readonly network: number
  /** Until a request counts as failed. */
  readonly timeout: number
  /** A request slower than this is counted in `over`. */
  readonly threshold: number
  readonly recording: Recording | null
  /** Width of the slots of `timeline`; 0: no timeline. */
  readonly bucket: number
}

export interface Result {
  readonly algorithm: string
  readonly requests: number
  /** Milliseconds. Fast failures are left out; a timeout counts as the timeout. */
  readonly mean: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly p999: number
  /** Share of requests over the threshold. */
  readonly over: number
  /** Share of requests that failed, timeouts included. */
  readonly errors: number
  /** Busiest server over the mean, per weight: requests and mean in flight. */
  readonly imbalance: { readonly requests: number; readonly inflight: number }
  readonly servers: readonly { readonly name: string; readonly requests: number; readonly errors: number }[]
  /** Share of requests that did not go to the server that the plain hash gives; 0 for algorithms without keys. */
  readonly away: number
  /** Ascending latencies at 200 quantiles, for plots: i / 200. */
  readonly quantiles: Float64Array
  /** Mean in flight by server and slot of time; empty when not asked for. */
  readonly timeline: readonly Float64Array[]
}
