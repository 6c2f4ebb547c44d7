// What a balancer of one's own is written with: `import type { BalancerFactory } from 'weir/balance'` leads here, from a
// checkout and from the installed package. Types alone, so that the import is gone when the file runs, wherever it lies.
// docs/balancers.md is the lesson.
export type { Board } from './board.ts'
export type { BackendColumns, Columns, ServerColumns } from './columns.ts'
export type { Outcome } from './outcome.ts'
export type { Algorithm, Balancer, BalancerContext, BalancerFactory, Dice, Member, Pool } from './types.ts'
export type { BalanceOptions } from '../model/balancers.ts'
