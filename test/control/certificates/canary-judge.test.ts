// The judgement on a certificate that is on trial: Fisher's exact test against its definition, and what follows from it.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { byChance, judge, LEAST, type Tally } from '../../../src/control/certificates/canary-judge.ts'
import { createDice } from '../../../src/balance/dice.ts'

const tally = (most: number) =>
  fc.record({ accepted: fc.integer({ min: 0, max: most }), refused: fc.integer({ min: 0, max: most }) })

/** By the definition, with whole numbers of any size: the share of all ways to deal out the refusals. */
function exactly(trial: Tally, other: Tally): number {
  const own = trial.accepted + trial.refused
  const all = own + other.accepted + other.refused
  const refused = trial.refused + other.refused
  let ways = 0n
  for (let k = trial.refused; k <= Math.min(own, refused); k++)
    ways += choose(refused, k) * choose(all - refused, own - k)
  const scale = 10n ** 18n
  return Number((ways * scale) / choose(all, own)) / 1e18
}

function choose(n: number, k: number): bigint {
  if (k < 0 || k > n) return 0n
  let result = 1n
  for (let i = 1; i <= k; i++) result = (result * BigInt(n - k + i)) / BigInt(i)
  return result
}

test('the chance is that of the definition', () => {
  fc.assert(
    fc.property(tally(60), tally(200), (trial, other) => {
      expect(byChance(trial, other)).toBeCloseTo(exactly(trial, other), 8)
    }),
  )
  // The lady tasting tea: four of four cups right.
  expect(byChance({ accepted: 0, refused: 4 }, { accepted: 4, refused: 0 })).toBeCloseTo(1 / 70, 10)
})

test('nothing is said before there are enough handshakes', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: LEAST - 1 }), tally(1000), (refused, other) => {
      expect(judge({ accepted: 0, refused }, other)).toBe('too few')
    }),
  )
})

test('one that is not refused at all, or no more often than the other, is never worse', () => {
  fc.assert(
    fc.property(fc.integer({ min: LEAST, max: 100_000 }), tally(100_000), (accepted, other) => {
      expect(judge({ accepted, refused: 0 }, other)).toBe('no worse')
    }),
  )
  fc.assert(
    fc.property(tally(2000), fc.integer({ min: 1, max: 40 }), (trial, times) => {
      fc.pre(trial.accepted + trial.refused >= LEAST)
      const other = { accepted: trial.accepted * times, refused: trial.refused * times }
      expect(judge(trial, other)).toBe('no worse')
    }),
  )
})

test('one that clients refuse where they took the other is worse, however large the numbers', () => {
  expect(judge({ accepted: 17, refused: 3 }, { accepted: 400, refused: 0 })).toBe('worse')
  expect(judge({ accepted: 0, refused: LEAST }, { accepted: LEAST, refused: 0 })).toBe('worse')
  fc.assert(
    fc.property(fc.integer({ min: LEAST, max: 10_000_000 }), fc.integer({ min: LEAST, max: 10_000_000 }), (n, m) => {
      expect(judge({ accepted: 0, refused: n }, { accepted: m, refused: 0 })).toBe('worse')
    }),
  )
})

test('a refusal more makes it no better, an accepted handshake more no worse', () => {
  fc.assert(
    fc.property(tally(300), tally(3000), (trial, other) => {
      const chance = byChance(trial, other)
      expect(byChance({ ...trial, refused: trial.refused + 1 }, other)).toBeLessThanOrEqual(chance + 1e-9)
      expect(byChance({ ...trial, accepted: trial.accepted + 1 }, other)).toBeGreaterThanOrEqual(chance - 1e-9)
    }),
  )
})

test('with nothing to compare with, more than half refused is too many', () => {
  expect(judge({ accepted: 9, refused: 11 }, { accepted: 0, refused: 0 })).toBe('worse')
  expect(judge({ accepted: 10, refused: 10 }, { accepted: 19, refused: 0 })).toBe('no worse')
})

test('where both are refused alike, few trials end wrongly, though each is looked at six hundred times', () => {
  const dice = createDice(6)
  const rounds = 200
  let wrong = 0
  for (let round = 0; round < rounds; round++) {
    const [trial, other] = [
      { accepted: 0, refused: 0 },
      { accepted: 0, refused: 0 },
    ]
    for (let look = 0; look < 600; look++) {
      for (let handshake = 0; handshake < 10; handshake++) {
        const counted = dice.below(20) === 0 ? trial : other
        if (dice.below(50) === 0) counted.refused++
        else counted.accepted++
      }
      if (judge(trial, other) !== 'worse') continue
      wrong++
      break
    }
  }
  expect(wrong).toBeLessThan(rounds * 0.03)
})
