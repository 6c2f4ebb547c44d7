// Spans of time, sizes and shares as people write them ('1m30s', '64KiB', '50%'), and back. Pure; bounds are the business of options.ts.
import { bytes, ms, type Bytes, type Millis } from '../model/units.ts'

declare const text: unique symbol
/** Text that parseDuration understands. */
export type DurationText = string & { readonly [text]: 'duration' }
/** Text or number that parseSize understands. */
export type SizeText = (string | number) & { readonly [text]: 'size' }
/** Text or number that parsePercent understands. */
export type PercentText = (string | number) & { readonly [text]: 'percent' }

const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const sizeUnits: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 }

/** Regular expressions in the dialect of JSON Schema, for editors. */
export const durationPattern = '^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+$'
export const percentPattern = '^[0-9]+(\\.[0-9]+)?%?$'
export const sizePattern = '^[0-9]+(\\.[0-9]+)?(B|KiB|MiB|GiB|TiB)$'

/** '2s', '500ms', '1m30s'; fractions of a millisecond are rounded. null: not a duration. */
export function parseDuration(written: string): Millis | null {
  const exact = parseExactDuration(written)
  return exact === null ? null : ms(Math.round(exact))
}

/** The same with its fractions: for a model of time, not for a timer. */
export function parseExactDuration(written: string): Millis | null {
  if (!new RegExp(durationPattern).test(written)) return null
  let sum = 0
  for (const [, amount, unit] of written.matchAll(/([0-9.]+)([a-z]+)/g)) sum += Number(amount) * durationUnits[unit!]!
  return ms(sum)
}

/** '64KiB', '512B', or a whole number of bytes; null: not a size. */
export function parseSize(written: string | number): Bytes | null {
  if (typeof written === 'number') return Number.isSafeInteger(written) && written >= 0 ? bytes(written) : null
  if (/^[0-9]+$/.test(written)) return parseSize(Number(written))
  if (!new RegExp(sizePattern).test(written)) return null
  const unit = /[A-Za-z]+$/.exec(written)![0]
  const size = Number(written.slice(0, -unit.length)) * sizeUnits[unit]!
  return Number.isSafeInteger(size) ? bytes(size) : null
}

/** '50%', '12.5%', or the number alone; null: not a share from 0 to 100. */
export function parsePercent(written: string | number): number | null {
  if (typeof written === 'string' && !new RegExp(percentPattern).test(written)) return null
  const share = Number(String(written).replace('%', ''))
  return share >= 0 && share <= 100 ? share : null
}

/** The shortest text that parseDuration reads as the same span: 90000 is '1m30s'. */
export function formatDuration(span: Millis): DurationText {
  let rest: number = span
  let written = ''
  for (const [unit, factor] of Object.entries(durationUnits).toReversed()) {
    const count = Math.floor(rest / factor)
    if (count > 0) written += `${count}${unit}`
    rest -= count * factor
  }
  return (written || '0s') as DurationText
}
