// The names of the balancing algorithms, for whoever reads or documents the configuration.
// The algorithms are in balance/balancers.ts, whose table the compiler holds to this list.
export const balancerNames = ['roundrobin', 'leastconn', 'source', 'random'] as const
export type BalancerName = (typeof balancerNames)[number]
