// Parts of a snapshot as tests need them: what most of them do not care about is filled in.
import { defaultBalanceOptions } from '../../src/model/balancers.ts'
import type { BalanceSpec, PoolRulesSpec } from '../../src/messages/snapshot.ts'

export const balanceSpec = (algorithm: string, more: Partial<BalanceSpec> = {}): BalanceSpec => ({
  algorithm,
  file: null,
  options: defaultBalanceOptions,
  key: [{ source: 'client', name: '', prefix4: 32, prefix6: 128, depth: 0, length: 0 }],
  ...more,
})

export const rulesSpec = (more: Partial<PoolRulesSpec> = {}): PoolRulesSpec => ({
  minHealthy: 1,
  panic: 0,
  zone: null,
  subset: 0,
  instance: 0,
  ...more,
})
