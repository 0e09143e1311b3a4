/** The style of the web component. An app changes it with the parts and two colors. */

export const STYLE = `
:host { display: block; color-scheme: light dark; font: inherit; 
  --accent: var(--google-photos-accent, #0b57d0); --on-accent: var(--google-photos-on-accent, #fff) }
:host([hidden]) { display: none }
.row { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center }
button { font: inherit; cursor: pointer; border-radius: 1.5em; padding: .55em 1.2em; min-height: 2.75rem;
  border: 1px solid var(--accent); background: var(--accent); color: var(--on-accent) }
button.quiet { background: none; color: inherit; border-color: currentColor }
button[aria-disabled=true] { cursor: default; opacity: .6 }
button.play { grid-area: 1 / 1; z-index: 1 }
:focus-visible { outline: 3px solid Highlight; outline-offset: 2px }
[hidden] { display: none }
p { margin: .5rem 0 }
.error { border-inline-start: .25rem solid #c5221f; padding-inline-start: .75rem }
progress { width: 100%; accent-color: var(--accent) }
ul { list-style: none; margin: 1rem 0 0; padding: 0; display: grid; gap: .5rem;
  grid-template-columns: repeat(auto-fill, minmax(min(9rem, 45%), 1fr)) }
li { margin: 0; aspect-ratio: 1; overflow: hidden; border-radius: .5rem; background: rgba(128, 128, 128, .18);
  display: grid; place-items: center; font-size: .8rem; text-align: center; overflow-wrap: anywhere }
img { grid-area: 1 / 1 }
img, video { width: 100%; height: 100%; object-fit: cover; display: block }
video { object-fit: contain }
@media (prefers-color-scheme: dark) {
  :host { --accent: var(--google-photos-accent, #a8c7fa); --on-accent: var(--google-photos-on-accent, #062e6f) }
}
`
