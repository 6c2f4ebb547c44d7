// What a cookie calls a server: a keyed hash of its name, so that a cookie says nothing of the servers, nobody can name one
// that he was not sent to, and all workers and machines with the same key agree without talking. Made once per backend.
// What is not done: a tag is no proof of identity. Whoever copies somebody's cookie gets to the same server, and no further.
import { createHmac } from 'node:crypto'
import type { BackendSpec } from '../../messages/snapshot.ts'

/** Characters of a tag: 96 bits, base64url. */
export const TAG_LENGTH = 16

/** What tags are made of; none is a separator of cookies or of what stands behind a tag. */
const TAG = /^[\w-]{16}$/

/** Whether it could be the tag of a server, perhaps of one that is gone. */
export const looksLikeTag = (text: string): boolean => TAG.test(text)

export class ServerTags {
  readonly #slots = new Map<string, number>()
  readonly #tags = new Map<number, string>()

  constructor({ name, servers }: Pick<BackendSpec, 'name' | 'servers'>, key: Uint8Array) {
    for (const server of servers) {
      const digest = createHmac('sha256', key).update(`${name}\0${server.name}`).digest('base64url')
      const tag = digest.slice(0, TAG_LENGTH)
      this.#slots.set(tag, server.slot)
      this.#tags.set(server.slot, tag)
    }
  }

  /** @param text of any length. @returns -1: it is the tag of no server of this backend */
  slotOf(text: string): number {
    return this.#slots.get(text) ?? -1
  }

  /** The same of bytes[start, end), of which those behind a tag don't count. */
  slotIn(bytes: Buffer, start: number, end: number): number {
    return end - start < TAG_LENGTH ? -1 : this.slotOf(bytes.latin1Slice(start, start + TAG_LENGTH))
  }

  /** @param slot of a server of this backend */
  of(slot: number): string {
    return this.#tags.get(slot)!
  }
}
