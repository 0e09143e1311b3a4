/** This file is the tests of suggested bundles. */

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseBundles } from '../../src/config/bundles.ts'
import { scopeSet } from '../../src/scope/scopes.ts'
import { formatToml, suggestBundle } from '../../src/tools/scopes/suggestion.ts'

const ALL = [
  'photospicker.mediaitems.readonly',
  'photoslibrary.appendonly',
  'photoslibrary.readonly.appcreateddata',
  'photoslibrary.edit.appcreateddata',
]

it('is a bundle that the configuration takes', () => {
  fc.assert(
    fc.property(fc.subarray(ALL, { minLength: 1 }), (scopes) => {
      const bundle = suggestBundle(scopeSet(scopes), new Set())
      const { name, reason } = bundle
      const { bundles, problems } = parseBundles({ [name]: { scopes: [...bundle.scopes], reason } })
      expect(problems).toEqual([])
      expect(bundles.get(name)).toEqual(bundle)
    }),
  )
})

it('has a name that is not taken', () => {
  const scopes = scopeSet(['photoslibrary.appendonly'])
  expect(suggestBundle(scopes, new Set(['pick'])).name).toBe('upload')
  expect(suggestBundle(scopes, new Set(['upload'])).name).toBe('upload-2')
  expect(suggestBundle(scopes, new Set(['upload', 'upload-2'])).name).toBe('upload-3')
})

it('gives a reason that reads as a sentence', () => {
  expect(suggestBundle(scopeSet(ALL), new Set()).reason).toBe(
    'Choose photos to show in this app, save photos from this app to your library, ' +
      'show what this app saved and change what this app saved',
  )
})

it('is a section of wrangler.toml', () => {
  const scopes = scopeSet(['photoslibrary.appendonly', 'photospicker.mediaitems.readonly'])
  expect(formatToml(suggestBundle(scopes, new Set()))).toBe(`[vars.BUNDLES.pick-upload]
scopes = ["photoslibrary.appendonly", "photospicker.mediaitems.readonly"]
reason = "Choose photos to show in this app and save photos from this app to your library"
`)
})
