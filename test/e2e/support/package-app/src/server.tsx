/** Renders the React recipe as a server does. */

import { StrictMode } from 'react'
import { renderToString } from 'react-dom/server'
import { App } from './app.tsx'

console.log(
  renderToString(
    <StrictMode>
      <App />
    </StrictMode>,
  ),
)
