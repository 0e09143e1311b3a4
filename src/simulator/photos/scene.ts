/** Painted landscapes in any size: a sky, a sun and hills. */

import { encodePng } from './png.ts'

type Colour = readonly [red: number, green: number, blue: number]

/** A landscape. Lengths are fractions of the height, places fractions of width and height. */
export interface Scene {
  sky: readonly [top: string, bottom: string]
  sun: { x: number; y: number; radius: number; colour: string }
  /** The farthest first. */
  hills: readonly Hill[]
}

interface Hill {
  y: number
  swing: number
  waves: number
  colour: string
}

/** Paints a scene as a PNG, with Exif data or without. */
export async function paintScene(
  scene: Scene,
  { width, height, exif }: { width: number; height: number; exif?: Uint8Array | undefined },
): Promise<Uint8Array> {
  const [top, bottom] = scene.sky.map(colourOf) as [Colour, Colour]
  const sun = { ...scene.sun, colour: colourOf(scene.sun.colour) }
  const radius = sun.radius * height
  const hills = scene.hills.map((hill, index) => ({
    colour: colourOf(hill.colour),
    edge: Float32Array.from({ length: width }, (_, x) => edgeAt(hill, index, x / width) * height),
  }))
  return encodePng({ width, height, exif }, (y, row) => {
    const sky = mix(top, bottom, y / height)
    for (let x = 0; x < width; x++) {
      const distance = Math.hypot(x - sun.x * width, y - sun.y * height)
      let pixel = mix(sky, sun.colour, cover(radius - distance))
      for (const { colour, edge } of hills) pixel = mix(pixel, colour, cover(y - (edge[x] ?? 0)))
      row.set(pixel, x * 3)
    }
  })
}

function edgeAt({ y, swing, waves }: Hill, index: number, x: number): number {
  const angle = x * waves * Math.PI * 2 + index * 2.1
  return y - swing * (0.6 * Math.sin(angle) + 0.4 * Math.sin(angle * 2.3 + 1))
}

/** Softens an edge over one pixel. */
function cover(inside: number): number {
  return Math.min(1, Math.max(0, inside + 0.5))
}

function mix(under: Colour, over: Colour, share: number): Colour {
  if (share === 0) return under
  if (share === 1) return over
  return [
    under[0] + (over[0] - under[0]) * share,
    under[1] + (over[1] - under[1]) * share,
    under[2] + (over[2] - under[2]) * share,
  ]
}

function colourOf(hex: string): Colour {
  const [red = 0, green = 0, blue = 0] = Uint8Array.fromHex(hex.slice(1))
  return [red, green, blue]
}
