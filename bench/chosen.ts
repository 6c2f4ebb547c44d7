// The part of a list that the command line asks for, by names.

/**
 * @param written names, or undefined for all
 * @throws with words for the person at the terminal, when a name is none of the list's
 */
export function chosen<T extends { readonly name: string }>(
  all: readonly T[],
  written: string | undefined,
  separator: ',' | ';',
): readonly T[] {
  const wanted = written?.split(separator).map((name) => name.trim())
  const unknown = wanted?.filter((name) => !all.some((each) => each.name === name)) ?? []
  if (unknown.length > 0) throw new Error(`there is no ${unknown.join(`${separator} `)}`)
  return all.filter(({ name }) => wanted?.includes(name) ?? true)
}
