// Results as a simulation could have had them, for what reads results.
import type { Result } from '../../src/simulate/types.ts'

export function resultOf(algorithm: string, changes: Partial<Result> = {}): Result {
  return {
    algorithm,
    requests: 1000,
    mean: 10,
    p50: 8,
    p95: 30,
    p99: 50,
    p999: 80,
    over: 0,
    errors: 0,
    imbalance: { requests: 1.02, inflight: 1.05 },
    servers: [
      { name: 'web1', requests: 510, errors: 0 },
      { name: 'web2', requests: 490, errors: 0 },
    ],
    away: 0,
    quantiles: Float64Array.from({ length: 201 }, (_, i) => -10 * Math.log(1 - Math.min(i, 199.5) / 200)),
    timeline: [Float64Array.of(3, 4, 5), Float64Array.of(2, 1, 0)],
    ...changes,
  }
}
