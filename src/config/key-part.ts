// A part of a key as people write it: 'client', 'path', 'header:X-User'. Text in, source and name out.
import { keySources, type KeySource } from '../model/balancers.ts'
import type { Expected } from './address.ts'
import { nearest } from './nearest.ts'

/** Sources that are followed by a name. */
export const namedSources: ReadonlySet<KeySource> = new Set<KeySource>(['header', 'cookie', 'query'])

/** Sources that are in a request, so that a tcp connection has none of them. */
export const requestSources: ReadonlySet<KeySource> = new Set<KeySource>(['uri', 'path', 'header', 'cookie', 'query'])

/** The forms there are, for messages and the manual. */
export const keyPartWords = keySources.map((source) => (namedSources.has(source) ? `${source}:NAME` : source))

export interface KeyPartText {
  readonly source: KeySource
  /** As written; '' where the source has none. */
  readonly name: string
}

export function parseKeyPart(written: string): KeyPartText | Expected {
  const colon = written.indexOf(':')
  const word = colon < 0 ? written : written.slice(0, colon)
  const source = keySources.find((each) => each === word)
  if (source === undefined) {
    const near = nearest(word, keySources)
    const form = keyPartWords.find((each) => near !== null && each.startsWith(near))
    const all = `expected one of ${keyPartWords.map((each) => `"${each}"`).join(', ')}`
    return { expected: form === undefined ? all : `${all} (did you mean "${form}"?)` }
  }
  if (!namedSources.has(source)) return colon < 0 ? { source, name: '' } : { expected: `expected "${source}" alone` }
  const name = colon < 0 ? '' : written.slice(colon + 1)
  return nameTrouble(source, name) ?? { source, name }
}

/** What is wrong with a name for this source; null: nothing. */
export function nameTrouble(source: KeySource, name: string): Expected | null {
  if (source === 'query') {
    // as it stands in a query string, percent-encoding and all: nothing is decoded to compare it
    return /^[\x21-\x7e]{1,128}$/.test(name) && !/[&=#]/.test(name)
      ? null
      : { expected: 'expected the name of a parameter as it stands in the query, such as "query:id"' }
  }
  const what = source === 'header' ? 'a header field, such as "header:X-User"' : 'a cookie, such as "cookie:sid"'
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/.test(name) ? null : { expected: `expected the name of ${what}` }
}
