// Every balancing algorithm, by the word that names it in the configuration. To add one: its file, one line here, and
// its name in model/balancers.ts. The common suite in test/balance picks it up from this table.
import type { BalancerName } from '../model/balancers.ts'
import { adaptive } from './adaptive.ts'
import { affinity } from './affinity.ts'
import { first } from './first.ts'
import { hash } from './hash-balancer.ts'
import { leastconn } from './leastconn.ts'
import { p2c } from './p2c.ts'
import { peakEwma } from './peak-ewma.ts'
import { random } from './random.ts'
import { roundrobin } from './roundrobin.ts'
import type { Algorithm } from './types.ts'

export const balancers: Readonly<Record<BalancerName, Algorithm>> = {
  adaptive: { create: adaptive },
  leastconn: { create: leastconn },
  p2c: { create: p2c },
  roundrobin: { create: roundrobin },
  random: { create: random },
  'peak-ewma': { create: peakEwma },
  hash,
  affinity,
  first: {
    create: first,
    exempt: { weights: 'servers are filled one after the other', order: 'their order is what it goes by' },
  },
  source: hash, // of the client's address: whoever makes the keys sees to that
}
