// The files of one name in the store: a PEM file for each version, and the index that says which one is current. What becomes of
// them, and when, is store.ts.
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readCertificate, type Certificate } from '../../config/certificate.ts'
import { writeDurably } from './durable-file.ts'
import type { TrialWish } from './types.ts'

const VERSIONS_KEPT = 10
/** Of the format of what is written. */
export const FORMAT = 1

export interface StoredVersion {
  /** From 1. */
  readonly version: number
  /** ISO 8601. */
  readonly storedAt: string
  readonly by: string
  /** Of the leaf: SHA-256, hexadecimal. */
  readonly fingerprint: string
  /** ISO 8601. */
  readonly notAfter: string
}

export interface Index {
  readonly format: number
  /** Of IAM: it begins and ends with a slash. */
  readonly path: string
  readonly current: number
  readonly trial: number | null
  /** Of the trial, for whoever goes on with it; null: there is none, or it was begun by a Weir that did not keep this. */
  readonly terms: TrialWish | null
  readonly versions: readonly StoredVersion[]
}

/** The newest ones, and the current one whatever its age. */
export function keptOf(versions: readonly StoredVersion[], current: number): readonly StoredVersion[] {
  const oldest = versions.length - VERSIONS_KEPT
  return versions.filter(({ version }, i) => i >= oldest || version === current)
}

export const writeIndex = (folder: string, index: Omit<Index, 'format'>): Promise<void> =>
  writeDurably(join(folder, 'index.json'), `${JSON.stringify({ format: FORMAT, ...index }, null, 2)}\n`)

/** @returns what is wrong with it, as text */
export async function readIndex(folder: string): Promise<Index | string> {
  try {
    const index = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as Index
    const known = index.format === FORMAT && Number.isInteger(index.current) && Array.isArray(index.versions)
    return known ? { ...index, path: pathOf(index), terms: termsOf(index) } : `its index is not of format ${FORMAT}`
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'it has no index' : (error as Error).message
  }
}

/** Up to 512 characters, as IAM has it. */
export const isPath = (path: string): boolean => path.length <= 512 && /^\/(?:[\x21-\x7e]*\/)?$/.test(path)

/** A Weir that knew no paths wrote none. */
const pathOf = ({ path }: Partial<Index>): string => (typeof path === 'string' && isPath(path) ? path : '/')

function termsOf({ terms }: Partial<Index>): TrialWish | null {
  if (typeof terms?.share !== 'number' || typeof terms.span !== 'number') return null
  return terms.share > 0 && terms.share < 1 && terms.span > 0 ? terms : null
}

/** @returns what is wrong with it, as text */
export async function readVersion(folder: string, version: number): Promise<Certificate | string> {
  try {
    const read = readCertificate({ certPem: await readFile(join(folder, `${version}.pem`), 'utf8') })
    return 'problem' in read ? read.problem : read
  } catch (error) {
    return (error as Error).message
  }
}

/** Numbers of the versions whose files are there, whether an index has them or not. */
export async function versionFiles(folder: string): Promise<readonly number[]> {
  const names = await readdir(folder)
  return names
    .map((name) => /^(\d+)\.pem$/.exec(name)?.[1])
    .filter((each) => each !== undefined)
    .map(Number)
}

/** Removes what no index names: versions that are too old, and what a crash has left. */
export async function sweep(folder: string, kept: readonly StoredVersion[]): Promise<void> {
  const names = new Set(['index.json', ...kept.map(({ version }) => `${version}.pem`)])
  for (const name of await readdir(folder)) if (!names.has(name)) await rm(join(folder, name), { force: true })
}
