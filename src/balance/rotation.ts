// A rotation: which server has turn t, so that in any `length` turns in a row each server has exactly its weight of them
// (weights divided by their common divisor, `length` their sum), spread as evenly as can be. It is a pure function of the
// weights and their order: workers that share a counter of turns share one exact rotation.
//
// Up to 4096 turns (fewer for more than 256 servers) it is written out by nginx's smooth rule: each turn every server gains its weight, the highest takes
// the turn and pays the sum of all. 5:1:1 becomes a a b a c a a. Beyond that (say weights 65535 and 65534) the turns are
// laid side by side, server after server, and visited in steps of the golden ratio of the length: every turn is visited
// once in `length` steps, so the shares are just as exact, and the gaps between two turns of one server take three
// lengths at most. Cost: 1 ns a turn from the table; a binary search over the servers beyond it.

export interface Rotation {
  /** Turns until it repeats; 0 for no servers. */
  readonly length: number
  /** The server of each turn by index, or empty when the rotation is too long to write out. */
  readonly order: Int32Array
  /** Where the turns of each server end when laid side by side; used when `order` is empty. */
  readonly ends: Float64Array
  readonly step: number
}

/** Longest rotation written out, and the work that may go into it: a few milliseconds, on a thread that serves. */
const TABLE_TURNS = 4096
const TABLE_STEPS = 2 ** 20

/** @param weights each from 1 to 65535; their sum below 2^31 */
export function buildRotation(weights: Int32Array): Rotation {
  const divisor = weights.reduce(commonDivisor, 0) || 1
  const shares = weights.map((weight) => weight / divisor)
  let length = 0
  const ends = Float64Array.from(shares, (share) => (length += share))
  const order =
    length <= TABLE_TURNS && length * shares.length <= TABLE_STEPS ? smoothOrder(shares, length) : new Int32Array(0)
  return { length, order, ends, step: goldenStep(length) }
}

/**
 * Index of the server that has this turn.
 * @param turn 0 .. length-1
 */
export function serverOf(rotation: Rotation, turn: number): number {
  const { order, ends } = rotation
  if (order.length > 0) return order[turn]!
  const place = multiplyModulo(turn, rotation.step, rotation.length)
  let low = 0
  let high = ends.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (place < ends[middle]!) high = middle
    else low = middle + 1
  }
  return low
}

/** O(length * servers). Of servers that are equally far behind, the first in the list is next. */
function smoothOrder(shares: Int32Array, length: number): Int32Array {
  const order = new Int32Array(length)
  const credit = new Int32Array(shares.length)
  for (let turn = 0; turn < length; turn++) {
    let best = 0
    for (let i = 0; i < shares.length; i++) {
      credit[i]! += shares[i]!
      if (credit[i]! > credit[best]!) best = i
    }
    credit[best]! -= length
    order[turn] = best
  }
  return order
}

/**
 * The step near length / golden ratio that visits every turn most evenly: of the nearest steps the one whose fraction of
 * the length has the least sum of quotients in Euclid's algorithm, which bounds how far any server runs ahead.
 */
function goldenStep(length: number): number {
  const golden = Math.max(1, Math.round(length * 0.6180339887498949))
  let best = 1
  let least = Infinity
  for (let step = golden; step < Math.min(length, golden + 64); step++) {
    const sum = quotientSum(length, step)
    if (sum < least) [best, least] = [step, sum]
  }
  return best
}

/** Infinity when a and b have a divisor in common. */
function quotientSum(a: number, b: number): number {
  let sum = 0
  while (b !== 0) {
    sum += Math.floor(a / b)
    ;[a, b] = [b, a % b]
  }
  return a === 1 ? sum : Infinity
}

function commonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b]
  return a
}

/** a * b modulo m for a, b < m < 2^31, exact: in two halves, so that no product outgrows the 53 bits of a double. */
function multiplyModulo(a: number, b: number, m: number): number {
  const high = modulo(a * (b >>> 16), m)
  return modulo(high * 0x10000 + a * (b & 0xffff), m)
}

/** x modulo m by one division, several times faster than `%` on numbers beyond 32 bits. */
function modulo(x: number, m: number): number {
  const rest = x - Math.floor(x / m) * m
  return rest < 0 ? rest + m : rest // the quotient may have been rounded up by one
}
