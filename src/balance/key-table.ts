// The tables by which keys find their servers, as one piece of shared memory: built on the control plane when members or
// weights change, read by all workers. Servers are known in it by name, so a table says nothing of slots, health or order,
// and one that is older than the pool can do no harm: whoever left is found to be gone, whoever is new has no keys yet,
// and all other keys are where they were.
// There is a section for each tier: the members of that tier and of those before it. So a backup that waits takes no part
// in the hashing, and adding one moves no key.
// What a section holds is the business of maglev.ts and ring.ts; which of its members are usable, of keyed-pool.ts.
import type { HashTable } from '../model/balancers.ts'
import { buildMaglev } from './maglev.ts'
import { buildRing } from './ring.ts'
import type { Member } from './types.ts'

export interface KeyTable {
  /** Of all members, sorted: their order in the configuration does not matter. */
  readonly names: readonly string[]
  /** By ascending tier. */
  readonly sections: readonly Section[]
}

export interface Section {
  /** The highest tier of its members. */
  readonly tier: number
  /** ring: the places of the owners on the circle. maglev: empty, a cell's place is its index. */
  readonly points: Uint32Array
  /** Indexes into the names of the table. */
  readonly owners: Uint16Array
}

/** First word of the memory: 'mglv' or 'ring', so that the table of another algorithm is not taken for one of these. */
const MARK: Readonly<Record<HashTable, number>> = { maglev: 0x6d676c76, ring: 0x72696e67 }
/** In Int32 cells. The table: mark, sections, bytes of names. Each section: tier, points, owners. */
const HEAD = 3
const SECTION_HEAD = 3

/** @param members of weight 0 take no part; at most 65535 others */
export function buildKeyTable(members: readonly Member[], kind: HashTable): SharedArrayBuffer {
  const ranked = members.filter(({ weight }) => weight > 0).toSorted(byName)
  const tiers = [...new Set(ranked.map(({ tier }) => tier))].toSorted((a, b) => a - b)
  const sections = tiers.map((tier) => buildSection(ranked, tier, kind))
  const names = new TextEncoder().encode(JSON.stringify(ranked.map(({ name }) => name)))

  const head = [MARK[kind], sections.length, names.length]
  for (const { tier, points, owners } of sections) head.push(tier, points.length, owners.length)
  const memory = new SharedArrayBuffer(sizeOf(head))
  new Int32Array(memory, 0, head.length).set(head)
  const views = lay(memory)
  views.names.set(names)
  views.sections.forEach((view, i) => {
    view.points.set(sections[i]!.points)
    view.owners.set(sections[i]!.owners)
  })
  return memory
}

/** @returns null when the memory holds no table of this kind */
export function openKeyTable(memory: SharedArrayBuffer, kind: HashTable): KeyTable | null {
  if (memory.byteLength < 4 * HEAD || new Int32Array(memory, 0, 1)[0] !== MARK[kind]) return null
  const { names, sections } = lay(memory)
  return { names: JSON.parse(new TextDecoder().decode(names.slice())) as string[], sections }
}

/** As text, unit by unit: no locale has a say, so all machines agree. */
const byName = (a: Member, b: Member): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)

function buildSection(ranked: readonly Member[], tier: number, kind: HashTable): Section {
  const indexes = ranked.flatMap((member, i) => (member.tier <= tier ? [i] : []))
  const members = indexes.map((i) => ranked[i]!)
  const built = kind === 'ring' ? buildRing(members) : { points: new Uint32Array(0), owners: buildMaglev(members) }
  return { tier, points: built.points, owners: built.owners.map((owner) => indexes[owner]!) }
}

/** After the heads: all points, then all owners, then the names, so that each is aligned. */
function lay(memory: SharedArrayBuffer) {
  const [, count, namesLength] = new Int32Array(memory, 0, HEAD) as unknown as [number, number, number]
  const heads = Array.from(
    { length: count },
    (_, i) =>
      new Int32Array(memory, 4 * (HEAD + SECTION_HEAD * i), SECTION_HEAD) as unknown as [number, number, number],
  )
  let at = 4 * (HEAD + SECTION_HEAD * count)
  const take = (bytes: number): number => (at += bytes) - bytes
  const points = heads.map(([, length]) => new Uint32Array(memory, take(4 * length), length))
  const owners = heads.map(([, , length]) => new Uint16Array(memory, take(2 * length), length))
  const sections = heads.map(([tier], i): Section => ({ tier, points: points[i]!, owners: owners[i]! }))
  return { sections, names: new Uint8Array(memory, at, namesLength) }
}

function sizeOf(head: readonly number[]): number {
  let bytes = 4 * head.length + head[2]!
  for (let i = HEAD; i < head.length; i += SECTION_HEAD) bytes += 4 * head[i + 1]! + 2 * head[i + 2]!
  return bytes
}
