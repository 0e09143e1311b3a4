/** Shows the React recipe, also where a server has rendered it. */

import { StrictMode } from 'react'
import { createRoot, hydrateRoot } from 'react-dom/client'
import { App } from './app.tsx'

const page = document.querySelector('#app')
if (!page) throw new Error('the page has no place for the app')
const app = (
  <StrictMode>
    <App />
  </StrictMode>
)
if (page.hasChildNodes()) hydrateRoot(page, app)
else createRoot(page).render(app)
