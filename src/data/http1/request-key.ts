// The key of a request: what `hash` and its kin stick to. The parts that the configuration names are compiled once per
// backend; per request they are found in the head that was just parsed and hashed where they stand, without a
// string. For algorithms that follow no key there is nothing to compile, and nothing happens.
// Parts are taken as received: nothing is decoded or normalized, because what the server sees is not either. A part that is
// empty is missing; a key of which all parts are missing is left to chance.
import type { Dice } from '../../balance/types.ts'
import type { BalanceSpec } from '../../messages/snapshot.ts'
import type { KeyPart } from '../../model/balancers.ts'
import { digestFor, isKetama, type Digest } from '../key/digest.ts'
import { originOf, type KeyedClient } from '../key/origin.ts'
import { addOriginPart, keyParts, randomKey } from '../key/parts.ts'
import { AMPERSAND, EQUALS, QUESTION, SEMICOLON, SLASH, SPACE, STAR, TAB } from './characters.ts'
import { equalsIgnoringCase } from './fields.ts'
import { METHOD_OPTIONS, type RequestHead } from './request-head.ts'

/** @returns int32. A request that has no key gets another one with each call: ask once per request */
export type RequestKey = (buffer: Uint8Array, head: RequestHead, client: KeyedClient) => number

/** Adds one part to the key; nothing where the request has none. */
export type Part = (digest: Digest, buffer: Uint8Array, head: RequestHead, client: KeyedClient) => void

/** @returns null for an algorithm that follows no key */
export function compileRequestKey(spec: BalanceSpec, dice: Dice): RequestKey | null {
  const specs = keyParts(spec)
  const digest = digestFor(spec)
  if (specs.length === 0) return null
  if (specs.length === 1 && specs[0]!.source === 'client' && !isKetama(spec)) return networkKey(specs[0]!, dice)
  const addParts = compileParts(specs)
  return (buffer, head, client) => {
    digest.begin()
    addParts(digest, buffer, head, client)
    return digest.length === 0 ? randomKey(dice) : digest.end()
  }
}

/** All parts of a key, told apart from each other. @param specs at least one */
export function compileParts(specs: readonly KeyPart[]): Part {
  const parts = specs.map(partOf)
  return (digest, buffer, head, client) => {
    parts[0]!(digest, buffer, head, client)
    for (let i = 1; i < parts.length; i++) {
      digest.nextPart()
      parts[i]!(digest, buffer, head, client)
    }
  }
}

/** The client's address alone: nothing of it changes from request to request. */
const networkKey =
  (part: KeyPart, dice: Dice): RequestKey =>
  (_buffer, _head, client) => {
    const origin = originOf(client)
    return origin.hasAddress ? origin.networkHash(part) : randomKey(dice)
  }

function partOf(spec: KeyPart): Part {
  const name = new TextEncoder().encode(spec.name)
  switch (spec.source) {
    case 'client':
    case 'sni':
      return (digest, _buffer, _head, client) => addOriginPart(digest, spec, originOf(client))
    case 'uri':
    case 'path':
      return (digest, buffer, head) => addTarget(digest, buffer, head, spec)
    case 'header':
      return (digest, buffer, head) => addHeader(digest, buffer, head, name)
    case 'cookie':
      return (digest, buffer, head) => addCookie(digest, buffer, head, name)
    case 'query':
      return (digest, buffer, head) => addParameter(digest, buffer, head, name)
  }
}

// The target, as far as it counts.

const ROOT = Uint8Array.of(SLASH)
const ASTERISK = Uint8Array.of(STAR)

/**
 * The path, or with `uri` the query too: leading segments, then leading bytes. In absolute form the authority is no part of
 * it, and an empty path is '/' (RFC 9110, section 4.2.3), except with OPTIONS, where it is '*' (RFC 9112, section 3.2.4).
 */
function addTarget(digest: Digest, buffer: Uint8Array, head: RequestHead, part: KeyPart): void {
  const start = head.pathStart
  const pathEnd = indexOrEnd(buffer, QUESTION, start, head.targetEnd)
  const segmentsEnd = part.depth === 0 ? pathEnd : endOfSegments(buffer, start, pathEnd, part.depth)
  let end = part.source === 'uri' && segmentsEnd === pathEnd ? head.targetEnd : segmentsEnd
  let room = part.length === 0 ? Infinity : part.length
  if (start === pathEnd) {
    const asterisk = start === head.targetEnd && head.method === METHOD_OPTIONS
    digest.add(asterisk ? ASTERISK : ROOT, 0, 1)
    room--
  }
  if (end - start > room) end = start + room
  digest.add(buffer, start, end)
}

/** Offset behind the first `depth` segments of a path, without the slash that follows them. */
function endOfSegments(buffer: Uint8Array, start: number, end: number, depth: number): number {
  let left = depth
  for (let i = start + 1; i < end; i++) {
    if (buffer[i] === SLASH && --left === 0) return i
  }
  return end
}

// Fields.

const COMMA_SPACE = new TextEncoder().encode(', ')
const COOKIE = new TextEncoder().encode('cookie')

/** All lines of the field as the one list that they stand for (RFC 9110, section 5.3). */
function addHeader(digest: Digest, buffer: Uint8Array, { fields }: RequestHead, name: Uint8Array): void {
  let first = true
  for (let line = 0; line < fields.count; line++) {
    if (!equalsIgnoringCase(buffer, fields.start[line]!, fields.nameEnd[line]!, name)) continue
    const start = fields.valueStart[line]!
    const end = fields.valueEnd[line]!
    if (start === end) continue
    if (!first) digest.add(COMMA_SPACE, 0, COMMA_SPACE.length)
    digest.add(buffer, start, end)
    first = false
  }
}

/** The first cookie of this name (RFC 6265, section 4.2.1). */
function addCookie(digest: Digest, buffer: Uint8Array, { fields }: RequestHead, name: Uint8Array): void {
  for (let line = 0; line < fields.count; line++) {
    if (!equalsIgnoringCase(buffer, fields.start[line]!, fields.nameEnd[line]!, COOKIE)) continue
    if (addPair(digest, buffer, fields.valueStart[line]!, fields.valueEnd[line]!, SEMICOLON, name)) return
  }
}

/** The first parameter of this name. */
function addParameter(digest: Digest, buffer: Uint8Array, head: RequestHead, name: Uint8Array): void {
  const query = indexOrEnd(buffer, QUESTION, head.pathStart, head.targetEnd)
  addPair(digest, buffer, query + 1, head.targetEnd, AMPERSAND, name)
}

/**
 * Adds the value of the first `name=value` of this name among those that the separator divides. White space around a pair
 * is no part of it; there can be none in a query.
 * @returns whether there is one, perhaps with an empty value
 */
function addPair(
  digest: Digest,
  buffer: Uint8Array,
  start: number,
  end: number,
  separator: number,
  name: Uint8Array,
): boolean {
  for (let from = start; from < end;) {
    let to = indexOrEnd(buffer, separator, from, end)
    const next = to + 1
    while (from < to && isBlank(buffer[from]!)) from++
    while (to > from && isBlank(buffer[to - 1]!)) to--
    const value = from + name.length
    if (value < to && buffer[value] === EQUALS && startsWith(buffer, from, name)) {
      digest.add(buffer, value + 1, to)
      return true
    }
    from = next
  }
  return false
}

const isBlank = (byte: number): boolean => byte === SPACE || byte === TAB

function startsWith(buffer: Uint8Array, start: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i++) {
    if (buffer[start + i] !== word[i]) return false
  }
  return true
}

function indexOrEnd(buffer: Uint8Array, byte: number, start: number, end: number): number {
  let i = start
  while (i < end && buffer[i] !== byte) i++
  return i
}
