// The tree is the architecture: imports point one way, never in a circle. See docs/architecture.md for the reasons.
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { circularImports, importsIn, readImportGraph, wrongImports } from './support/import-graph.ts'

const graph = readImportGraph(join(import.meta.dirname, '..'))

test('the tests run on a Node that the product supports', () => {
  const [major, minor] = process.versions.node.split('.').map(Number)
  expect(major! > 24 || (major === 24 && minor! >= 12)).toBe(true)
})

test('there are files to look at', () => {
  expect(graph.size).toBeGreaterThan(5)
  expect([...graph.values()].flat().filter((to) => graph.has(to)).length).toBeGreaterThan(3)
})

test('imports in src/ point one way', () => {
  expect(wrongImports(graph)).toEqual([])
})

test('no import in src/ is circular', () => {
  expect(circularImports(graph)).toEqual([])
})

test('every shape of import is seen, and an import in a comment is not', () => {
  const source = `
import a from './a.ts'
import {
  b, // b's comment
  type B,
} from './b.ts'
import type { C } from "./c.ts"
import './d.ts'
export * from './e.ts'
export { f } from './f.ts'
export const once = 1
type G = import('./g.ts').G
const h = await import('./h.ts')
// import i from './i.ts'
/** import j from './j.ts' */
`
  expect(importsIn(source).toSorted()).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => `./${name}.ts`))
})

test('a planted upward import is found', () => {
  const planted = new Map(graph)
    .set('src/model/planted.ts', ['src/balance/planted.ts'])
    .set('src/balance/planted.ts', [])
  expect(wrongImports(planted)).toEqual([
    'src/model/planted.ts imports src/balance/planted.ts: model must not depend on balance',
  ])
})

test('control and data importing each other is found', () => {
  const planted = new Map([
    ['src/control/a.ts', ['src/data/b.ts']],
    ['src/data/b.ts', ['src/control/c.ts']],
    ['src/control/c.ts', []],
  ])
  expect(wrongImports(planted)).toHaveLength(2)
})

test('a package in a pure layer, a file that is not there and a way out of src/ are found', () => {
  const planted = new Map([
    ['src/balance/a.ts', ['node:crypto', 'yaml', '@scope/name']],
    ['src/control/b.ts', ['node:crypto', 'undici', 'src/control/missing.ts', 'package.json']],
    ['src/elsewhere/c.ts', []],
  ])
  expect(wrongImports(planted)).toHaveLength(6)
})

test('a planted circle of files is found', () => {
  const planted = new Map([
    ['src/data/a.ts', ['src/data/b.ts']],
    ['src/data/b.ts', ['src/data/c.ts']],
    ['src/data/c.ts', ['src/data/a.ts']],
  ])
  expect(circularImports(planted)).toEqual(['src/data/a.ts -> src/data/b.ts -> src/data/c.ts -> src/data/a.ts'])
})

test('a planted circle of folders, with no circle of files, is found', () => {
  const planted = new Map([
    ['src/control/health/a.ts', ['src/control/admin/a.ts']],
    ['src/control/admin/a.ts', []],
    ['src/control/admin/b.ts', ['src/control/health/b.ts']],
    ['src/control/health/b.ts', []],
  ])
  expect(circularImports(planted)).toEqual(['src/control/health -> src/control/admin -> src/control/health'])
})
