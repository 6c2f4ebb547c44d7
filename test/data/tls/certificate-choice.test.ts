// The index of names: what is exact, what a wildcard covers, who comes first, and that it grows with the names alone.
import { expect, test } from 'vitest'
import type { CertificateSpec } from '../../../src/messages/tls.ts'
import { NameIndex } from '../../../src/data/tls/certificate-choice.ts'

const certificate = (
  id: string,
  names: readonly string[],
  keyType: CertificateSpec['keyType'] = 'ec',
): CertificateSpec => ({ id, names, keyType, cert: '', key: '' })

const found = (index: NameIndex, name: string): (string | undefined)[] => {
  const { ec, rsa, other } = index.for(name) ?? {}
  return [ec?.id, rsa?.id, other?.id]
}

test('an exact name wins over a wildcard, which stands for one label', () => {
  const index = new NameIndex([certificate('wild', ['*.a.test']), certificate('exact', ['x.a.test'])])
  expect(found(index, 'x.a.test')[0]).toBe('exact')
  expect(found(index, 'y.a.test')[0]).toBe('wild')
  for (const name of ['a.test', 'z.y.a.test', '.a.test', 'a', '', '.']) expect(index.for(name)).toBe(null)
})

test('the first of the list wins, for each key type apart', () => {
  const index = new NameIndex([
    certificate('rsa1', ['a.test'], 'rsa'),
    certificate('ec1', ['a.test']),
    certificate('ec2', ['a.test']),
    certificate('rsa2', ['a.test'], 'rsa'),
  ])
  expect(found(index, 'a.test')).toEqual(['ec1', 'rsa1', undefined])
})

test('a key type that the exact name lacks comes from the wildcard', () => {
  const index = new NameIndex([certificate('exact', ['x.a.test']), certificate('wild', ['*.a.test'], 'rsa')])
  expect(found(index, 'x.a.test')).toEqual(['exact', 'wild', undefined])
  expect(found(index, 'y.a.test')).toEqual([undefined, 'wild', undefined])
})

test('beside a certificate stand those of other key types that share a name with it', () => {
  const first = certificate('first', ['one.test', 'two.test'])
  const index = new NameIndex([
    first,
    certificate('else', ['three.test'], 'rsa'),
    certificate('shared', ['two.test'], 'rsa'),
    certificate('ed', ['*.test'], 'other'),
  ])
  const { ec, rsa, other } = index.beside(first)
  expect([ec?.id, rsa?.id, other?.id]).toEqual(['first', 'shared', 'ed'])
})

test('all names have the same candidates, or one has not', () => {
  const first = certificate('first', ['one.test', 'two.test'])
  const pair = certificate('pair', ['one.test', 'two.test'], 'rsa')
  const same = new NameIndex([first, pair])
  expect(same.isAll(same.beside(first))).toBe(true)
  const partly = new NameIndex([first, certificate('half', ['two.test'], 'rsa')])
  expect(partly.isAll(partly.beside(first))).toBe(false)
})

test('ten thousand certificates: each is read as often as it has names', () => {
  let reads = 0
  const list = Array.from({ length: 10_000 }, (_, i) => {
    const plain = certificate(`c${i}`, [`www${i}.test`, `*.sub${i}.test`])
    return Object.defineProperty({ ...plain }, 'names', { get: () => (reads++, plain.names) })
  })
  const index = new NameIndex(list)
  index.beside(list[5000]!)
  for (const i of [0, 5000, 9999]) {
    expect(found(index, `www${i}.test`)[0]).toBe(`c${i}`)
    expect(found(index, `any.sub${i}.test`)[0]).toBe(`c${i}`)
  }
  expect(reads).toBe(10_001)
})
