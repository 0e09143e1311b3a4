/** This file is the tests of explanations. */

import { describe, expect, it } from 'vitest'
import { parseBundles } from '../../src/config/bundles.ts'
import { shortName } from '../../src/scope/scopes.ts'
import { explain, review } from '../../src/tools/scopes/explain.ts'

const { bundles } = parseBundles({
  pick: { scopes: ['photospicker.mediaitems.readonly', 'email'], reason: 'Choose photos' },
  edit: { scopes: ['photoslibrary.edit.appcreateddata', 'openid'], reason: 'Edit' },
})

describe('methods that a bundle allows', () => {
  it('are explained by that bundle, with what it allows beyond and does not need', () => {
    const [need, ...others] = explain(['sessions.create', 'mediaItems.list'], bundles).needs
    expect(others).toEqual([])
    expect(need?.scopes.map(shortName)).toEqual(['photospicker.mediaitems.readonly'])
    expect(need?.bundle?.name).toBe('pick')
    expect(need?.bundle?.beyond).toEqual(['picker.sessions.get', 'picker.sessions.delete'])
    expect(need?.bundle?.excess.map(shortName)).toEqual(['email'])
    expect(need).not.toHaveProperty('suggestion')
  })

  it('by another scope than the smallest set has do need that scope', () => {
    const [need] = explain(['albums.addEnrichment'], bundles).needs
    expect(need?.scopes.map(shortName)).toEqual(['photoslibrary.appendonly'])
    expect(need?.bundle?.name).toBe('edit')
    expect(need?.bundle?.excess).toEqual(['openid'])
  })
})

it('methods that no bundle allows are explained by a bundle to configure', () => {
  const [need] = explain(['uploads'], bundles).needs
  expect(need?.suggestion?.name).toBe('upload')
  expect(need?.suggestion?.scopes).toEqual(need?.scopes)
  expect(need).not.toHaveProperty('bundle')
})

it('methods that nothing allows any more are explained by nothing', () => {
  const [need] = explain(['albums.share', 'sharedAlbums.list'], bundles).needs
  expect(need?.scopes).toEqual([])
  expect(need).not.toHaveProperty('bundle')
  expect(need).not.toHaveProperty('suggestion')
})

it.each([
  { given: ['mediaItems.list', 'albums.create'], expected: 'Photos Library API' },
  { given: ['mediaItems.list', 'sessions.get'], expected: 'Photos Picker API' },
  { given: ['mediaItems.list'], expected: undefined },
  { given: ['albums.create'], expected: undefined },
])('the API of ambiguous names among $given is settled as $expected', ({ given, expected }) => {
  expect(explain(given, bundles).settled).toBe(expected)
})

it('unknown names are told, and nothing else', () => {
  const { unknown, needs } = explain(['uplods', 'albums.get'], bundles)
  expect(unknown).toEqual([{ name: 'uplods', nearest: ['uploads'] }])
  expect(needs).toEqual([])
})

it('a review names the scopes of a bundle that no method needs', () => {
  const unneeded = review(bundles).map((bundle) => [bundle.name, bundle.unneeded.map(shortName)])
  expect(unneeded).toEqual([
    ['pick', ['email']],
    ['edit', ['openid']],
  ])
})
