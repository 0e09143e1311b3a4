import { createBroker } from 'https://broker.example.com/client.js'
import { pickPhotos } from 'https://broker.example.com/photos.js'

const broker = createBroker({ url: 'https://broker.example.com', client: 'gallery' })
const byId = (id) => document.querySelector(`#${id}`)
const show = async (picked) => {
  const sources = await Promise.all(picked.map((photo) => photo.src()))
  const images = sources.map((src) => Object.assign(new Image(), { src }))
  byId('photos').replaceChildren(...images)
}
const fail = (error) => byId('photos').replaceChildren(error.message)
byId('connect').onclick = () => broker.connect('pick').catch(fail)
byId('choose').onclick = () => pickPhotos(broker).then(show, fail)
