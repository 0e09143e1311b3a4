/** This file is the tests of what the scope tool says. */

import { expect, it } from 'vitest'
import { parseBundles } from '../../src/config/bundles.ts'
import { METHODS } from '../../src/scope/catalog.ts'
import { scopeSet } from '../../src/scope/scopes.ts'
import { explain, review } from '../../src/tools/scopes/explain.ts'
import { tellExplanation, tellMethods, tellReview } from '../../src/tools/scopes/prose.ts'

const { bundles } = parseBundles({
  pick: { scopes: ['photospicker.mediaitems.readonly', 'email'], reason: 'Choose photos' },
  album: {
    scopes: ['photoslibrary.appendonly', 'photoslibrary.readonly.appcreateddata'],
    reason: 'Keep an album',
  },
})

it('tells the example of the README', () => {
  expect(tell('mediaItems.list', 'albums.create')).toBe(`\
"mediaItems.list" is a method of both APIs: picker.mediaItems.list and library.mediaItems.list.
Here it is library.mediaItems.list, as the others are of the Photos Library API.

Methods
  library.mediaItems.list
    GET photoslibrary.googleapis.com/v1/mediaItems
    scope: photoslibrary.readonly.appcreateddata
  library.albums.create
    POST photoslibrary.googleapis.com/v1/albums
    scope: photoslibrary.appendonly

Smallest set of scopes
  photoslibrary.appendonly
  photoslibrary.readonly.appcreateddata

Tightest configured bundle
  album: Keep an album
  It also allows library.uploads, library.mediaItems.batchCreate,
                 library.mediaItems.get, library.mediaItems.batchGet,
                 library.mediaItems.search, library.albums.get,
                 library.albums.list, library.albums.addEnrichment,
                 library.albums.batchAddMediaItems
`)
})

it('tells both readings of a name that nothing settles', () => {
  const text = tell('mediaItems.list')
  expect(text).toContain('Nothing here says which is meant, so both follow.')
  expect(text).toMatch(/=== If you mean the Photos Picker API ===[^=]*picker\.mediaItems\.list/)
  expect(text).toMatch(/=== If you mean the Photos Library API ===[^=]*library\.mediaItems\.list/)
})

it('tells the bundle to paste when none allows the methods', () => {
  expect(tell('albums.patch')).toContain(`\
No configured bundle allows that. One that does, for wrangler.toml:

[vars.BUNDLES.edit]
scopes = ["photoslibrary.edit.appcreateddata"]
reason = "Change what this app saved"
`)
})

it('tells what is odd about the bundle to paste', () => {
  const text = tellExplanation(explain(['albums.get'], new Map()))
  expect(text).toContain('[vars.BUNDLES.view]')
  expect(text).toContain('without photoslibrary.appendonly this bundle can create nothing')
})

it('tells every scope that allows a method', () => {
  const scopes = 'scope: photoslibrary.appendonly or photoslibrary.edit.appcreateddata\n'
  expect(tell('albums.addEnrichment')).toContain(scopes)
})

it('tells that a removed method has none', () => {
  const text = tell('albums.share')
  expect(text).toContain('library.albums.share\n    scope: none since 2025-03-31\n')
  expect(text).toContain('No scope allows that, so no bundle can.')
})

it('tells what of a bundle the methods do not need', () => {
  expect(
    tell('sessions.create', 'sessions.get', 'sessions.delete', 'picker.mediaItems.list'),
  ).toMatch(/It allows nothing else\.\n {2}Not needed for this: email\n$/)
})

it('tells the nearest of unknown names, and nothing that a terminal obeys', () => {
  expect(tell('uplods', '\u001b[31mzzz')).toBe(`\
No method of the Photos APIs is called "uplods". Did you mean uploads?
No method of the Photos APIs is called "\\u001b[31mzzz". See --methods.
`)
})

it('tells all of the names that are near, as people list them', () => {
  expect(tell('mediaItems.batch')).toContain(
    'Did you mean mediaItems.patch, mediaItems.batchGet or mediaItems.search?',
  )
})

it('tells what a bundle has that nothing needs only where there is such a thing', () => {
  const album = tellReview(review(bundles)).split('\n\n').at(-1)
  expect(album).not.toContain('unneeded')
  expect(album).toMatch(/library\.albums\.batchAddMediaItems\n$/)
})

it('sets a word that is longer than a line beside its label all the same', () => {
  const scopes = scopeSet(['x'.repeat(100)])
  const bundle = { name: 'n', reason: 'r', scopes, apis: [], methods: [], unneeded: scopeSet([]) }
  expect(tellReview([bundle])).toContain(`n: r\n  scopes   ${'x'.repeat(100)}\n`)
})

it('tells every configured bundle', () => {
  expect(tellReview(review(bundles))).toMatch(`\
pick: Choose photos
  scopes   photospicker.mediaitems.readonly, email
  APIs     Photos Picker API
  methods  picker.sessions.create, picker.sessions.get, picker.sessions.delete,
           picker.mediaItems.list
  unneeded email
           (no API method takes it: leave it out)

album: Keep an album
  scopes   photoslibrary.appendonly, photoslibrary.readonly.appcreateddata
`)
})

it('tells every method', () => {
  const text = tellMethods(METHODS)
  for (const { id, http } of METHODS) expect(text).toContain(`  ${id}\n    ${http}`)
})

function tell(...names: string[]): string {
  return tellExplanation(explain(names, bundles))
}
