/** The photos and videos of the users: twelve each, painted when they are requested. */

import type { Scene } from './scene.ts'

/** A photo or video in the library of a user. */
export interface Picture {
  id: string
  filename: string
  type: 'PHOTO' | 'VIDEO'
  /** Of a video: only one that is `READY` has a film. */
  status?: 'READY' | 'PROCESSING'
  camera: Camera
  mime_type: string
  width: number
  height: number
  /** RFC 3339. */
  create_time: string
  scene: Scene
}

/** The camera in the Exif data of a photo. */
export interface Camera {
  make: string
  model: string
}

const CAMERA: Camera = { make: 'Simulated', model: 'Paintbox 1' }

/** name, sky top, sky bottom, sun, far hill, near hill */
const PALETTES: readonly (readonly [string, string, string, string, string, string])[] = [
  ['Morning over the bay', '#8ec5e8', '#fbe3c0', '#fff3d0', '#6f98ad', '#39667a'],
  ['Last light', '#3b2a5c', '#f28a5b', '#ffd98a', '#7a3e5c', '#2b1c33'],
  ['Dunes', '#8fbfd9', '#f4e2c0', '#fffaf0', '#dba865', '#b97b3a'],
  ['Moonrise', '#0b1530', '#33477a', '#f1efe0', '#1d2c52', '#0a1126'],
  ['Canola fields', '#7db8e0', '#dcecf2', '#ffffff', '#6f9b52', '#e3c328'],
  ['Fog in the valley', '#aeb8bd', '#e6e9ea', '#f8f8f4', '#93a1a6', '#5f7074'],
  ['Red rock', '#5aa4d4', '#f0d2b0', '#fff0c8', '#c2653a', '#7e331f'],
  ['First snow', '#9fb4cc', '#eef2f6', '#fffdf2', '#c9d6e2', '#f7f9fb'],
  ['Pine ridge', '#f2c9a0', '#f9e8c9', '#fff6dd', '#5c7f6a', '#1f3d31'],
  ['Lavender', '#a9c3ea', '#f4dcea', '#fff4e6', '#9a86c4', '#5b4390'],
  ['Sun going by', '#24506b', '#7fb3c8', '#f2b950', '#1d4057', '#122b3b'],
  ['Waves at dusk', '#23395d', '#e58f7b', '#ffe0a3', '#2f5d7c', '#16324a'],
]

/** The last two are videos, of which Google still processes the second. */
const FIRST_VIDEO = 10

/** When the first was taken, and the time between two, in milliseconds. */
const FIRST_TAKEN_MS = Date.UTC(2026, 2, 1, 8)
const BETWEEN_MS = 9 * 24 * 60 * 60 * 1000 + 5_400_000

/** Lists the photos and videos of a user. */
export function picturesOf(sub: string): Picture[] {
  return PALETTES.map(([name, top, bottom, light, far, near], index) => {
    const isVideo = index >= FIRST_VIDEO
    return {
      id: `${sub.slice(-6)}-${index + 1}`,
      filename: `${name}.${isVideo ? 'mp4' : 'png'}`,
      type: isVideo ? 'VIDEO' : 'PHOTO',
      ...(isVideo ? { status: index === FIRST_VIDEO ? 'READY' : 'PROCESSING' } : {}),
      camera: CAMERA,
      mime_type: isVideo ? 'video/mp4' : 'image/png',
      width: isVideo ? 160 : 1600,
      height: isVideo ? 120 : 1200,
      create_time: new Date(FIRST_TAKEN_MS + index * BETWEEN_MS).toISOString(),
      scene: {
        sky: [top, bottom],
        sun: {
          x: 0.2 + ((index * 0.37) % 0.6),
          y: 0.22 + (index % 4) * 0.09,
          radius: 0.09,
          colour: light,
        },
        hills: [
          { y: 0.62, swing: 0.07 + (index % 3) * 0.03, waves: 1 + (index % 3), colour: far },
          { y: 0.8, swing: 0.05 + (index % 2) * 0.03, waves: 1 + ((index + 1) % 2), colour: near },
        ],
      },
    }
  })
}

/** Finds a photo or video of a user. */
export function findPicture(sub: string, id: string): Picture | undefined {
  return picturesOf(sub).find((picture) => picture.id === id)
}
