/** This file is the tests of the catalog, against a second reading of google-facts.md. */

import { describe, expect, it } from 'vitest'
import { apisOf, METHODS, methodsOf, SCOPES } from '../../src/scope/catalog.ts'
import { scopeSet, shortName } from '../../src/scope/scopes.ts'

const pick = 'photospicker.mediaitems.readonly'
const append = 'photoslibrary.appendonly'
const read = 'photoslibrary.readonly.appcreateddata'
const edit = 'photoslibrary.edit.appcreateddata'

/** google-facts.md, "Photos scopes", the table of API methods, row by row. */
const FACTS: Readonly<Record<string, readonly string[]>> = {
  'POST photospicker.googleapis.com/v1/sessions': [pick],
  'GET photospicker.googleapis.com/v1/sessions/{id}': [pick],
  'DELETE photospicker.googleapis.com/v1/sessions/{id}': [pick],
  'GET photospicker.googleapis.com/v1/mediaItems?sessionId={id}': [pick],
  'POST photoslibrary.googleapis.com/v1/uploads': [append],
  'POST photoslibrary.googleapis.com/v1/mediaItems:batchCreate': [append],
  'POST photoslibrary.googleapis.com/v1/albums': [append],
  'POST photoslibrary.googleapis.com/v1/albums/{id}:addEnrichment': [append, edit],
  'POST photoslibrary.googleapis.com/v1/albums/{id}:batchAddMediaItems': [append, edit],
  'POST photoslibrary.googleapis.com/v1/albums/{id}:batchRemoveMediaItems': [edit],
  'GET photoslibrary.googleapis.com/v1/albums/{id}': [read],
  'GET photoslibrary.googleapis.com/v1/albums': [read],
  'GET photoslibrary.googleapis.com/v1/mediaItems/{id}': [read],
  'GET photoslibrary.googleapis.com/v1/mediaItems:batchGet': [read],
  'GET photoslibrary.googleapis.com/v1/mediaItems': [read],
  'POST photoslibrary.googleapis.com/v1/mediaItems:search': [read],
  'PATCH photoslibrary.googleapis.com/v1/albums/{id}': [edit],
  'PATCH photoslibrary.googleapis.com/v1/mediaItems/{id}': [edit],
}

const NAMES: Readonly<Record<string, readonly string[]>> = {
  'picker.sessions.create': [pick],
  'picker.sessions.get': [pick],
  'picker.sessions.delete': [pick],
  'picker.mediaItems.list': [pick],
  'library.uploads': [append],
  'library.mediaItems.batchCreate': [append],
  'library.albums.create': [append],
  'library.albums.addEnrichment': [append, edit],
  'library.albums.batchAddMediaItems': [append, edit],
  'library.albums.batchRemoveMediaItems': [edit],
  'library.albums.get': [read],
  'library.albums.list': [read],
  'library.mediaItems.get': [read],
  'library.mediaItems.batchGet': [read],
  'library.mediaItems.list': [read],
  'library.mediaItems.search': [read],
  'library.albums.patch': [edit],
  'library.mediaItems.patch': [edit],
  'library.albums.share': [],
  'library.albums.unshare': [],
  'library.sharedAlbums.get': [],
  'library.sharedAlbums.join': [],
  'library.sharedAlbums.leave': [],
  'library.sharedAlbums.list': [],
}

it('every scope says what it allows, in words of its own', () => {
  const texts = SCOPES.map(({ allows }) => allows)
  for (const text of texts) expect(text).toMatch(/^[a-z][a-z ,;]+$/)
  expect(new Set(texts).size).toBe(texts.length)
})

describe('the methods', () => {
  it('are those Google has, by name, each with the scopes that allow it', () => {
    const found = Object.fromEntries(
      METHODS.map(({ id, scopes }) => [id, scopes.map(shortName).sort()]),
    )
    expect(found).toEqual(sorted(NAMES))
  })

  it('are those Google has, by address, each with the scopes that allow it', () => {
    const living = METHODS.filter(({ http }) => http !== '')
    const found = living.map(({ http, scopes }) => [
      http.replace(/\{\w+\}/, '{id}'),
      scopes.map(shortName).sort(),
    ])
    expect(Object.fromEntries(found)).toEqual(sorted(FACTS))
    expect(found).toHaveLength(Object.keys(FACTS).length)
  })

  it('have an address exactly while a scope allows them', () => {
    for (const { http, scopes } of METHODS) expect(http !== '').toBe(scopes.length > 0)
  })

  it('are allowed by active scopes only', () => {
    const active = SCOPES.filter(({ removed }) => !removed).map(({ scope }) => scope)
    expect(active).toEqual(expect.arrayContaining(METHODS.flatMap(({ scopes }) => [...scopes])))
  })

  it('have ids in which nothing is ambiguous, and one name that is', () => {
    expect(new Set(METHODS.map(({ id }) => id)).size).toBe(METHODS.length)
    const names = METHODS.map(({ name }) => name)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([
      'mediaItems.list',
    ])
  })
})

describe('the scopes', () => {
  it.each([
    { given: pick, expected: undefined },
    { given: append, expected: undefined },
    { given: read, expected: undefined },
    { given: edit, expected: undefined },
    { given: 'photoslibrary.readonly', expected: [read, pick] },
    { given: 'photoslibrary.sharing', expected: [] },
    { given: 'photoslibrary', expected: [append, edit, read] },
  ])('hold $given, replaced by $expected', ({ given, expected }) => {
    const found = SCOPES.find(({ scope }) => scope === `https://www.googleapis.com/auth/${given}`)
    expect(found).toBeDefined()
    expect(found?.removed?.instead.map(shortName)).toEqual(expected)
    expect(found?.removed?.on).toBe(expected && '2025-03-31')
  })

  it('are seven', () => {
    expect(SCOPES).toHaveLength(7)
  })
})

it.each([
  { given: [pick], expected: ['Photos Picker API'] },
  { given: [edit], expected: ['Photos Library API'] },
  { given: [append, pick, read], expected: ['Photos Picker API', 'Photos Library API'] },
  { given: ['openid', 'email', 'offline_access'], expected: [] },
])('the APIs of $given are $expected', ({ given, expected }) => {
  expect(apisOf(scopeSet(given))).toEqual(expected)
})

it('the methods of a scope set are those that one of its scopes allows', () => {
  const found = methodsOf(scopeSet([append, pick, 'openid']))
  const expected = Object.entries(NAMES).filter(([, s]) => s.includes(append) || s.includes(pick))
  expect([...found].sort()).toEqual(expected.map(([id]) => id).sort())
})

it('the methods of removed scopes are none', () => {
  const gone = ['photoslibrary', 'photoslibrary.readonly', 'photoslibrary.sharing']
  expect(methodsOf(scopeSet(gone))).toEqual([])
})

function sorted(table: Readonly<Record<string, readonly string[]>>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(table).map(([key, scopes]) => [key, [...scopes].sort()]))
}
