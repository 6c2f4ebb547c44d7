// Methods of Buffer that Node has had since its first versions and that its types leave out: latin1 without looking up
// the encoding by name on every call.
interface Buffer {
  latin1Slice(start?: number, end?: number): string
  latin1Write(text: string, offset: number): number
}
