/** A picture that the page paints, as something to upload. */

/** @returns {Promise<File>} a PNG of a landscape, with the time in it */
export async function paintPhoto() {
  const now = new Date()
  const canvas = new OffscreenCanvas(480, 320)
  const context = canvas.getContext('2d')
  if (!context) throw new Error('this browser cannot paint')
  const sky = context.createLinearGradient(0, 0, 0, 320)
  sky.addColorStop(0, '#2b5fa8')
  sky.addColorStop(0.7, '#f3b27a')
  sky.addColorStop(1, '#e2725b')
  context.fillStyle = sky
  context.fillRect(0, 0, 480, 320)
  context.fillStyle = '#ffe9b8'
  context.beginPath()
  context.arc(330, 190, 46, 0, 2 * Math.PI)
  context.fill()
  context.fillStyle = '#1d2c3f'
  context.beginPath()
  context.moveTo(0, 320)
  for (let x = 0; x <= 480; x += 8) {
    context.lineTo(x, 250 - 34 * Math.sin(x / 61) - 12 * Math.sin(x / 19))
  }
  context.lineTo(480, 320)
  context.fill()
  context.fillStyle = '#fff'
  context.font = '20px system-ui, sans-serif'
  context.fillText(now.toLocaleString(), 16, 304)
  const picture = await canvas.convertToBlob({ type: 'image/png' })
  const name = `demo-${now.toISOString().slice(0, 19).replaceAll(':', '')}.png`
  return new File([picture], name, { type: picture.type })
}
