/** This file is the answer to a misspelt name: the known ones nearest to it. */

/**
 * Finds the words nearest to a misspelt one, the nearest first, the same in whatever letter case.
 *
 * @param most how many at most
 * @returns only words that share more than half of their letters with it; so perhaps none
 */
export function nearest(misspelt: string, words: Iterable<string>, most: number): string[] {
  return [...words]
    .map((word) => ({ word, edits: edits(misspelt.toLowerCase(), word.toLowerCase()) }))
    .filter(({ word, edits }) => edits < Math.max(word.length, misspelt.length) / 2)
    .sort((a, b) => a.edits - b.edits)
    .slice(0, most)
    .map(({ word }) => word)
}

/** Counts the letters to insert, delete or replace to get to the other word (Levenshtein 1966). */
function edits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1]
    for (let column = 1; column <= to.length; column++) {
      const replaced = at(row, column - 1) + (to[column - 1] === letter ? 0 : 1)
      next.push(Math.min(replaced, at(row, column) + 1, at(next, column - 1) + 1))
    }
    row = next
  }
  return at(row, to.length)
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY
}
