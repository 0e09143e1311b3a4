/** Tests of the catalog, against a second reading of Google's reference. */

import { describe, expect, it } from 'vitest'
import { apisOf, METHODS, methodsOf, SCOPES } from '../../src/scope/catalog.ts'
import { scopeSet, shortName } from '../../src/scope/scopes.ts'

const pick = 'photospicker.mediaitems.readonly'
const append = 'photoslibrary.appendonly'
const read = 'photoslibrary.readonly.appcreateddata'
const edit = 'photoslibrary.edit.appcreateddata'

/** https://developers.google.com/photos/overview/authorization and the REST references, method by method. */
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

/** Methods that Google removed. */
const REMOVED = ['albums.share', 'albums.unshare'].concat(
  ['get', 'join', 'leave', 'list'].map((verb) => `sharedAlbums.${verb}`),
)

describe('the methods', () => {
  it('are those of Google, by address, each with the scopes that allow it', () => {
    const active = METHODS.filter(({ scopes }) => scopes.length > 0)
    const found = active.map(({ http, scopes }) => [
      http.replace(/\{\w+\}/, '{id}'),
      scopes.map(shortName).sort(),
    ])
    expect(Object.fromEntries(found)).toEqual(sorted(FACTS))
    expect(found).toHaveLength(Object.keys(FACTS).length)
  })

  it('include the removed ones, which no scope allows', () => {
    const removed = METHODS.filter(({ scopes }) => scopes.length === 0)
    expect(removed.map(({ name, http }) => name + http)).toEqual(REMOVED)
  })
})

describe('the scopes', () => {
  it.each([
    { given: pick, expected: undefined },
    { given: edit, expected: undefined },
    { given: 'photoslibrary.readonly', expected: [pick, read] },
    { given: 'photoslibrary.sharing', expected: [] },
    { given: 'photoslibrary', expected: [append, read, edit] },
  ])('include $given, replaced by $expected', ({ given, expected }) => {
    const found = SCOPES.find(({ scope }) => scope === `https://www.googleapis.com/auth/${given}`)
    expect(found).toBeDefined()
    const named = found?.removed?.match(/photos[a-z.]+[a-z]/g)
    expect(named ?? (found?.removed ? [] : undefined)).toEqual(expected)
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
  expect(found).toHaveLength(4 + 5)
  expect(found).toContain('library.albums.addEnrichment')
  expect(found).not.toContain('library.albums.get')
})

function sorted(table: Readonly<Record<string, readonly string[]>>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(table).map(([key, scopes]) => [key, [...scopes].sort()]))
}
