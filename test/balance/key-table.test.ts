import { expect, test } from 'vitest'
import { buildKeyTable, openKeyTable } from '../../src/balance/key-table.ts'
import type { Member } from '../../src/balance/types.ts'
import { hashTables } from '../../src/model/balancers.ts'

const member = (name: string, weight = 1, tier = 0): Member => ({ name, weight, tier, slot: 0, zone: null })

test.each(hashTables)('%s: sections hold the members of their tier and of those before it', (kind) => {
  const members = [member('d', 1, 5), member('b'), member('a', 3), member('none', 0), member('c', 2, 2)]
  const table = openKeyTable(buildKeyTable(members, kind), kind)!
  expect(table.names).toEqual(['a', 'b', 'c', 'd'])
  expect(table.sections.map(({ tier }) => tier)).toEqual([0, 2, 5])
  const owners = table.sections.map((section) => [0, 1, 2, 3].filter((owner) => section.owners.includes(owner)))
  expect(owners).toEqual([
    [0, 1],
    [0, 1, 2],
    [0, 1, 2, 3],
  ])
})

test.each(hashTables)('%s: the order of the members, their slots and zones make no difference', (kind) => {
  const members = ['x', 'y', 'z'].map((name, i) => member(name, i + 1))
  const other = members.toReversed().map((m, slot) => ({ ...m, slot, zone: `zone-${slot}` }))
  expect(new Uint8Array(buildKeyTable(other, kind))).toEqual(new Uint8Array(buildKeyTable(members, kind)))
})

test('any text can be a name', () => {
  const names = ['', '"', 'a\nb', '\u0000', 'zürich', '漢字', '😀'].toSorted()
  expect(
    openKeyTable(
      buildKeyTable(
        names.map((name) => member(name)),
        'ring',
      ),
      'ring',
    )!.names,
  ).toEqual(names)
})

test('a table of one kind is not opened as the other', () => {
  const memory = buildKeyTable([member('a')], 'ring')
  expect(openKeyTable(memory, 'maglev')).toBeNull()
  expect(openKeyTable(new SharedArrayBuffer(2), 'ring')).toBeNull()
})
