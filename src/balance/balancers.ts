// Every balancing algorithm, by the word that names it in the configuration. To add one: its file, one line here, and
// its name in model/balancers.ts. The common suite in test/balance picks it up from this table.
import type { BalancerName } from '../model/balancers.ts'
import { leastconn } from './leastconn.ts'
import { random } from './random.ts'
import { roundrobin } from './roundrobin.ts'
import { source } from './source.ts'
import type { BalancerFactory } from './types.ts'

export const balancers = {
  roundrobin,
  leastconn,
  source,
  random,
} as const satisfies Record<BalancerName, BalancerFactory>
